/**
 * The element as a page meets it: properties, methods, commands and keys. What a person sees and
 * presses is in `surface.ts`; what a call is made of and how sound works, in other folders.
 */
import type { Levels } from './audio/audio-engine.ts';
import { NO_STATS, type CallConfig, type CallStats } from './call/call.ts';
import type { EndReason } from './call/call-controller.ts';
import type { LaneOwner, Phase } from './call/conversation.ts';
import { exportTranscript, type TranscriptFormat } from './call/export-transcript.ts';
import { checkSupport, type SupportVerdict } from './call/support.ts';
import type { ToolArguments, ToolDecision, ToolDefinition, ToolHandler } from './call/tools.ts';
import type { TranscriptEntry } from './call/transcript.ts';
import * as events from './events.ts';
import type { VoiceJibJabEventMap } from './events.ts';
import { matchesHotkey } from './hotkey.ts';
import { Surface } from './surface.ts';
import { styles } from './voice-jib-jab.styles.ts';

export const READY_STATES = { EMPTY: 0, CONFIGURED: 1, CONNECTING: 2, LIVE: 3, RECONNECTING: 4, ENDED: 5 } as const;
export type ReadyState = (typeof READY_STATES)[keyof typeof READY_STATES];

/** The worklet's file beside the script; the build names both. */
const WORKLET = 'voice-jib-jab.worklet.js';

/**
 * A voice assistant.
 *
 * @attr {string} src - The relay's origin; by default where the script came from.
 * @attr {string} tenant - Publishable key.
 * @attr {string} token-src - An address of the page's own that answers `{token}`.
 * @attr {string} assistant - Which assistant, where the tenant has several.
 * @attr {'launcher'|'panel'|'inline'|'bar'|'headless'} variant
 * @attr {'end-bottom'|'start-bottom'|'end-top'|'start-top'} placement - Of the launcher.
 * @attr {boolean} open - The launcher's panel is shown.
 * @attr {'voice'|'text'} mode - `text` asks for no microphone.
 * @attr {'auto'|'hold'|'toggle'} turn - Who says when a turn ends: the assistant's ear, or a button.
 * @attr {boolean} muted - Output. @attr {boolean} micmuted - Input.
 * @attr {'silence'|'release'} mute-policy - `release` lets go of the microphone while it is muted.
 * @attr {'on'|'off'} captions
 * @attr {'auto'|'polite'|'off'} announce - To screen readers; `auto` never talks over the agent.
 * @attr {'auto'|'light'|'dark'} theme - Without it, the page's own colour scheme.
 * @attr {string} hotkey - Such as `ctrl+shift+k`. @attr {boolean} nohotkeys
 * @attr {string} name - As a form field: the session's id is submitted under it.
 * @attr {boolean} disabled
 * @attr {boolean} debug - Sends `debug` events with everything on the wire.
 * @attr {string} worklet-base - A folder of the page's own that holds the worklet's file.
 * @csspart launcher, panel, header, status, transcript, message, message-user, message-agent, word-heard,
 *   composer, input, button, button-primary, mic, visualizer, error, footer
 * @slot launcher, header, error-{code}
 * @cssprop --vjj-accent, --vjj-on-accent, --vjj-surface, --vjj-raised, --vjj-line, --vjj-text, --vjj-quiet,
 *   --vjj-faint, --vjj-radius, --vjj-font, --vjj-z, --vjj-inset, --vjj-panel-inline-size, --vjj-shadow, --vjj-duration
 */
export class VoiceJibJab extends Surface {
  static override readonly styles = styles;
  static readonly formAssociated = true;

  /** Gives a fresh session token; wins over `token-src` and `tenant`. */
  getToken: ((signal: AbortSignal) => Promise<string>) | undefined;
  /** What the assistant should know from the start. */
  context = '';
  #focusBack: HTMLElement | null = null;

