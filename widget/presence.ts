/**
 * The element before and after somebody wants to talk: a launcher at first, which is all that a page
 * loads; then the surface with its panel and its call, fetched when it is first needed. Knows when to
 * fetch and what to show meanwhile; what a page can ask for is in `voice-jib-jab.ts`.
 */
import { html, nothing, type PropertyValues } from 'lit';
import { workletUrl } from './audio/prepared-sound.ts';
import type { EndReason } from './call/call-controller.ts';
import { loadCall } from './call/lazy-call.ts';
import type { Tool, ToolArguments, ToolDecision } from './call/tools.ts';
import { tabKey } from './call/tab-key.ts';
import { Consent } from './consent.ts';
import type { CallError } from './errors.ts';
import * as events from './events.ts';
import { fetched } from './fetched.ts';
import { recall } from './keep.ts';
import { talkIn } from './labels/talk.ts';
import { nextTask } from './next-task.ts';
import { Settings } from './settings.ts';
import type { Surface } from './surface.ts';
import type { SurfaceParts } from './surface-parts.ts';
import { launcher } from './view/launcher.ts';

export type StartMode = 'voice' | 'text' | 'auto';

export type SurfaceScript = typeof import('./surface.ts');
export const surfaceParts = fetched(() => import('./surface.ts'));
/** Into the browser's cache. A page that forbids it pays with a wait in the call. */
const worklet = fetched(() =>
  fetch(workletUrl())
    .then((file) => file.blob())
    .catch(() => null),
);

const loadParts = (): Promise<unknown> => Promise.all([surfaceParts.load().then(({ ready }) => ready()), loadCall()]);
/** Fetches everything that a call needs, and opens none. A press has no use for it: the call's sound asks for the worklet there. */
export const preload = (): Promise<unknown> => Promise.all([loadParts(), worklet.load()]);

export abstract class Presence extends Settings {
  protected readonly internals = this.attachInternals();
  protected readonly offered = new Map<string, Tool>();
  protected readonly agreement = new Consent(this);
  protected surface: Surface | null = null;
  protected loading: Promise<Surface> | null = null;
  /** A start that waits for the rest of the script; stopping gives it up. */
  protected opening: AbortController | null = null;
  /** The rest of the script did not come. */
  protected failure: CallError | null = null;

  constructor() {
    super();
    this.addEventListener('command', (event) => this.command((event as Event & { command?: string }).command));
    const near = () => {
      if (this.preload === 'intent') this.fetchAhead(preload);
    };
    this.addEventListener('pointerenter', near);
    this.addEventListener('focusin', near);
  }

  /** A page that is left, also one that the browser keeps for the way back, lets go of the microphone. */
  protected override left(): void {
    this.surface?.leave();
    this.stop('removed');
  }
  /** Goes on with what the page before left in this tab. */
  protected override shown(): void {
    if (this.resume === 'tab' && recall('session', tabKey(this)))
      this.furnished().then(
        (surface) => surface.comeBack(),
        () => undefined,
      );
  }

  /** A `<fieldset disabled>` around it counts too. */
  formDisabledCallback(isDisabled: boolean): void {
    this.disabled = isDisabled;
  }

  abstract stop(reason?: EndReason): void;
  abstract show(): void;
  /** Hides the panel and ends the call. */
  abstract close(): void;
  abstract get error(): CallError | null;
  /** This element's surface, from the script that has come. */
  protected abstract surfaceFrom(script: SurfaceScript, parts: SurfaceParts): Surface;
  /** The launcher was pressed. */
  protected abstract launch(): void;

  protected get conversation() {
    return this.surface?.calls.conversation;
  }
  protected get isBusy(): boolean {
    return this.opening !== null || this.surface?.calls.isBusy === true;
  }

