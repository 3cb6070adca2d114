/**
 * The element as a person meets it: what is shown, said and pressed. It knows that there is a call
 * and how it stands; how a page starts and steers one is in `voice-jib-jab.ts`.
 */
import { html, nothing, type PropertyValues } from 'lit';
import type { OpenCall } from './call/call.ts';
import { CallController, type CallListener, type CallState, type EndReason } from './call/call-controller.ts';
import type { Happening } from './call/conversation.ts';
import { Devices } from './call/devices.ts';
import { openCall } from './call/open-call.ts';
import type { ToolArguments, ToolDecision } from './call/tools.ts';
import type { TranscriptEntry } from './call/transcript.ts';
import { CallError } from './errors.ts';
import * as events from './events.ts';
import type { Standing } from './labels/labels.ts';
import { Press } from './press.ts';
import { Settings } from './settings.ts';
import { ThreadController } from './thread/thread-controller.ts';
import type { Face } from './view/face.ts';
import { shell } from './view/shell.ts';
import { standingOf } from './view/standing.ts';

export abstract class Surface extends Settings implements CallListener {
  /** How a call is opened: the seam for tests and other transports. */
  openCall: OpenCall = openCall;
  /** `deviceId` of the microphone; empty is the default one. */
  inputId = '';
  protected readonly internals = this.attachInternals();
  protected readonly calls = new CallController(this, this);
  readonly #thread = new ThreadController(this);
  protected readonly devices = new Devices(this);
  readonly #press = new Press({
    turn: () => this.turn,
    talk: (isPressed) => this.talk(isPressed),
    isTalking: () => this.isTalking,
    tap: () => this.tap(),
  });
  /** Something went wrong that did not end the call. */
  #notice: CallError | null = null;
  protected isTalking = false;
  protected hasMic = true;
  #showsComposer = false;
  #standing: Standing = 'idle';
  #said = '';

  abstract start(options?: { mode?: 'voice' | 'text' }): Promise<void>;
  abstract stop(reason?: EndReason): void;
  abstract interrupt(): void;
  abstract send(words: string): void;
  abstract show(): void;
  abstract hide(): void;
  abstract decideTool(name: string, args: ToolArguments): ToolDecision;

  /** What went wrong last, if it still stands in the way. */
  get error(): CallError | null {
    const { state } = this.calls;
    return state.at === 'failed' ? state.error : this.#notice;
  }

  // What the call tells.

  stateChanged(state: CallState, from: CallState): void {
    if (!('call' in state)) this.isTalking = false;
    if (state.at === 'connecting') this.#notice = null;
    if (state.at !== from.at) this.dispatchEvent(new Event('readystatechange'));
    switch (state.at) {
      case 'connecting':
        if (from.at !== 'connecting') this.#thread.clear();
        break;
      case 'live':
        if (from.at !== 'connecting') break;
        this.internals.setFormValue(this.calls.conversation.session);
        this.dispatchEvent(new events.StartEvent(this.calls.conversation.session));
        void this.devices.refresh();
        break;
      case 'reconnecting':
        this.dispatchEvent(new events.ReconnectingEvent(state.attempt));
        break;
      case 'ended':
        if (from.at !== 'connecting') this.dispatchEvent(new events.EndEvent(state.reason));
        break;
      case 'failed':
        if (from.at !== 'connecting') this.dispatchEvent(new events.EndEvent('error'));
        this.dispatchEvent(new events.CallErrorEvent(state.error));
        break;
      default:
    }
  }
  happened(happening: Happening): void {
    if (happening.type === 'transcript') this.#announceEntry(happening.entry);
    if (happening.type === 'interrupt' && !happening.recovered) this.#thread.cut();
    this.dispatchEvent(events.eventOf(happening));
  }
  observed(event: events.DebugEvent['detail']): void {
    if (event.type === 'mic.lost') this.#note(new CallError('MIC_NOT_FOUND', 'the microphone went away'));
    if (event.type === 'mic.opened') this.hasMic = true;
    if (event.type === 'link.up') this.dispatchEvent(new events.ReconnectedEvent(event.gapMs));
    if (this.debug) this.dispatchEvent(new events.DebugEvent(event));
  }
  // What a person does.

  protected attempt(mode: 'voice' | 'text'): void {
    // The element shows what went wrong; there is nobody else to tell.
    this.start({ mode }).catch(() => undefined);
  }

  /** The microphone button, where the assistant's ear says when a turn ends. */
  protected tap(): void {
    const { at } = this.calls.state;
    if (at === 'connecting') this.stop('user');
    else if (!this.calls.isBusy) this.attempt('voice');
    else if (!this.hasMic) this.#openMic();
    else this.micMuted = !this.micMuted;
  }

  protected talk(isPressed: boolean): void {
    if (this.disabled || isPressed === this.isTalking) return;
    if (isPressed && !this.calls.isBusy) this.attempt('voice');
    else if (isPressed && !this.hasMic) this.#openMic();
    if (!this.calls.isBusy) return;
    this.isTalking = isPressed;
    this.calls.ask((call) => call.talk(isPressed));
    this.requestUpdate();
  }

  #openMic(): void {
    this.micMuted = false;
    this.calls.ask((call) => {
      call.setInput(this.inputId).catch((error: unknown) => this.#note(error));
    });
  }

  /** Goes on in spite of an error. */
  #note(error: unknown): void {
    this.#notice =
      error instanceof CallError ? error : new CallError('MIC_NOT_FOUND', 'no microphone', { cause: error });
    this.dispatchEvent(new events.CallErrorEvent(this.#notice));
    this.requestUpdate();
  }

  #recover(): void {
    const { error } = this;
    if (!error) return;
    if (error.recovery === 'reload') {
      location.reload();
      return;
    }
    const isOpen = this.calls.isBusy;
    this.#notice = null;
    this.calls.forgive();
    if (error.recovery === 'text') this.compose(true);
    else if (isOpen) this.#openMic();
    else this.attempt(this.mode);
    this.requestUpdate();
  }

  protected compose(isShown: boolean): void {
    this.#showsComposer = isShown;
    this.requestUpdate();
    void this.updateComplete.then(() => {
      if (isShown) this.renderRoot.querySelector('input')?.focus();
      else this.focusOn('keyboard');
    });
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    const input = this.renderRoot.querySelector('input');
    if (!input) return;
    this.#notice = null;
    this.send(input.value);
    input.value = '';
  }

  #close(): void {
    this.hide();
    this.stop('user');
  }

  #launch(): void {
    this.show();
    if (this.turn === 'auto' && this.mode === 'voice' && !this.calls.isBusy && !this.error) this.attempt('voice');
  }

  readonly #panelKey = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || event.isComposing || this.variant !== 'launcher' || !this.open) return;
    event.stopPropagation();
    this.#close();
  };

  // What is shown.

  protected override willUpdate(changed: PropertyValues<this>): void {
    const { call } = this.calls;
    if (call && (changed.has('micMuted') || changed.has('mutePolicy'))) {
      call.setMicMuted(this.micMuted, this.mutePolicy).catch((error: unknown) => this.#note(error));
    }
    if (call && (changed.has('muted') || changed.has('volume'))) {
      call.setOutput({ muted: this.muted, volume: this.volume });
    }
    this.#standing = standingOf({
      at: this.calls.state.at,
      phase: this.calls.conversation.phase,
      isMicOff: this.micMuted || !this.hasMic,
      turn: this.turn,
      isTalking: this.isTalking,
    });
  }

  protected override updated(changed: PropertyValues<this>): void {
    this.#reflectStates();
    this.#followVoices();
    if (changed.has('open') && changed.get('open') !== undefined) this.dispatchEvent(new Event('toggle'));
    if (changed.has('muted') || changed.has('volume')) this.dispatchEvent(new Event('volumechange'));
    if (changed.has('micMuted') && this.hasUpdated) this.dispatchEvent(new Event('micmutechange'));
    const page = this.renderRoot.querySelector('.words');
    if (page) page.scrollTop = page.scrollHeight;
  }

  #reflectStates(): void {
    // Engines without custom states style by attribute and part instead.
    const states = this.internals.states as CustomStateSet | undefined;
    const { conversation, state } = this.calls;
    const on = new Set<string>([state.at === 'failed' ? 'error' : state.at]);
    if (state.at === 'live') on.add(conversation.phase);
    if (conversation.isUserSpeaking) on.add('user-speaking');
    if (this.isTalking) on.add('talking');
    if (this.muted) on.add('muted');
    if (this.micMuted) on.add('micmuted');
    states?.clear();
    for (const name of on) states?.add(name);
  }

  #followVoices(): void {
    const { call, conversation } = this.calls;
    if (conversation.phase === 'held') this.#thread.hold();
    else if (call && (conversation.isUserSpeaking || conversation.owner !== 'none')) this.#thread.follow(call);
    else this.#thread.follow(null);
  }

  /** Words for a screen reader only while no voice would be talked over. */
  #announceEntry({ role, final, text }: TranscriptEntry): void {
    if (role !== 'agent' || !final || this.announce === 'off') return;
    if (this.announce === 'polite' || this.muted || !this.hasMic) this.#said = text;
  }

  get #announcement(): string {
    if (this.announce === 'off') return '';
    const { error, labels } = this;
    if (error) return labels.errors[error.code];
    const standing = this.#standing;
    if (standing === 'reconnecting' || standing === 'ended' || standing === 'connecting')
      return labels.states[standing];
    return this.#said;
  }

  get #face(): Omit<Face, 'variant'> {
    const { state, conversation, isBusy } = this.calls;
    const { labels, error, turn } = this;
    return {
      ...{ labels, error, turn, isBusy },
      name: conversation.name || labels.assistant,
      standing: this.#standing,
      entries: conversation.entries,
      isLive: state.at === 'live' || state.at === 'reconnecting',
      isTalking: this.isTalking,
      isMicOff: this.micMuted || !this.hasMic,
      isMuted: this.muted,
      isDisabled: this.disabled,
      showsCaptions: this.captions !== 'off',
      showsComposer: this.#showsComposer || this.mode === 'text',
      isInterruptible: state.at === 'live' && (conversation.phase === 'speaking' || conversation.phase === 'held'),
      on: {
        open: () => this.#launch(),
        close: () => this.#close(),
        end: () => this.stop('user'),
        mute: () => (this.muted = !this.muted),
        captions: () => (this.captions = this.captions === 'off' ? 'on' : 'off'),
        composer: () => this.compose(!this.#showsComposer),
        interrupt: () => this.interrupt(),
        recover: () => this.#recover(),
        submit: (event) => this.#submit(event),
        micClick: this.#press.click,
        micDown: this.#press.down,
        micUp: this.#press.up,
      },
    };
  }

  protected override render() {
    const { variant } = this;
    if (variant === 'headless') return nothing;
    return html`
      <div class="root" @keydown=${this.#panelKey}>
        ${shell({ ...this.#face, variant }, this.open)}
        <p class="visually-hidden" role=${this.error ? 'alert' : 'status'}>${this.#announcement}</p>
      </div>
    `;
  }

  protected control(id: string): HTMLElement | null {
    return this.renderRoot.querySelector(`[data-id=${id}]`);
  }
  protected focusOn(id: string): void {
    this.control(id)?.focus();
  }
}
