/**
 * The element as a page meets it: properties, methods, commands and keys. Before somebody wants to
 * talk there is no call behind it and everything has its resting value; how the rest comes is in
 * `presence.ts`.
 */
import type { Levels } from './audio/audio-engine.ts';
import { prepareContext, prepareMicrophone } from './audio/prepared-sound.ts';
import { NO_STATS, type CallStats } from './call/call.ts';
import type { EndReason } from './call/call-controller.ts';
import type { LaneOwner, Phase } from './call/conversation.ts';
import type { TranscriptFormat } from './call/export-transcript.ts';
import { openCall } from './call/lazy-call.ts';
import type { SupportVerdict } from './call/support.ts';
import type { ToolDefinition, ToolHandler, ToolOffer } from './call/tools.ts';
import type { TranscriptEntry } from './call/transcript.ts';
import type { ConsentState } from './consent.ts';
import type { CallError } from './errors.ts';
import * as events from './events.ts';
import { fetched } from './fetched.ts';
import { matchesHotkey } from './hotkey.ts';
import { DEVICES, recall } from './keep.ts';
import { Presence, preload, surfaceParts, type StartMode, type SurfaceScript } from './presence.ts';
import type { Surface } from './surface.ts';
import type { SurfaceParts } from './surface-parts.ts';
import { styles } from './voice-jib-jab.styles.ts';

const supportScript = fetched(() => import('./call/support.ts'));

export const READY_STATES = { EMPTY: 0, CONFIGURED: 1, CONNECTING: 2, LIVE: 3, RECONNECTING: 4, ENDED: 5 } as const;
export type ReadyState = (typeof READY_STATES)[keyof typeof READY_STATES];
export type { StartMode };

export interface StartOptions {
  mode?: StartMode;
  /** What the assistant should know from the start; otherwise the property `context`. */
  context?: string;
  /** Ends the call. */
  signal?: AbortSignal;
}