  constructor() {
    super();
    this.addEventListener('command', (event) => this.#command((event as Event & { command?: string }).command));
  }

  // What a page can read.

  get readyState(): ReadyState {
    switch (this.calls.state.at) {
      case 'connecting':
        return READY_STATES.CONNECTING;
      case 'live':
        return READY_STATES.LIVE;
      case 'reconnecting':
        return READY_STATES.RECONNECTING;
      case 'ended':
      case 'failed':
        return READY_STATES.ENDED;
      default:
        return this.tenant || this.tokenSrc || this.getToken ? READY_STATES.CONFIGURED : READY_STATES.EMPTY;
    }
  }
  get phase(): Phase {
    return this.calls.conversation.phase;
  }
  /** Whose sound is heard: nobody's, the reflex (A), the answer (B) or the relay's own clip (C). */
  get lane(): LaneOwner {
    return this.calls.conversation.owner;
  }
  get transcript(): readonly TranscriptEntry[] {
    return this.calls.conversation.entries;
  }
  get heardText(): string {
    return this.calls.conversation.heardText;
  }
  get currentTurn(): string | null {
    return this.calls.conversation.turn;
  }
  get sessionId(): string {
    return this.calls.conversation.session;
  }
  /** Microphone and output, 0 … 1; to be polled. */
  get levels(): Levels {
    return this.calls.call?.levels ?? { in: 0, out: 0 };
  }
  get inputs(): readonly MediaDeviceInfo[] {
    return this.devices.inputs;
  }
  get outputs(): readonly MediaDeviceInfo[] {
    return this.devices.outputs;
  }
  get stats(): CallStats {
    return { ...(this.calls.call?.stats ?? NO_STATS) };
  }
  getStats(): Promise<CallStats> {
    return Promise.resolve(this.stats);
  }

  // What a page can do.

  /**
   * Opens a call. Call it inside a click, as with `play()`: browsers hold sound back otherwise.
   *
   * @throws {CallError} when the call cannot be opened; the element shows the same.
   */
  start(options: { mode?: 'voice' | 'text'; signal?: AbortSignal } = {}): Promise<void> {
    const mode = options.mode ?? this.mode;
    if (this.calls.isBusy || this.disabled) return Promise.resolve();
    const asking = new events.BeforeStartEvent(mode);
    if (!this.dispatchEvent(asking)) return Promise.resolve();
    const begin = () => {
      options.signal?.addEventListener('abort', () => this.stop('page'), { once: true });
      return this.#begin(mode);
    };
    // Without anybody to wait for, sound is asked for in this very click.
    if (asking.promises.length === 0) return begin();
    return Promise.all(asking.promises).then(
      (answers) => (answers.includes(false) ? undefined : begin()),
      () => undefined,
    );
  }
  stop(reason: EndReason = 'page'): void {
    this.calls.stop(reason);
  }
  interrupt(): void {
    this.calls.ask((call) => call.interrupt());
  }
  /** Says something in writing; opens a call without a microphone where there is none. */
  send(words: string): void {
    const said = words.trim();
    if (said === '' || this.disabled) return;
    if (this.calls.isBusy) {
      this.calls.sendText(said);
      return;
    }
    let isSaid = false;
    const say = () => {
      if (!isSaid && this.calls.isBusy) {
        isSaid = true;
        this.calls.sendText(said);
      }
    };
    // The element shows what goes wrong. A page that holds the start back holds the words back too.
    this.start({ mode: 'text' }).then(say, () => undefined);
    say();
  }
  /** Tells the assistant what changed on the page. The same `key` replaces what was said before under it. */
  updateContext(patch: string | Record<string, unknown>, { key }: { key?: string } = {}): void {
    const said = typeof patch === 'string' ? patch : JSON.stringify(patch);
    this.calls.ask((call) => call.updateContext(said, key));
  }
  show(): void {
    if (this.open || this.disabled) return;
    this.#focusBack = this.variant === 'launcher' ? activeElement() : null;
    this.open = true;
    void this.updateComplete.then(() => this.focusOn('mic'));
  }
  hide(): void {
    if (!this.open) return;
    const hadFocus = this.matches(':focus-within');
    this.open = false;
    void this.updateComplete.then(() => {
      if (hadFocus) (this.#focusBack ?? this.control('launcher'))?.focus();
    });
  }
  toggle(): void {
    if (this.open) this.hide();
    else this.show();
  }
  async setInput(deviceId: string): Promise<void> {
    this.inputId = deviceId;
    await this.calls.call?.setInput(deviceId);
  }
  async setSinkId(sinkId: string): Promise<void> {
    await this.calls.call?.setSinkId(sinkId);
  }
  /** Offers a function to the model, from the next call on. */
  defineTool(name: string, definition: ToolDefinition, handler: ToolHandler): void {
    this.calls.tools.define(name, definition, handler);
  }
  checkSupport(): Promise<SupportVerdict> {
    return checkSupport();
  }
  exportTranscript(format: TranscriptFormat = 'txt'): string {
    const { you, assistant } = this.labels;
    return exportTranscript(this.transcript, format, {
      user: you,
      agent: this.calls.conversation.name || assistant,
    });
  }

  override addEventListener<K extends keyof VoiceJibJabEventMap>(
    type: K,
    listener: (this: VoiceJibJab, event: VoiceJibJabEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener, options);
  }

  decideTool(name: string, args: ToolArguments): ToolDecision {
    const event = new events.ToolCallEvent(name, args);
    if (!this.dispatchEvent(event)) return 'refused';
    return event.response ? { answer: event.response } : 'undecided';
  }

  async #begin(mode: 'voice' | 'text'): Promise<void> {
    this.hasMic = mode === 'voice';
    await this.calls.start(this.#config(mode));
    const { state } = this.calls;
    if (state.at === 'failed') throw state.error;
  }

  #config(mode: 'voice' | 'text'): CallConfig {
    const beside = [new URL(WORKLET, import.meta.url).href];
    if (this.workletBase) beside.push(new URL(WORKLET, new URL(this.workletBase, document.baseURI)).href);
    const { tenant, assistant, tokenSrc, getToken, turn, context, inputId, mutePolicy, muted, volume } = this;
    return {
      ...{ tenant, assistant, tokenSrc, getToken, turn, mode, context, inputId, mutePolicy, muted, volume },
      src: this.src ? new URL(this.src, document.baseURI).origin : new URL(import.meta.url).origin,
      locale: this.language,
      tools: this.calls.tools.list,
      workletUrls: beside,
      micMuted: this.micMuted,
    };
  }

  #command(command: string | undefined): void {
    switch (command) {
      case '--start':
        this.show();
        this.attempt(this.mode);
        break;
      case '--stop':
        this.stop('user');
        break;
      case '--toggle':
        this.toggle();
        break;
      case '--mute':
        this.micMuted = !this.micMuted;
        break;
      case '--interrupt':
        this.interrupt();
        break;
      case '--text':
        this.show();
        this.compose(true);
        break;
      default:
    }
  }

  protected override keyed(event: KeyboardEvent): void {
    if (!this.hotkey || this.noHotkeys || this.disabled || event.isComposing) return;
    if (event.type === 'keyup') {
      if (this.turn === 'hold' && this.isTalking && this.hotkey.toLowerCase().includes(keyName(event)))
        this.talk(false);
      return;
    }
    if (event.repeat || !matchesHotkey(this.hotkey, event)) return;
    event.preventDefault();
    this.show();
    if (this.turn === 'auto') this.tap();
    else this.talk(this.turn === 'hold' || !this.isTalking);
  }
}

/** The element that has the focus, also inside other shadow roots. */
function activeElement(): HTMLElement | null {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  return active instanceof HTMLElement && active !== document.body ? active : null;
}

const keyName = ({ key }: KeyboardEvent) => (key === ' ' ? 'space' : key.toLowerCase());
