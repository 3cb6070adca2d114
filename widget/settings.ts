/**
 * What a page sets on the element: attributes and their properties, with their defaults, and the
 * language and keys that come from around it. Knows no call and draws nothing.
 */
import { LitElement, type PropertyDeclarations } from 'lit';
import { labelsFor, type Labels } from './labels/labels.ts';

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
    captions: text,
    announce: text,
    theme: text,
    hotkey: text,
    noHotkeys: namedFlag('nohotkeys'),
    name: text,
    disabled: flag,
    debug: flag,
    workletBase: named('worklet-base'),
    volume: { type: Number, attribute: false },
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
  declare mode: 'voice' | 'text';
  declare turn: 'auto' | 'hold' | 'toggle';
  declare muted: boolean;
  declare micMuted: boolean;
  declare mutePolicy: 'silence' | 'release';
  declare captions: 'on' | 'off';
  declare announce: 'auto' | 'polite' | 'off';
  declare theme: 'auto' | 'light' | 'dark' | null;
  declare hotkey: string;
  declare noHotkeys: boolean;
  declare name: string;
  declare disabled: boolean;
  declare debug: boolean;
  declare workletBase: string;
  /** Output, 0 … 1. */
  declare volume: number;

  /** Words that differ from ours, whatever the language. */
  strings: Partial<Labels> = {};
  #leavePage: (() => void) | undefined;

  constructor() {
    super();
    Object.assign(this, { src: '', tenant: '', assistant: '', tokenSrc: '', variant: 'launcher', mode: 'voice' });
    Object.assign(this, { placement: 'end-bottom', turn: 'auto', mutePolicy: 'silence', captions: 'on' });
    Object.assign(this, { announce: 'auto', theme: null, hotkey: '', name: '', workletBase: '', volume: 1 });
    Object.assign(this, { open: false, muted: false, micMuted: false, noHotkeys: false });
    Object.assign(this, { disabled: false, debug: false });
  }

  /** The words of this element's language: its own, its page's, or the browser's. */
  protected get labels(): Labels {
    return { ...labelsFor(this.language), ...this.strings };
  }
  protected get language(): string {
    const near = this.closest<HTMLElement>('[lang]')?.lang ?? '';
    return near || document.documentElement.lang || navigator.language;
  }
  /** A key was pressed or let go anywhere on the page. */
  protected abstract keyed(event: KeyboardEvent): void;

  override connectedCallback(): void {
    super.connectedCallback();
    const leaving = new AbortController();
    const { signal } = leaving;
    const keyed = (event: KeyboardEvent) => this.keyed(event);
    document.addEventListener('keydown', keyed, { signal });
    document.addEventListener('keyup', keyed, { signal });
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
