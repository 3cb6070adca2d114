/**
 * What a page sets on the element: attributes and their properties, with their defaults, and the
 * language and keys that come from around it. Knows no call and draws nothing.
 */
import { LitElement, type PropertyDeclarations } from 'lit';
import type { OpenCall } from './call/call.ts';
import { openCall } from './call/lazy-call.ts';
import type { Labels } from './labels/labels.ts';

const text = { reflect: true };
const flag = { type: Boolean, reflect: true };
const named = (attribute: string) => ({ attribute, reflect: true });
const namedFlag = (attribute: string) => ({ attribute, type: Boolean, reflect: true });

export abstract class Settings extends LitElement {
  static override readonly properties: PropertyDeclarations = {
    src: text,
    tenant: text,
    assistant: text,
    tokenSrc: named('token-src'),
    variant: text,
    placement: text,
    open: flag,
    mode: text,
    turn: text,
    muted: flag,
    micMuted: namedFlag('micmuted'),
    mutePolicy: named('mute-policy'),
    codec: text,
    captions: text,
    announce: text,
    theme: text,
    hotkey: text,
    noHotkeys: namedFlag('nohotkeys'),
    name: text,
    disabled: flag,
    debug: flag,
    workletBase: named('worklet-base'),
    preload: text,
    controlsList: named('controlslist'),
    consent: text,
    storage: text,
    resume: text,
    volume: { type: Number, attribute: false },
    strings: { attribute: false },
    getToken: { attribute: false },
    context: { attribute: false },
    inputId: { attribute: false },
    openCall: { attribute: false },
    // What a page sets before the script has come is taken over; the accessor is our own.
    tools: { attribute: false, noAccessor: true },
  };
  static override get observedAttributes(): string[] {
    return [...super.observedAttributes, 'lang'];
  }

  declare src: string;
  declare tenant: string;
  declare assistant: string;
  declare tokenSrc: string;
  declare variant: 'launcher' | 'panel' | 'inline' | 'bar' | 'headless';
  declare placement: 'end-bottom' | 'start-bottom' | 'end-top' | 'start-top';
  declare open: boolean;
  /** `auto`: by voice, and by text where no microphone can be had. */
  declare mode: 'voice' | 'text' | 'auto';
  declare turn: 'auto' | 'hold' | 'toggle';
  declare muted: boolean;
  declare micMuted: boolean;
  declare mutePolicy: 'silence' | 'release';
  declare codec: 'pcm' | 'opus';
  declare captions: 'on' | 'off';
  declare announce: 'auto' | 'polite' | 'off';
  declare theme: 'auto' | 'light' | 'dark' | null;
  declare hotkey: string;
  declare noHotkeys: boolean;
  declare name: string;
  declare disabled: boolean;
  declare debug: boolean;
  declare workletBase: string;
  /** When the rest of the script is fetched: at the first press, when the pointer comes near, or at once. */
  declare preload: 'none' | 'intent' | 'auto';
  /** Controls that are left out, by word: `nomute notext novolume nodevices nocaptions norating`. */
  declare controlsList: string;
  /** `required`: nothing leaves the page and nothing is kept before the person has agreed. */
  declare consent: 'required' | null;
  /** Where an agreement and the chosen devices are kept. */
  declare storage: 'session' | 'local' | 'none';
  declare resume: 'tab' | 'none';
  /** Output, 0 … 1. */
  declare volume: number;

  /** Words that differ from ours, whatever the language. */
  declare strings: Partial<Labels>;
  /** Gives a fresh session token; wins over `token-src` and `tenant`. */
  declare getToken: ((signal: AbortSignal) => Promise<string>) | undefined;
  /** What the assistant should know from the start. */
  declare context: string;
  /** `deviceId` of the microphone; empty is the default one. */
  declare inputId: string;
  /** How a call is opened: the seam for tests and other transports. */
  declare openCall: OpenCall;
  #leavePage: (() => void) | undefined;

  constructor() {
    super();
    Object.assign(this, {
      ...{ src: '', tenant: '', assistant: '', tokenSrc: '', hotkey: '', name: '', workletBase: '', controlsList: '' },
      ...{ variant: 'launcher', placement: 'end-bottom', mode: 'voice', turn: 'auto', announce: 'auto' },
      ...{ mutePolicy: 'silence', codec: 'pcm', captions: 'on', preload: 'none', resume: 'none', storage: 'session' },
      ...{ open: false, muted: false, micMuted: false, noHotkeys: false, disabled: false, debug: false },
      ...{
        theme: null,
        consent: null,
        volume: 1,
        strings: {},
        getToken: undefined,
        context: '',
        inputId: '',
        openCall,
      },
    });
  }

  /** The nearest `lang`, the page's, or the browser's. */
  get language(): string {
    return langAround(this) ?? navigator.language;
  }
  /** A key was pressed or let go anywhere on the page. */
  protected abstract keyed(event: KeyboardEvent): void;
  /** The page is left. */
  protected abstract left(): void;
  /** The page is seen, also when the browser had kept it. */
  protected abstract shown(): void;
  /** A button of the page asks for something, such as `--start`. */
  protected abstract command(command: string | undefined): void;

  override connectedCallback(): void {
    super.connectedCallback();
    const leaving = new AbortController();
    const { signal } = leaving;
    const keyed = (event: KeyboardEvent) => this.keyed(event);
    document.addEventListener('keydown', keyed, { signal });
    document.addEventListener('keyup', keyed, { signal });
    addEventListener('pagehide', () => this.left(), { signal });
    addEventListener('pageshow', () => this.shown(), { signal });
    this.shown();
    if (!('commandForElement' in HTMLButtonElement.prototype)) {
      document.addEventListener('click', (event) => this.command(commandOf(event, this)), { signal });
    }
    const pageLanguage = new MutationObserver(() => this.requestUpdate());
    pageLanguage.observe(document.documentElement, { attributes: true, attributeFilter: ['lang'] });
    this.#leavePage = () => {
      leaving.abort();
      pageLanguage.disconnect();
    };
  }
  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#leavePage?.();
  }
  override attributeChangedCallback(name: string, old: string | null, value: string | null): void {
    super.attributeChangedCallback(name, old, value);
    if (name === 'lang') this.requestUpdate();
  }
}

/** The nearest `lang`, also outside the shadow that holds the element. */
function langAround(element: Element): string | undefined {
  const near = element.closest('[lang]')?.getAttribute('lang');
  if (near) return near;
  const root = element.getRootNode();
  return root instanceof ShadowRoot ? langAround(root.host) : undefined;
}

/** What a `<button commandfor command>` asks of `element`, in browsers that do not ask themselves. */
function commandOf(event: Event, element: Element): string | undefined {
  const [pressed] = event.composedPath();
  const button = pressed instanceof Element ? pressed.closest<HTMLButtonElement>('button[commandfor]') : null;
  const isMeant =
    button !== null && !button.disabled && element.id !== '' && button.getAttribute('commandfor') === element.id;
  return isMeant ? (button.getAttribute('command') ?? undefined) : undefined;
}
