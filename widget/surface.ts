/**
 * The element as a person meets it once it is more than a launcher: what is shown, said and pressed,
 * and the call behind it. Fetched at the first press. How a page starts and steers it is in
 * `voice-jib-jab.ts`.
 */
import { Preferences } from './call/preferences.ts';
import { callConfigOf, tokenSourceOf } from './call-config.ts';
import { CallController, type CallListener, type CallState } from './call/call-controller.ts';
import type { Happening } from './call/conversation.ts';
import { Devices } from './call/devices.ts';
import { eventOf } from './call/happening-events.ts';
import { openCall } from './call/lazy-call.ts';
import { microphoneOrText } from './call/microphone-or-text.ts';
import type { Left } from './call/tab.ts';
import { Timings } from './call/timings.ts';
import { Tools, type Citation, type ToolArguments, type ToolOffer } from './call/tools.ts';
import type { TranscriptEntry } from './call/transcript.ts';
import { CallError } from './errors.ts';
import * as events from './events.ts';
import { labelsFor, loadLabels, type Labels, type Standing } from './labels/labels.ts';
import { Press } from './press.ts';
import { ThreadController } from './thread/thread-controller.ts';
import { Attention } from './view/attention.ts';
import { CONTROLS, type Face, type ToolConfirmation } from './view/face.ts';
import { shell } from './view/shell.ts';
import { forms, inTime, ratings, ready, tab, type SurfaceParts } from './surface-parts.ts';
import { standingOf } from './view/standing.ts';
import type { StartMode, VoiceJibJab } from './voice-jib-jab.ts';

export { exportTranscript } from './call/export-transcript.ts';
export { panelStyles } from './panel.styles.ts';
export { ready } from './surface-parts.ts';

/** How long a rating may take to the relay. */
const RATING_MS = 10_000;
/** How long a picture may wait for the microphone: less than a person notices. */
const SOUND_FIRST_MS = 100;

