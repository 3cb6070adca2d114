/**
 * A real call: sound and socket, opened side by side and joined here. Reads in the
 * order of the way sound goes. What a conversation looks like is `conversation.ts`; this file only
 * passes on. That connections are lost and come back is the link's business.
 */
import {
  CLOSE,
  FLAG_LAST,
  samplesToMs,
  type AudioFrame,
  type RelayMessage,
  type WidgetMessage,
  type WireLane,
} from '#wire';
import type { AudioEngine, AudioEvent, GateCommand, Levels, OnsetTiming, OpenAudio } from '../audio/audio-engine.ts';
import { openAudio } from '../audio/open-audio.ts';
import { prepareContext } from '../audio/prepared-sound.ts';
import { CallError } from '../errors.ts';
import { LastingLink } from '../link/lasting-link.ts';
import { openLink, socketUrl, type Link, type LinkClosed, type LinkOptions, type Socket } from '../link/link.ts';
import { fetchToken } from '../link/token.ts';
import { wait } from '../link/wait.ts';
import { nextTask } from '../next-task.ts';
import { NO_STATS, type Call, type CallRequest, type CallStats, type OpenCall } from './call.ts';

/** What a call is made of; tests put their own sound and socket here. */
export interface CallParts {
  openAudio: OpenAudio;
  openLink(options: LinkOptions): Socket;
  fetchToken: typeof fetchToken;
  /** Resolves after `ms`, or at once when the signal aborts. */
  wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

const SILENT: Levels = { in: 0, out: 0 };

/**
 * Talks to the relay of `config.src`. What needs the gesture is begun in it; sound, token and what is made of the answer
 * have tasks of their own: together they would be a long one on slow machines.
 */
export const openCall: OpenCall = async (request) => {
  prepareContext();
  await nextTask();
  return joinCall(request, { openAudio, openLink, fetchToken, wait });
};

/** Opens a call from its parts. */
export async function joinCall(request: CallRequest, parts: CallParts): Promise<Call> {
  const joint = new Joint(request, parts);
  // Neither waits for the other.
  const sound = joint.openSound();
  // Coming back there may be no click, and without sound there is nothing to come back with yet.
  if (request.ticket) await sound;
  const connection = joint.connect();
  await Promise.all([sound, connection]);
  await nextTask();
  return joint;
}

/** A session as it begins on this page. */
type Setup = Extract<RelayMessage, { type: 'session.created' | 'session.resumed' }>;

class Joint implements Call {
  readonly stats: CallStats = { ...NO_STATS };
  readonly #request: CallRequest;
  readonly #parts: CallParts;
  readonly #line: LastingLink;
  #link: Link;
  #engine: AudioEngine | null = null;
  #epoch = 0;
  #setup: Setup | null = null;
  /** Where each lane's frames belong: item and milliseconds of it received. */
  readonly #arriving = new Map<WireLane, { item: string; ms: number }>();
  #utterance: string | null = null;
  /** Of whatever this page begins itself, so that it can be told apart. */
  #count = 0;
  /** The onset at which the output paused, until its silence is known. */
  #onset: OnsetTiming | undefined;
  /** Until the relay has named a session. */
  #opening: { resolve: () => void; reject: (error: unknown) => void } | null = null;