/**
 * A voice assistant.
 *
 * @tag voice-jib-jab
 * @tagname voice-jib-jab
 *
 * @attr {string} src - The relay's origin; by default where the script came from.
 * @attr {string} tenant - Publishable key.
 * @attr {string} token-src - An address of the page's own that answers `{token}`.
 * @attr {string} assistant - Which assistant, where the tenant has several.
 * @attr {'launcher'|'panel'|'inline'|'bar'|'headless'} variant - How it looks; `headless` shows nothing.
 * @attr {'end-bottom'|'start-bottom'|'end-top'|'start-top'} placement - Of the launcher.
 * @attr {boolean} open - The launcher's panel is shown.
 * @attr {'voice'|'text'|'auto'} mode - `text` asks for no microphone; `auto` does without where there is none.
 * @attr {'auto'|'hold'|'toggle'} turn - Who says when a turn ends: the assistant's ear, or a button.
 * @attr {boolean} muted - Output.
 * @attr {boolean} micmuted - Input.
 * @attr {'silence'|'release'} mute-policy - `release` lets go of the microphone while it is muted.
 * @attr {'pcm'|'opus'} codec - `opus` sends and hears sound in a tenth of the bandwidth where the browser and the relay can.
 * @attr {'none'|'intent'|'auto'} preload - When the rest of the script is fetched: at the press, when the pointer comes near, or at once.
 * @attr {'on'|'off'} captions - Whether words are shown.
 * @attr {'auto'|'polite'|'off'} announce - To screen readers; `auto` never talks over the agent.
 * @attr {string} controlslist - Controls to leave out: `nomute notext novolume nodevices nocaptions norating`.
 * @attr {'required'} consent - Nothing leaves the page and nothing is kept before the person has agreed.
 * @attr {'session'|'local'|'none'} storage - Where an agreement and the chosen devices are kept.
 * @attr {'tab'|'none'} resume - `tab`: a conversation goes on in the next page of the same tab.
 * @attr {string} lang - Of the words; otherwise the page's.
 * @attr {'auto'|'light'|'dark'} theme - Without it, the page's own colour scheme.
 * @attr {string} hotkey - Such as `ctrl+shift+k`.
 * @attr {boolean} nohotkeys - No key of the page does anything here.
 * @attr {string} name - As a form field: the session's id is submitted under it.
 * @attr {string} worklet-base - A folder of the page's own that holds the worklet's file.
 * @attr {boolean} disabled - Nothing can be started.
 * @attr {boolean} debug - Sends `debug` events with everything on the wire.
 *
 * @fires {BeforeStartEvent} beforestart - A call is about to start. Prevent it, or hold it with `waitUntil()`.
 * @fires {StartEvent} start - The call is open.
 * @fires {EndEvent} end - The call is over; `reason` says why.
 * @fires {PhaseChangeEvent} phasechange - Who is doing what: `idle listening thinking speaking held`.
 * @fires {Event} readystatechange - `readyState` changed.
 * @fires {TurnStartEvent} turnstart - A turn began.
 * @fires {TurnEndEvent} turnend - A turn is over, with its figures.
 * @fires {TranscriptEvent} transcript - A line came or changed.
 * @fires {WordHeardEvent} wordheard - A word of the answer reached the ear.
 * @fires {InterruptEvent} interrupt - The agent was stopped, or paused and resumed.
 * @fires {ToolCallEvent} toolcall - The model calls a function. Answer with `respondWith()`, refuse with `preventDefault()`.
 * @fires {CitationEvent} citation - A function's answer named a source: `tool`, `title`, `url`.
 * @fires {ConsentRequestEvent} consentrequest - The person must agree. Prevent it to ask in the page's own words.
 * @fires {ConsentChangeEvent} consentchange - The person agreed or declined.
 * @fires {PermissionChangeEvent} permissionchange - Of the microphone.
 * @fires {Event} devicechange - `inputs` or `outputs` changed.
 * @fires {Event} volumechange - `volume` or `muted` changed.
 * @fires {Event} micmutechange - `micMuted` changed.
 * @fires {ReconnectingEvent} reconnecting - The connection was lost and is being sought.
 * @fires {ReconnectedEvent} reconnected - The connection is back, or the tab's next page has the conversation; `replayed` says whether nothing was missed.
 * @fires {RatingEvent} rating - The conversation or a turn was rated.
 * @fires {HandoffEvent} handoff - A person takes over.
 * @fires {LaneChangeEvent} lanechange - Who is heard changed: nobody, the reflex, the answer or the relay's word.
 * @fires {CallErrorEvent} error - Something went wrong; `error.code` and `error.recovery` say what and what to do.
 * @fires {DebugEvent} debug - With the attribute `debug`: everything on the wire.
 * @fires {Event} toggle - `open` changed.
 *
 * @slot launcher - What the pill shows.
 * @slot header - Under the panel's header.
 * @slot avatar - Before the assistant's name.
 * @slot empty - In place of the words before the first one.
 * @slot icon-{name} - In place of an icon: `mic keyboard settings captions sound interrupt close`.
 * @slot error-{code} - In place of an error's words.
 * @slot consent - In place of what is asked before the first call.
 * @slot footer - Under everything else.
 *
 * @csspart launcher - The pill.
 * @csspart panel - What the pill opens; the card; the row.
 * @csspart header - Name, state, captions, sound, close.
 * @csspart status - The state in a word.
 * @csspart transcript - The words.
 * @csspart message - One line.
 * @csspart message-user - A line of the person's.
 * @csspart message-agent - A line of the assistant's.
 * @csspart word-heard - Words that reached the ear.
 * @csspart composer - The form for typing.
 * @csspart input - Its field.
 * @csspart button - Every button but the pill.
 * @csspart button-primary - The one that is to be pressed.
 * @csspart mic - The microphone button.
 * @csspart visualizer - The thread.
 * @csspart error - What went wrong, and what to do.
 * @csspart consent - The question before the first call.
 * @csspart confirmation - The question before a function of the page runs.
 * @csspart settings - Microphone, speaker, volume.
 * @csspart select - A menu in it.
 * @csspart meter - How loud the microphone is, in them.
 * @csspart rating - How it was, after the call.
 * @csspart footer - Under the thread.
 *
 * @cssprop --vjj-accent - The agent's voice.
 * @cssprop --vjj-on-accent - Text on it.
 * @cssprop --vjj-surface - The ground.
 * @cssprop --vjj-raised - What lies on it.
 * @cssprop --vjj-line - Hairlines.
 * @cssprop --vjj-text - Words.
 * @cssprop --vjj-quiet - Quiet words and icons.
 * @cssprop --vjj-faint - Words not heard yet.
 * @cssprop --vjj-radius - Of the panel.
 * @cssprop --vjj-font - Otherwise the page's.
 * @cssprop --vjj-z - Of the launcher.
 * @cssprop --vjj-inset - From the window's edge.
 * @cssprop --vjj-panel-inline-size - Of the panel.
 * @cssprop --vjj-shadow - Of pill and panel.
 * @cssprop --vjj-duration - Of every movement.
 *
 * @cssstate idle - No call was opened yet.
 * @cssstate connecting - A call is being opened.
 * @cssstate live - A call is open.
 * @cssstate reconnecting - The connection is being sought.
 * @cssstate ended - The call is over.
 * @cssstate error - The call failed.
 * @cssstate listening - The agent listens.
 * @cssstate thinking - The agent thinks.
 * @cssstate speaking - The agent is heard.
 * @cssstate held - The agent paused because somebody may be speaking.
 * @cssstate user-speaking - The person is heard.
 * @cssstate talking - The button is held.
 * @cssstate muted - Output is off.
 * @cssstate micmuted - Input is off.
 */