export class Surface implements CallListener {
  readonly calls: CallController;
  readonly devices: Devices;
  isTalking = false;
  hasMic = true;
  readonly #host: VoiceJibJab;
  readonly #parts: SurfaceParts;
  readonly #thread: ThreadController;
  readonly #preferences: Preferences;
  readonly #timings = new Timings();
  readonly #press = new Press({
    turn: () => this.#host.turn,
    talk: (isPressed) => this.talk(isPressed),
    isTalking: () => this.isTalking,
    tap: () => this.tap(),
  });
  /** Something went wrong that did not end the call. */
  #notice: CallError | null = null;
  #showsComposer = false;
  #showsSettings = false;
  #standing: Standing = 'idle';
  #said = '';
  #confirming: (ToolConfirmation & { answer: (isConfirmed: boolean) => void }) | null = null;
  #mayRate = false;
  #isRated = false;
  readonly #attention = new Attention();

  constructor(host: VoiceJibJab, parts: SurfaceParts) {
    this.#host = host;
    this.#parts = parts;
    this.calls = new CallController(host, this, new Tools(parts.tools));
    this.#thread = new ThreadController(host);
    this.devices = new Devices(host);
    this.#preferences = new Preferences(host);
    ready().catch(() => undefined);
  }

  /** Opens calls; a call that may do without a microphone does. */
  readonly openCall: CallListener['openCall'] = (request) =>
    this.#mode === 'auto'
      ? microphoneOrText(this.#host.openCall, request, this.#textOnly)
      : this.#host.openCall(request);
  readonly decideTool = (name: string, args: ToolArguments) => this.#parts.decideTool(name, args);
  readonly confirmTool = (tool: ToolOffer, args: ToolArguments, signal: AbortSignal) =>
    this.#confirm(tool, args, signal);
  #mode: StartMode = 'voice';
  readonly #textOnly = () => {
    this.hasMic = false;
  };

  /** What went wrong last, if it still stands in the way. */
  get error(): CallError | null {
    const { state } = this.calls;
    return state.at === 'failed' ? state.error : this.#notice;
  }
  /** The words of this element's language, as far as they have come. */
  get labels(): Labels {
    return { ...labelsFor(this.#host.language), ...this.#host.strings };
  }

  /**
   * Opens a call.
   *
   * @param clickedAtMs - when it was asked for, on the page's clock.
   * @throws {CallError} what the element then shows.
   */
  async start(mode: StartMode, context: string, clickedAtMs: number): Promise<void> {
    const { left, calls } = this;
    this.#mode = mode;
    this.hasMic = mode !== 'text';
    this.#mayRate = this.#isRated = false;
    this.#timings.clicked(clickedAtMs);
    const configure = () => {
      this.#preferences.restore();
      calls.tools.offer(forms.here?.toolForms(document) ?? []);
      if (this.#host.resume === 'tab') tab.load().catch(() => undefined);
      return callConfigOf(this.#host, mode, context, calls.tools.list);
    };
    await calls.start(() => inTime(this.#host.openCall === openCall, configure), left);
    if (left) tab.here?.cameBack(this.#host, this, left);
    if (calls.state.at === 'failed') throw calls.state.error;
  }

  /** What the page before left, until it was gone on with. */
  left: Left | null = null;

  /** Goes on with it. */
  async comeBack(): Promise<void> {
    const { comeBack } = await tab.load();
    if (!this.#parts.consent.isNeeded) await comeBack(this.#host, this);
  }

  /** The page is left; the next one of this tab may go on. */
  leave(): void {
    tab.here?.leave(this.#host, this);
  }

  // What the call tells.

  stateChanged(state: CallState, from: CallState): void {
    if (!this.#isOpeningMic) this.#micOpened();
    if (!('call' in state)) this.isTalking = false;
    if (state.at === 'connecting') this.#notice = null;
    if (state.at !== from.at) this.#host.dispatchEvent(new Event('readystatechange'));
    switch (state.at) {
      case 'connecting':
        if (from.at !== 'connecting') this.#thread.clear();
        if (state.call && this.hasMic) this.#timings.recording();
        break;
      case 'live':
        if (from.at !== 'connecting') break;
        this.#host.dispatchEvent(new events.StartEvent(this.calls.conversation.session));
        void this.devices.refresh();
        if (this.#host.sinkId) void this.setSinkId(this.#host.sinkId).catch(() => undefined);
        break;
      case 'reconnecting':
        this.#host.dispatchEvent(new events.ReconnectingEvent(state.attempt));
        break;
      case 'ended':
        if (from.at === 'connecting') break;
        this.#mayRate = this.calls.conversation.entries.length > 0;
        this.#host.dispatchEvent(new events.EndEvent(state.reason));
        break;
      case 'failed':
        if (from.at !== 'connecting') this.#host.dispatchEvent(new events.EndEvent('error'));
        this.#host.dispatchEvent(new events.CallErrorEvent(state.error));
        break;
      default:
    }
  }
  happened(happening: Happening): void {
    if (happening.type === 'transcript') this.#announceEntry(happening.entry);
    if (happening.type === 'interrupt' && !happening.recovered) this.#thread.cut();
    this.#timings.happened(happening);
    this.#host.dispatchEvent(eventOf(happening));
  }
  observed(event: events.DebugEvent['detail']): void {
    this.#timings.observed(event);
    if (event.type === 'policy.escalated') this.#host.dispatchEvent(new events.HandoffEvent(event.reason));
    if (event.type === 'mic.lost') this.#note(new CallError('MIC_NOT_FOUND', 'the microphone went away'));
    if (event.type === 'mic.opened') {
      this.hasMic = true;
      if (this.#notice?.code === 'MIC_NOT_FOUND') this.#notice = null;
      this.#host.requestUpdate();
    }
    if (event.type === 'link.up') {
      this.#host.dispatchEvent(new events.ReconnectedEvent(event.gapMs, event.replayed));
    }
    if ('session' in event) this.#parts.internals.setFormValue(event.session);
    if (this.#host.debug && event.type !== 'ticket') this.#host.dispatchEvent(new events.DebugEvent(event));
  }
  cited({ tool, title, url }: Citation): void {
    this.#host.dispatchEvent(new events.CitationEvent(tool, title, url));
  }
  // What a page or a person asks.

  send(words: string): void {
    this.#notice = null;
    this.calls.sendText(words);
  }
  async setInput(deviceId: string): Promise<void> {
    await this.calls.call?.setInput(deviceId);
    this.#preferences.save();
  }
  async setSinkId(sinkId: string): Promise<void> {
    await this.calls.call?.setSinkId(sinkId);
    this.#preferences.save();
  }
  /**
   * Thanks at once, and tells the relay whose conversation it was.
   *
   * @throws {CallError} when the relay does not have it.
   */
  async rate(score: number, turn: string | null, comment: string): Promise<void> {
    this.#mayRate = false;
    this.#isRated = true;
    this.#said = this.labels.thanks;
    this.#host.dispatchEvent(new events.RatingEvent(score, turn, comment));
    this.#host.requestUpdate();
    const { session } = this.calls.conversation;
    // Where a page opens calls in a way of its own, the event is all.
    if (!session || this.#host.openCall !== openCall) return;
    const { sendRating } = await ratings.load();
    await sendRating(tokenSourceOf(this.#host), { session, score, turn, comment }, AbortSignal.timeout(RATING_MS));
  }

  /** Runs only if the person says so, where the person can be asked. */
  #confirm(tool: ToolOffer, args: ToolArguments, signal: AbortSignal): Promise<boolean> {
    if (this.#host.variant === 'headless') throw new Error('nobody could be asked');
    this.#host.show();
    this.#confirming?.answer(false);
    return new Promise((resolve) => {
      const answer = (isConfirmed: boolean) => {
        this.#confirming = null;
        resolve(isConfirmed);
        this.#host.requestUpdate();
      };
      this.#confirming = { name: tool.name, description: tool.description, args, answer };
      signal.addEventListener('abort', () => answer(false), { once: true });
      this.#host.requestUpdate();
    });
  }

  /** The microphone button, where the assistant's ear says when a turn ends. */
  tap(): void {
    const { at } = this.calls.state;
    if (at === 'connecting') this.#host.stop('user');
    else if (!this.calls.isBusy) this.#host.attempt('voice');
    else if (!this.hasMic) this.#openMic();
    else this.#host.micMuted = !this.#host.micMuted;
  }

  talk(isPressed: boolean): void {
    if (this.#host.disabled || isPressed === this.isTalking) return;
    if (isPressed && !this.calls.isBusy) this.#host.attempt('voice');
    else if (isPressed && !this.hasMic) this.#openMic();
    if (!this.calls.isBusy) return;
    this.isTalking = isPressed;
    this.calls.ask((call) => call.talk(isPressed));
    this.#host.requestUpdate();
  }

  #openMic(): void {
    this.#host.micMuted = false;
    this.calls.ask((call) => {
      call.setInput(this.#host.inputId).catch((error: unknown) => this.#note(error));
    });
  }

  /** Goes on in spite of an error. */
  #note(error: unknown): void {
    this.#notice =
      error instanceof CallError ? error : new CallError('MIC_NOT_FOUND', 'no microphone', { cause: error });
    this.#host.dispatchEvent(new events.CallErrorEvent(this.#notice));
    this.#host.requestUpdate();
  }

  #recover(): void {
    const { error } = this;
    if (!error) return;
    if (error.recovery === 'reload') {
      location.reload();
      return;
    }
    this.#notice = null;
    this.calls.forgive();
    if (error.recovery === 'text') this.compose(true);
    else if (this.calls.isBusy) this.#openMic();
    else this.#host.attempt(this.#host.mode);
    this.#host.requestUpdate();
  }

  compose(isShown: boolean): void {
    this.#showsComposer = isShown;
    this.#host.requestUpdate();
    void this.#host.updateComplete.then(() => {
      this.focusOn(isShown ? 'input' : 'keyboard');
    });
  }

  #toggleSettings(): void {
    this.#showsSettings = !this.#showsSettings;
    this.#host.requestUpdate();
    this.focusOn('settings');
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    const input = this.#host.renderRoot.querySelector<HTMLInputElement>('[data-id=input]');
    if (!input) return;
    this.#host.send(input.value);
    input.value = '';
  }

  /** A key of the page was let go or pressed, and it is the hotkey. */
  hotkey(isDown: boolean): void {
    const { turn } = this.#host;
    if (!isDown) {
      if (turn === 'hold' && this.isTalking) this.talk(false);
    } else if (turn === 'auto') this.tap();
    else this.talk(turn === 'hold' || !this.isTalking);
  }

  // What is shown.

  willUpdate(changed: { has(name: string): boolean }): void {
    this.#attention.before(this.#host.renderRoot);
    const { call } = this.calls;
    const { micMuted, mutePolicy, muted, volume, turn, language } = this.#host;
    if (call && (changed.has('micMuted') || changed.has('mutePolicy'))) {
      call.setMicMuted(micMuted, mutePolicy).catch((error: unknown) => this.#note(error));
    }
    if (call && (changed.has('muted') || changed.has('volume'))) call.setOutput({ muted, volume });
    if (changed.has('volume')) this.#preferences.save();
    if (language !== this.#language) {
      this.#language = language;
      void loadLabels(language).then(() => this.#host.requestUpdate());
    }
    this.#standing = standingOf({
      at: this.calls.state.at,
      isDisabled: this.#host.disabled,
      phase: this.calls.conversation.phase,
      isMicOff: micMuted || !this.hasMic,
      turn,
      isTalking: this.isTalking,
    });
  }
  #language = '';

  #micOpened: () => void = () => undefined;
  get #isOpeningMic(): boolean {
    return this.hasMic && this.calls.state.at === 'connecting' && !this.calls.call;
  }
  /** Drawing takes the processors that the microphone needs: it waits, and then has a task of its own. */
  async soundFirst(): Promise<void> {
    if (!this.#isOpeningMic) return;
    await new Promise<void>((resolve) => {
      this.#micOpened = () => setTimeout(resolve);
      setTimeout(resolve, SOUND_FIRST_MS);
    });
  }

  #shown: CallState['at'] = 'idle';
  /** What is to be shown is another picture of a call, and not only another word in it. */
  get isTurning(): boolean {
    return this.calls.isBusy && this.calls.state.at !== this.#shown;
  }

  updated(): void {
    this.#shown = this.calls.state.at;
    this.#followVoices();
    this.#attention.after(this.#host.renderRoot);
  }

  /** Names for `:state()`. */
  get states(): string[] {
    const { conversation, state } = this.calls;
    const on: string[] = [state.at === 'failed' ? 'error' : state.at];
    if (state.at === 'live') on.push(conversation.phase);
    if (conversation.isUserSpeaking) on.push('user-speaking');
    if (this.isTalking) on.push('talking');
    return on;
  }

  #followVoices(): void {
    const { call, conversation } = this.calls;
    if (conversation.phase === 'held') this.#thread.hold();
    else if (call && (conversation.isUserSpeaking || conversation.owner !== 'none')) this.#thread.follow(call);
    else this.#thread.follow(null);
  }

  /** Words for a screen reader only while no voice would be talked over. */
  #announceEntry({ role, final, text }: TranscriptEntry): void {
    const { announce, muted } = this.#host;
    if (role !== 'agent' || !final || announce === 'off') return;
    if (announce === 'polite' || muted || !this.hasMic) this.#said = text;
  }

  get announcement(): string {
    if (this.#host.announce === 'off') return '';
    const { error, labels } = this;
    if (error) return labels.errors[error.code];
    const standing = this.#standing;
    if (standing === 'reconnecting' || standing === 'ended' || standing === 'connecting')
      return labels.states[standing];
    return this.#said;
  }

  /** The word on the launcher. */
  get word(): string {
    const { labels } = this;
    return this.calls.isBusy || this.#standing === 'error' ? labels.states[this.#standing] : labels.talk;
  }

  /** All that is not the launcher's pill. */
  view(variant: Face['variant']) {
    return shell({ ...this.#face, variant });
  }

  get #face(): Omit<Face, 'variant'> {
    const { state, conversation, isBusy, call } = this.calls;
    const { labels, error, isTalking } = this;
    const host = this.#host;
    const { turn, inputId, sinkId, volume, controlsList } = host;
    const isLive = state.at === 'live' || state.at === 'reconnecting';
    const isMicOff = host.micMuted || !this.hasMic;
    const left = controlsList.toLowerCase().split(/\s+/);
    const without = new Set(CONTROLS.filter((control) => left.includes(`no${control}`)));
    return {
      ...{ labels, error, turn, isBusy, isLive, isTalking, inputId, sinkId, volume, without },
      name: conversation.name || labels.assistant,
      standing: this.#standing,
      entries: conversation.entries,
      isMicOff,
      levels: isMicOff ? null : call,
      isMuted: host.muted,
      isDisabled: host.disabled,
      showsCaptions: host.captions !== 'off' && !without.has('captions'),
      showsComposer: (this.#showsComposer || host.mode === 'text') && !without.has('text'),
      showsSettings: this.#showsSettings,
      isText: host.mode === 'text' || (isBusy && !this.hasMic),
      isInterruptible: state.at === 'live' && (conversation.phase === 'speaking' || conversation.phase === 'held'),
      isAskingConsent: this.#parts.consent.isAsking,
      confirmation: this.#confirming,
      mayRate: this.#mayRate && !isBusy && !without.has('rating'),
      isRated: this.#isRated && !isBusy,
      inputs: this.devices.inputs,
      outputs: this.devices.outputs,
      on: this.#actions,
    };
  }

  readonly #actions: Face['on'] = {
    close: () => this.#host.close(),
    end: () => this.#host.stop('user'),
    mute: () => (this.#host.muted = !this.#host.muted),
    captions: () => (this.#host.captions = this.#host.captions === 'off' ? 'on' : 'off'),
    composer: () => this.compose(!this.#showsComposer),
    settings: () => this.#toggleSettings(),
    arrived: () => this.#host.requestUpdate(),
    interrupt: () => this.#host.interrupt(),
    recover: () => this.#recover(),
    submit: (event) => this.#submit(event),
    micClick: this.#press.click,
    micDown: this.#press.down,
    micUp: this.#press.up,
    agree: (isAgreed) => this.#parts.consent.answer(isAgreed),
    confirm: (isConfirmed) => this.#confirming?.answer(isConfirmed),
    // Who was kind enough to answer is not troubled with what came of it.
    rate: (score, comment = '') => void this.rate(score, null, comment).catch(() => undefined),
    input: (deviceId) => void this.#host.setInput(deviceId).catch((error: unknown) => this.#note(error)),
    output: (sinkId) => void this.#host.setSinkId(sinkId).catch(() => undefined),
    volume: (volume) => (this.#host.volume = volume),
  };

  focusOn(id: string): void {
    this.#host.renderRoot.querySelector<HTMLElement>(`[data-id=${id}]`)?.focus();
  }
}