  constructor(request: CallRequest, parts: CallParts) {
    this.#request = request;
    this.#parts = parts;
    const { config, signal, on } = request;
    this.#link = this.#line = new LastingLink({
      url: socketUrl(config.src),
      signal,
      fetchToken: (previous) => parts.fetchToken({ ...config, previous }, signal),
      openLink: (options) => parts.openLink(options),
      wait: parts.wait,
      start: {
        type: 'session.start',
        turn: config.turn,
        ...(config.locale ? { locale: config.locale } : {}),
        ...(config.context ? { context: config.context } : {}),
        ...(config.tools.length > 0 ? { tools: config.tools } : {}),
      },
      ticket: request.ticket,
      onTicket: (ticket) => on({ type: 'ticket', ticket }),
      onMessage: (message) => this.#told(message),
      onSound: (frame) => this.#arrived(frame),
      onSent: (message) => on({ type: 'sent', message }),
      onRoundTrip: (ms) => {
        this.stats.roundTripMs = ms;
        on({ type: 'round-trip', ms });
      },
      onAway: (attempt) => on({ type: 'link.down', attempt }),
      onBack: (gapMs, replayed, wasAway) => {
        this.stats.reconnects += 1;
        // A gap that nobody noticed is no news; one that cost something is.
        if (wasAway || !replayed) on({ type: 'link.up', gapMs, replayed });
      },
      onClosed: (closed) => this.#closed(closed),
    });
  }

  async openSound(): Promise<void> {
    const { config, signal, on } = this.#request;
    const withoutMicrophone = config.mode === 'text';
    const opening = this.#parts.openAudio({
      signal,
      onEvent: (event) => this.#heard(event),
      workletUrls: config.workletUrls,
      ...(config.inputId ? { inputId: config.inputId } : {}),
      ...(withoutMicrophone ? { withoutMicrophone } : {}),
    });
    try {
      this.#engine = await opening;
    } catch (error) {
      // Typing needs no sound; the relay learns that nobody hears it.
      if (!withoutMicrophone) throw error;
      this.#post({ type: 'device.changed', suspended: true });
      on({ type: 'soundless' });
      return;
    }
    const engine = this.#engine;
    engine.setOutput({ muted: config.muted, volume: config.volume });
    if (config.micMuted && !withoutMicrophone) await engine.setMicMuted(true, config.mutePolicy);
    if (this.#setup) this.#configure(this.#setup);
    if (!signal.aborted) this.#request.early(this);
  }

  /** Resolves when the relay has named a session. @throws {CallError} why it has not. */
  async connect(): Promise<void> {
    const { config, signal } = this.#request;
    await (config.codec === 'opus' ? this.#pack() : nextTask());
    if (signal.aborted) return;
    await new Promise<void>((resolve, reject) => {
      this.#opening = { resolve, reject };
      signal.addEventListener('abort', () => resolve(), { once: true });
      void this.#line.connect();
    });
  }

  /** Puts a link that packs sound before the line; not where the browser cannot, or the part does not come. */
  async #pack(): Promise<void> {
    try {
      const { isOpusThere, openOpusLink } = await import('../link/opus-link.ts');
      if (!(await isOpusThere())) return;
      const { signal } = this.#request;
      const line = this.#line;
      line.codecs = ['opus'];
      this.#link = openOpusLink({ ...line.listener, signal }, (listener) => {
        line.listener = listener;
        return line;
      });
    } catch {
      // It stays PCM16.
    }
  }

  // Up: microphone → relay.

  #heard(event: AudioEvent): void {
    const { on } = this.#request;
    switch (event.type) {
      case 'mic.frame':
        // Push-to-talk: only what is said while the button is down leaves the page.
        if (this.#request.config.turn === 'auto' || this.#utterance) this.#sendSound(event.samples, event.speaking);
        break;
      case 'onset': {
        const { utterance, epoch, level, paused, timing } = event;
        this.#onset = paused ? timing : undefined;
        if (this.#request.config.turn === 'auto') this.#post({ type: 'user.onset', utterance, epoch, level, paused });
        on({ type: 'onset', utterance, paused });
        break;
      }
      case 'louder':
        if (this.#request.config.turn === 'auto') {
          const { utterance, epoch, level } = event;
          this.#post({ type: 'user.onset', utterance, epoch, level, paused: false });
        }
        break;
      case 'offset':
        if (this.#request.config.turn === 'auto') {
          const { utterance, ms } = event;
          this.#post({ type: 'user.offset', utterance, ...(ms !== undefined && { ms }) });
        }
        on(event);
        break;
      case 'playout': {
        const { epoch, item, playedMs, last, silentAtFrame } = event;
        this.#post({ type: 'playout', epoch, item, playedMs, ...(last !== undefined && { last }) });
        on({ type: 'playout', item, playedMs });
        if (silentAtFrame !== undefined) this.#fellSilent(silentAtFrame);
        break;
      }
      case 'drained':
        this.#post({ type: 'playout.drained', epoch: event.epoch, item: event.item });
        on({ type: 'drained', item: event.item });
        break;
      case 'clip.ended':
        this.#post({ type: 'clip.ended', epoch: event.epoch, clip: event.clip });
        break;
      case 'device':
        this.#post({ type: 'device.changed', suspended: event.suspended });
        on(event);
        break;
      case 'mic.back':
        on({ type: 'mic.opened' });
        break;
      case 'mic.lost':
        on(event);
        break;
      default:
        event satisfies never;
    }
  }

  #fellSilent(silentAtFrame: number): void {
    if (!this.#onset || !this.#engine) return;
    const msPerFrame = 1000 / this.#engine.context.sampleRate;
    const detectMs = (this.#onset.decidedAtFrame - this.#onset.acousticOnsetFrame) * msPerFrame;
    const silenceMs = (silentAtFrame - this.#onset.decidedAtFrame) * msPerFrame;
    this.#onset = undefined;
    this.stats.pauseMs = silenceMs;
    this.#request.on({ type: 'pause', detectMs, silenceMs });
  }

  #sendSound(samples: Int16Array, speaking: boolean): void {
    this.stats.framesSent += 1;
    this.#link.sendSound(samples, speaking, this.#epoch);
  }

  #post(message: WidgetMessage): void {
    this.#link.send(message);
  }

  // Down: relay → ear.

  /** A session begins, for the page: whatever the gate holds belongs to another one. */
  #begin(message: Setup): void {
    this.#setup = message;
    this.#epoch = message.epoch;
    this.#arriving.clear();
    this.#configure(message);
    this.#opening?.resolve();
    this.#opening = null;
  }

  #configure({ knobs, epoch }: Setup): void {
    this.#engine?.configure({ ...knobs, epoch });
  }

  #told(message: Exclude<RelayMessage, { type: 'pong' }>): void {
    switch (message.type) {
      case 'session.created':
        this.#begin(message);
        break;
      case 'session.resumed':
        // Otherwise it goes on as if nothing had been.
        if (message.kept !== 'all') this.#begin(message);
        break;
      case 'item.started':
        this.#arriving.set(message.lane, { item: message.item, ms: message.fromMs });
        this.#engine?.command(message);
        break;
      case 'gate.open':
      case 'gate.close':
        this.#epoch = message.epoch;
        this.#engine?.command(message);
        break;
      case 'gate.pause':
      case 'gate.resume':
      case 'lane.admit':
      case 'clip.play':
      case 'clip.added':
        this.#engine?.command(message satisfies GateCommand);
        break;
      default:
    }
    this.#request.on(message);
  }

  #arrived(frame: AudioFrame): void {
    this.stats.framesReceived += 1;
    this.#engine?.play(frame);
    const arriving = this.#arriving.get(frame.lane);
    if (!arriving || frame.epoch === 0) return;
    arriving.ms += samplesToMs(frame.samples.length);
    if ((frame.flags & FLAG_LAST) === 0) return;
    this.#request.on({ type: 'item.complete', item: arriving.item, totalMs: arriving.ms });
    // Nobody hears a call without sound, so its words count as read when they are complete.
    if (!this.#engine) this.#request.on({ type: 'drained', item: arriving.item });
  }

  #closed(closed: LinkClosed): void {
    const { on, fail } = this.#request;
    const { code, error } = closed;
    if (this.#opening) this.#opening.reject(error ?? new CallError('NETWORK', `closed with ${code} before it began`));
    else if (error) fail(error);
    else on({ type: 'call.ended', reason: code === CLOSE['longest-session'] ? 'longest-session' : 'relay' });
  }

  // What can be asked of it.

  get levels(): Levels {
    return this.#engine?.levels ?? SILENT;
  }

  waveform(input: Float32Array<ArrayBuffer>, output: Float32Array<ArrayBuffer>): void {
    this.#engine?.waveform(input, output);
  }

  sendText(text: string): void {
    this.#post({ type: 'user.text', text, n: ++this.#count });
  }

  say(text: string): void {
    this.#post({ type: 'assistant.say', text, n: ++this.#count });
  }

  interrupt(): void {
    this.#post({ type: 'user.interrupt' });
  }

  updateContext(text: string, key?: string): void {
    this.#post({ type: 'context.update', text, ...(key === undefined ? {} : { key }) });
  }

  talk(isPressed: boolean): void {
    if (isPressed === (this.#utterance !== null)) return;
    if (!isPressed) {
      const utterance = this.#utterance ?? '';
      this.#utterance = null;
      this.#engine?.setTalking(null);
      this.#post({ type: 'talk.end', utterance });
      this.#request.on({ type: 'offset', utterance });
      return;
    }
    const utterance = (this.#utterance = `talk-${++this.#count}`);
    const paused = this.#engine?.setTalking(utterance) ?? false;
    this.#post({ type: 'talk.start', utterance, epoch: this.#epoch, paused });
    this.#request.on({ type: 'onset', utterance, paused });
  }

  answerTool(call: string, output: string, failed: boolean): void {
    this.#post({ type: 'tool.result', call, output, ...(failed ? { failed } : {}) });
  }

  async setMicMuted(muted: boolean, policy: 'silence' | 'release'): Promise<void> {
    await this.#engine?.setMicMuted(muted, policy);
    this.#post({ type: 'mic.changed', muted });
  }

  setOutput(options: { muted: boolean; volume: number }): void {
    this.#engine?.setOutput(options);
  }

  async setInput(deviceId: string): Promise<void> {
    // Unmuting opens whichever microphone there is; only a named one must be that one.
    if (deviceId === '') await this.#engine?.setMicMuted(false, this.#request.config.mutePolicy);
    else await this.#engine?.setInput(deviceId);
    this.#request.on({ type: 'mic.opened' });
  }

  async setSinkId(sinkId: string): Promise<void> {
    await this.#engine?.setSinkId(sinkId);
  }

  end(isLeft = false): void {
    this.#link.end(isLeft);
  }
}