export class VoiceJibJab extends Presence {
  static override readonly styles = styles;
  static readonly formAssociated = true;
  declare static readonly EMPTY: typeof READY_STATES.EMPTY;
  declare static readonly CONFIGURED: typeof READY_STATES.CONFIGURED;
  declare static readonly CONNECTING: typeof READY_STATES.CONNECTING;
  declare static readonly LIVE: typeof READY_STATES.LIVE;
  declare static readonly RECONNECTING: typeof READY_STATES.RECONNECTING;
  declare static readonly ENDED: typeof READY_STATES.ENDED;
  static {
    Object.assign(this, READY_STATES);
  }

  /** Registers the element under `tag`, if nobody has. Where there is no document it does nothing. */
  static define(tag = 'voice-jib-jab', registry?: CustomElementRegistry): void {
    if (typeof document === 'undefined') return;
    const known = registry ?? customElements;
    if (!known.get(tag)) known.define(tag, tag === 'voice-jib-jab' ? this : class extends this {});
  }
  /** Fetches everything that a call needs, and opens none. */
  static async preload(): Promise<void> {
    await preload();
  }

  #sinkId = '';
  #focusBack: HTMLElement | null = null;

  // What a page can read.

  get readyState(): ReadyState {
    if (this.opening) return READY_STATES.CONNECTING;
    switch (this.surface?.calls.state.at) {
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
    return this.conversation?.phase ?? 'idle';
  }
  /** Whose sound is heard: nobody's, the reflex (A), the answer (B) or the relay's own clip (C). */
  get lane(): LaneOwner {
    return this.conversation?.owner ?? 'none';
  }
  /** What went wrong last, if it still stands in the way. */
  get error(): CallError | null {
    return this.surface?.error ?? this.failure;
  }
  get transcript(): readonly TranscriptEntry[] {
    return this.conversation?.entries ?? [];
  }
  /** What of the newest answer was heard. */
  get heardText(): string {
    return this.conversation?.heardText ?? '';
  }
  get currentTurn(): string | null {
    return this.conversation?.turn ?? null;
  }
  get sessionId(): string {
    return this.conversation?.session ?? '';
  }
  /** Microphone and output, 0 … 1; to be polled. */
  get levels(): Levels {
    return this.surface?.calls.call?.levels ?? { in: 0, out: 0 };
  }
  /** Microphones, once a call was opened. */
  get inputs(): readonly MediaDeviceInfo[] {
    return this.surface?.devices.inputs ?? [];
  }
  /** Speakers, once a call was opened. */
  get outputs(): readonly MediaDeviceInfo[] {
    return this.surface?.devices.outputs ?? [];
  }
  get stats(): CallStats {
    return { ...(this.surface?.calls.call?.stats ?? NO_STATS) };
  }
  getStats(): Promise<CallStats> {
    return Promise.resolve(this.stats);
  }
  get consentState(): ConsentState {
    return this.agreement.state;
  }
  /** `deviceId` of the speaker; empty is the default one. */
  get sinkId(): string {
    return this.#sinkId;
  }
  set sinkId(sinkId: string) {
    this.#sinkId = sinkId;
  }
  /** The functions that are offered to the model; setting them replaces all. */
  get tools(): readonly ToolOffer[] {
    return [...this.offered].map(([name, tool]) => ({ name, ...tool }));
  }
  set tools(tools: readonly ToolOffer[]) {
    this.offered.clear();
    for (const { name, handler, ...definition } of tools) this.defineTool(name, definition, handler);
  }
  /** The form that the session's id is submitted with. */
  get form(): HTMLFormElement | null {
    return this.internals.form;
  }

  // What a page can do.

  /**
   * Opens a call. Call it inside a click, as with `play()`: browsers hold sound back otherwise.
   *
   * @throws {CallError} when the call cannot be opened; the element shows the same.
   */
  start(options: StartOptions = {}): Promise<void> {
    if (this.isBusy || this.disabled) return Promise.resolve();
    if (this.agreement.isNeeded) {
      const asked = this.agreement.ask();
      // The question is part of the panel.
      if (this.agreement.isAsking) this.showQuestion();
      return asked.then((isAgreed) => (isAgreed ? this.start(options) : undefined));
    }
    const asking = new events.BeforeStartEvent({
      mode: options.mode ?? this.mode,
      context: options.context ?? this.context,
    });
    if (!this.dispatchEvent(asking)) return Promise.resolve();
    const begin = () => this.#begin(asking.config, options.signal);
    // Without anybody to wait for, sound is asked for in this very click.
    if (asking.promises.length === 0) return begin();
    return Promise.all(asking.promises).then(
      (answers) => (answers.includes(false) ? undefined : begin()),
      () => undefined,
    );
  }
  stop(reason: EndReason = 'page'): void {
    this.opening?.abort();
    this.surface?.calls.stop(reason);
  }
  interrupt(): void {
    this.surface?.calls.ask((call) => call.interrupt());
  }
  /** Says something in writing; opens a call without a microphone where there is none. */
  send(words: string): void {
    const said = words.trim();
    if (said === '' || this.disabled) return;
    this.#inCall((surface) => surface.send(said));
  }
  /** Makes the assistant say exactly this; opens a call without a microphone where there is none. */
  say(words: string): void {
    const said = words.trim();
    if (said === '' || this.disabled) return;
    this.#inCall((surface) => surface.calls.ask((call) => call.say(said)));
  }
  /** Tells the assistant what changed on the page. The same `key` replaces what was said before under it. */
  updateContext(patch: string | Record<string, unknown>, { key }: { key?: string } = {}): void {
    const said = typeof patch === 'string' ? patch : JSON.stringify(patch);
    this.surface?.calls.ask((call) => call.updateContext(said, key));
  }
  show(): void {
    if (this.open || this.disabled) return;
    this.#focusBack = this.variant === 'launcher' ? activeElement() : null;
    this.open = true;
    void this.updateComplete.then(() => this.surface?.focusOn('mic'));
  }
  hide(): void {
    if (!this.open) return;
    const hadFocus = this.matches(':focus-within');
    this.open = false;
    void this.updateComplete.then(() => {
      const pill = this.renderRoot.querySelector<HTMLElement>('[data-id=launcher]');
      if (hadFocus) (this.#focusBack ?? pill)?.focus();
    });
  }
  toggle(): void {
    if (this.open) this.hide();
    else this.show();
  }
  /** Hides the panel and ends the call: a microphone behind a closed window is distrusted most. */
  close(): void {
    this.hide();
    if (this.agreement.isAsking) this.agreement.answer(false);
    this.stop('user');
  }
  /** Chooses the microphone, now and for later calls. */
  async setInput(deviceId: string): Promise<void> {
    this.inputId = deviceId;
    await this.surface?.setInput(deviceId);
  }
  /** Chooses the speaker, now and for later calls. */
  async setSinkId(sinkId: string): Promise<void> {
    this.#sinkId = sinkId;
    await this.surface?.setSinkId(sinkId);
  }
  /** Offers a function to the model, from the next call on. With `confirm`, the person is asked first. */
  defineTool(name: string, definition: ToolDefinition, handler: ToolHandler): void {
    this.offered.set(name, { ...definition, handler });
  }
  /** Answers the question of consent for the person, in the click that says so. */
  setConsent(isAgreed: boolean): void {
    this.agreement.answer(isAgreed);
  }
  /**
   * Rates the conversation, or one turn of it: the newest one, live or over. The relay keeps the last rating of each.
   *
   * @param score - 1 … 5.
   * @throws {CallError} when the relay does not get or take it; the `rating` event has come all the same.
   * @throws {RangeError} for any other number.
   */
  async rate(score: number, { turn = null, comment = '' }: { turn?: string | null; comment?: string } = {}) {
    if (!Number.isInteger(score) || score < 1 || score > 5) throw new RangeError('a rating is 1 to 5');
    await (await this.furnished()).rate(score, turn, comment);
  }
  /** What this page and browser can do, without a question to the person; as JSON for support desks. */
  async checkSupport(): Promise<SupportVerdict> {
    return (await supportScript.load()).checkSupport();
  }
  /** The conversation as text, JSON or WebVTT; only what was heard is said to have been said. */
  exportTranscript(format: TranscriptFormat = 'txt'): string {
    const { here } = surfaceParts;
    const surface = this.surface;
    if (!here || !surface) return format === 'json' ? '[]' : format === 'vtt' ? 'WEBVTT\n\n' : '';
    const { you, assistant } = surface.labels;
    return here.exportTranscript(this.transcript, format, { user: you, agent: this.conversation?.name || assistant });
  }

  override addEventListener<K extends keyof events.VoiceJibJabEventMap>(
    type: K,
    listener: (this: VoiceJibJab, event: events.VoiceJibJabEventMap[K]) => unknown,
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

  /** Starts where nobody waits for the outcome: the element shows it. @internal */
  attempt(mode: StartMode): void {
    this.start({ mode }).catch(() => undefined);
  }

  // How it works.

  #begin({ mode, context }: events.StartConfig, signal: AbortSignal | undefined): Promise<void> {
    if (this.isBusy) return Promise.resolve();
    signal?.addEventListener('abort', () => this.stop('page'), { once: true });
    const clickedAtMs = performance.now();
    const isOurs = this.openCall === openCall;
    // A chosen microphone is for the call to ask for.
    const isAny = mode !== 'text' && !this.inputId && !recall(this.storage, DEVICES);
    const release = isOurs && isAny ? prepareMicrophone() : null;
    // Only in the gesture itself may a page start sound, so that much cannot wait for the rest.
    if (isOurs) prepareContext();
    const begin = (surface: Surface) => surface.start(mode, context, clickedAtMs);
    if (surfaceParts.here) void this.furnished();
    if (this.surface) return begin(this.surface).finally(release);
    const opening = (this.opening = new AbortController());
    this.fetchAhead();
    this.dispatchEvent(new Event('readystatechange'));
    this.requestUpdate();
    opening.signal.onabort = release;
    return this.furnished()
      .finally(() => {
        if (this.opening === opening) this.opening = null;
        this.requestUpdate();
      })
      .then((surface) => (opening.signal.aborted ? undefined : begin(surface)))
      .finally(release);
  }

  /** Does it in the call that there is, or in one that is opened for it. */
  #inCall(act: (surface: Surface) => void): void {
    if (this.surface?.calls.isBusy) {
      act(this.surface);
      return;
    }
    let isDone = false;
    const once = () => {
      if (isDone || !this.surface?.calls.isBusy) return;
      isDone = true;
      act(this.surface);
    };
    // The element shows what goes wrong. A page that holds the start back holds the words back too.
    const started = this.start({ mode: 'text' });
    once();
    started.then(once, () => undefined);
  }

  protected override command(command: string | undefined): void {
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
        this.furnished().then(
          (surface) => surface.compose(true),
          () => undefined,
        );
        break;
      default:
    }
  }

  protected override keyed(event: KeyboardEvent): void {
    if (!this.hotkey || this.noHotkeys || this.disabled || event.isComposing) return;
    if (event.type === 'keyup') {
      if (this.hotkey.toLowerCase().includes(keyName(event))) this.surface?.hotkey(false);
      return;
    }
    if (event.repeat || !matchesHotkey(this.hotkey, event)) return;
    event.preventDefault();
    this.show();
    if (surfaceParts.here) void this.furnished();
    if (this.surface) this.surface.hotkey(true);
    else this.attempt(this.mode);
  }

  protected override surfaceFrom({ Surface: Made }: SurfaceScript, parts: SurfaceParts): Surface {
    return new Made(this, parts);
  }

  protected override launch(): void {
    this.show();
    if (this.turn === 'auto' && this.mode !== 'text' && !this.isBusy && !this.error) this.attempt(this.mode);
  }
}

/** The element that has the focus, also inside other shadow roots. */
function activeElement(): HTMLElement | null {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  return active instanceof HTMLElement && active !== document.body ? active : null;
}

const keyName = ({ key }: KeyboardEvent) => (key === ' ' ? 'space' : key.toLowerCase());