  /** The surface, made in this very task where the script is here. */
  protected furnished(): Promise<Surface> {
    const { here } = surfaceParts;
    if (here && !this.surface) this.#furnish(here);
    if (this.surface) return Promise.resolve(this.surface);
    this.loading ??= surfaceParts.load().then(
      (parts) => {
        this.failure = null;
        return this.surface ?? this.#furnish(parts);
      },
      (error: unknown) => {
        this.loading = null;
        this.failure = error as CallError;
        this.dispatchEvent(new events.CallErrorEvent(this.failure));
        throw error;
      },
    );
    return this.loading;
  }
  #furnish(parts: SurfaceScript): Surface {
    const surface = this.surfaceFrom(parts, {
      internals: this.internals,
      tools: this.offered,
      decideTool: (name, args) => this.#decideTool(name, args),
      consent: this.agreement,
    });
    const root = this.renderRoot as ShadowRoot | undefined;
    if (root)
      root.adoptedStyleSheets = [
        ...root.adoptedStyleSheets,
        ...parts.panelStyles.flatMap((one) => one.styleSheet ?? []),
      ];
    this.surface = surface;
    this.requestUpdate();
    return surface;
  }
  /**
   * Looks ahead; a failure shows when it matters. Where a question comes first, only what asks it: with the
   * page, so that from the press to the answer nothing leaves it at all.
   *
   * @param load - by default what a press needs.
   */
  protected fetchAhead(load = loadParts): void {
    (this.agreement.isNeeded ? surfaceParts.load().then(({ ready }) => ready(this.language)) : load()).catch(
      () => undefined,
    );
  }
  protected showQuestion(): void {
    if (this.variant === 'launcher') this.show();
    this.furnished().catch(() => this.agreement.answer(false));
  }

  #decideTool(name: string, args: ToolArguments): ToolDecision {
    const event = new events.ToolCallEvent(name, args);
    if (!this.dispatchEvent(event)) return 'refused';
    return event.response ? { answer: event.response } : 'undecided';
  }

  readonly #panelKey = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || event.isComposing || this.variant !== 'launcher' || !this.open) return;
    event.stopPropagation();
    this.close();
  };

  // What is shown.

  /** A launcher that the page's HTML painted already makes room for the real one, within one frame. */
  protected override createRenderRoot(): HTMLElement | DocumentFragment {
    this.shadowRoot?.replaceChildren();
    return super.createRenderRoot();
  }
  /** Also until what is to be shown has been fetched. */
  protected override async getUpdateComplete(): Promise<boolean> {
    const isDone = await super.getUpdateComplete();
    if (!this.loading || this.surface) return isDone;
    await this.loading.catch(() => undefined);
    return super.getUpdateComplete();
  }

  /**
   * The first picture is a task of its own, and that of a call that begins: together with the script's
   * evaluation, or with the opening of sound and socket, it would be a long one on slow machines. Sound comes first.
   */
  protected override async scheduleUpdate(): Promise<void> {
    if (!this.hasUpdated || this.opening || this.surface?.isTurning) {
      await nextTask();
      await this.surface?.soundFirst();
    }
    return super.scheduleUpdate() as void;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const { variant } = this;
    const isPanel = variant !== 'headless' && (variant !== 'launcher' || this.open);
    // What went wrong is told by the `error` event.
    if (isPanel) this.furnished().catch(() => undefined);
    if ((changed.has('preload') && this.preload === 'auto') || (changed.has('consent') && this.agreement.isNeeded))
      this.fetchAhead(preload);
    this.surface?.willUpdate(changed);
  }

  protected override updated(changed: PropertyValues<this>): void {
    this.#reflectStates();
    this.surface?.updated();
    if (changed.has('open') && changed.get('open') !== undefined) this.dispatchEvent(new Event('toggle'));
    const isNew = (name: 'muted' | 'volume' | 'micMuted') => changed.has(name) && changed.get(name) !== undefined;
    if (isNew('muted') || isNew('volume')) this.dispatchEvent(new Event('volumechange'));
    if (isNew('micMuted')) this.dispatchEvent(new Event('micmutechange'));
  }

  #reflectStates(): void {
    // Engines without custom states style by attribute and part instead.
    const states = this.internals.states as CustomStateSet | undefined;
    const resting = this.opening ? 'connecting' : this.failure ? 'error' : 'idle';
    const on = this.opening ? [resting] : (this.surface?.states ?? [resting]);
    states?.clear();
    for (const name of on) states?.add(name);
    if (this.muted) states?.add('muted');
    if (this.micMuted) states?.add('micmuted');
  }

  protected override render() {
    const { variant, open, disabled } = this;
    const surface = this.surface;
    if (variant === 'headless') return nothing;
    const view =
      variant === 'launcher'
        ? launcher({
            // The pill stays until there is a panel to see.
            isOpen: open && surface !== null,
            isDisabled: disabled,
            word: surface?.word ?? this.strings.talk ?? talkIn(this.language),
            panel: open && surface ? surface.view(variant) : nothing,
            press: () => this.launch(),
            touch: () => this.fetchAhead(),
          })
        : (surface?.view(variant) ?? nothing);
    return html`
      <div
        class="root"
        lang=${surface?.labels.lang ?? nothing}
        dir=${!surface || this.closest('[dir]') ? nothing : surface.labels.dir}
        @keydown=${this.#panelKey}
      >
        ${view}
        <p class="visually-hidden" role="status">${this.error ? '' : surface?.announcement}</p>
        <p class="visually-hidden" role="alert">${this.error ? surface?.announcement : ''}</p>
      </div>
    `;
  }
}
