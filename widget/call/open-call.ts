/**
 * A real call: sound and socket, opened side by side inside the click and joined here. Reads in the
 * order of the way sound goes. What a conversation looks like is `conversation.ts`; this file only
 * passes on, keeps what cannot be sent yet, and comes back when the connection was lost.
 */
import { FLAG_LAST, samplesToMs, type AudioFrame, type RelayMessage, type WidgetMessage, type WireLane } from '#wire';
import type { AudioEngine, AudioEvent, GateCommand, Levels, OnsetTiming, OpenAudio } from '../audio/audio-engine.ts';
import { openAudio } from '../audio/open-audio.ts';
import { CallError } from '../errors.ts';
import { openLink, socketUrl, type Link, type LinkClosed, type LinkOptions } from '../link/link.ts';
import { GIVE_UP_AFTER_MS, retryDelayMs } from '../link/reconnect.ts';
import { fetchToken } from '../link/token.ts';
import { wait } from '../link/wait.ts';
import { NO_STATS, type Call, type CallRequest, type CallStats, type OpenCall } from './call.ts';
import { Outbox } from './outbox.ts';

export { sendRating } from './send-rating.ts';

/** What a call is made of; tests put their own sound and socket here. */
export interface CallParts {
  openAudio: OpenAudio;
  openLink(options: LinkOptions): Link;
  fetchToken: typeof fetchToken;
  /** Resolves after `ms`, or at once when the signal aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** A new token is fetched when this share of the old one's life has passed. */
const REFRESH_SHARE = 0.8;
const SILENT: Levels = { in: 0, out: 0 };

/** Talks to the relay of `config.src`. */
export const openCall: OpenCall = (request) => joinCall(request, { openAudio, openLink, fetchToken, wait });

/** Opens a call from its parts. */
export async function joinCall(request: CallRequest, parts: CallParts): Promise<Call> {
  const joint = new Joint(request, parts);
  // Both begin now, inside the click: neither waits for the other.
  const sound = joint.openSound();
  const connection = joint.connect();
  await Promise.all([sound, connection]);
  return joint;
}

class Joint implements Call {
  readonly stats: CallStats = { ...NO_STATS };
  readonly #request: CallRequest;
  readonly #parts: CallParts;
  readonly #outbox = new Outbox();
  #engine: AudioEngine | null = null;
  #link: Link | null = null;
  #epoch = 0;
  #setup: Extract<RelayMessage, { type: 'session.created' }> | null = null;
  /** Where each lane's frames belong: item and milliseconds of it received. */
  readonly #arriving = new Map<WireLane, { item: string; ms: number }>();
  #utterance: string | null = null;
  #talks = 0;
  /** The onset at which the output paused, until its silence is known. */
  #onset: OnsetTiming | undefined;
  #refresh: ReturnType<typeof setTimeout> | undefined;
  /** The newest session token, which names the subject to the relay when the next is fetched. */
  #token: string | undefined;

  constructor(request: CallRequest, parts: CallParts) {
    this.#request = request;
    this.#parts = parts;
    request.signal.addEventListener('abort', () => clearTimeout(this.#refresh), { once: true });
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

  async connect(): Promise<void> {
    try {
      await this.#dial();
    } catch (error) {
      throw reasonOf(error);
    }
  }

  /** Fetches a token, opens a socket and resolves when the relay made a session. */
  async #dial(): Promise<void> {
    const { config, signal } = this.#request;
    const opening = config.codec === 'opus' ? this.#opus() : null;
    const token = await this.#parts.fetchToken({ ...config, previous: this.#token }, signal);
    const openLink = (opening && (await opening)) ?? this.#open;
    if (signal.aborted) return;
    this.#token = token;
    await new Promise<void>((resolve, reject) => {
      let isCreated = false;
      const link = openLink({
        url: socketUrl(config.src),
        token,
        signal,
        onOpen: () => {
          const message: WidgetMessage = {
            type: 'session.start',
            turn: config.turn,
            ...(config.locale ? { locale: config.locale } : {}),
            ...(config.context ? { context: config.context } : {}),
            ...(config.tools.length > 0 ? { tools: config.tools } : {}),
          };
          link.send(message);
          this.#request.on({ type: 'sent', message });
        },
        onMessage: (message) => {
          if (message.type === 'session.created') {
            isCreated = true;
            this.#created(message, link);
            resolve();
          } else {
            this.#told(message);
          }
        },
        onSound: (frame) => this.#arrived(frame),
        onClosed: (closed) => {
          if (isCreated) void this.#lost(closed);
          else reject(new Refused(closed));
        },
        onRoundTrip: (ms) => {
          this.stats.roundTripMs = ms;
          this.#request.on({ type: 'round-trip', ms });
        },
      });
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  readonly #open = (options: LinkOptions) => this.#parts.openLink(options);

  /** A link that packs sound; null where the browser cannot, or the part does not come. */
  async #opus(): Promise<((options: LinkOptions) => Link) | null> {
    try {
      const { isOpusThere, openOpusLink } = await import('../link/opus-link.ts');
      return (await isOpusThere()) ? (options) => openOpusLink(options, this.#open) : null;
    } catch {
      return null;
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
    if (!this.#link) {
      this.#outbox.add({ samples, speaking });
      return;
    }
    this.stats.framesSent += 1;
    this.#link.sendSound(samples, speaking, this.#epoch);
  }

  #post(message: WidgetMessage): void {
    if (this.#link) {
      this.#link.send(message);
      this.#request.on({ type: 'sent', message });
    } else if (!isStaleLater(message)) {
      this.#outbox.add({ message });
    }
  }

  // Down: relay → ear.

  #created(message: Extract<RelayMessage, { type: 'session.created' }>, link: Link): void {
    this.#link = link;
    this.#setup = message;
    this.#epoch = message.epoch;
    this.#arriving.clear();
    this.#configure(message);
    this.#keepTokenFresh(message.tokenExpiresInMs);
    this.#request.on(message);
    for (const parcel of this.#outbox.take()) {
      if ('samples' in parcel) this.#sendSound(parcel.samples, parcel.speaking);
      else this.#post('epoch' in parcel.message ? { ...parcel.message, epoch: this.#epoch } : parcel.message);
    }
  }

  #configure({ knobs, epoch }: Extract<RelayMessage, { type: 'session.created' }>): void {
    this.#engine?.configure({ ...knobs, epoch });
  }

  #told(message: Exclude<RelayMessage, { type: 'pong' }>): void {
    switch (message.type) {
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
      case 'auth.accepted':
        this.#keepTokenFresh(message.tokenExpiresInMs);
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

  // Coming back.

  async #lost(closed: LinkClosed): Promise<void> {
    const { signal, on, fail } = this.#request;
    this.#link = null;
    clearTimeout(this.#refresh);
    if (closed.error === null) {
      on({ type: 'call.ended', reason: closed.code === 1000 ? 'relay' : 'longest-session' });
      return;
    }
    if (!closed.retryable) {
      fail(closed.error);
      return;
    }
    const lostAtMs = performance.now();
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      on({ type: 'link.down', attempt });
      await this.#parts.wait(retryDelayMs(attempt, Math.random(), closed.busy), signal);
      try {
        await this.#dial();
        const gapMs = performance.now() - lostAtMs;
        this.stats.reconnects += 1;
        on({ type: 'link.up', gapMs });
        return;
      } catch (error) {
        if (isFinal(error) || performance.now() - lostAtMs > GIVE_UP_AFTER_MS) {
          fail(reasonOf(error));
          return;
        }
      }
    }
  }

  #keepTokenFresh(expiresInMs: number): void {
    const { config, signal } = this.#request;
    clearTimeout(this.#refresh);
    this.#refresh = setTimeout(() => {
      this.#parts.fetchToken({ ...config, previous: this.#token }, signal).then(
        (token) => {
          this.#token = token;
          this.#link?.send({ type: 'auth', token });
        },
        // The old one still holds a while; then the relay says so and the way back fetches another.
        () => undefined,
      );
    }, expiresInMs * REFRESH_SHARE);
  }

  // What can be asked of it.

  get levels(): Levels {
    return this.#engine?.levels ?? SILENT;
  }

  waveform(input: Float32Array<ArrayBuffer>, output: Float32Array<ArrayBuffer>): void {
    this.#engine?.waveform(input, output);
  }

  sendText(text: string): void {
    this.#post({ type: 'user.text', text });
  }

  say(text: string): void {
    this.#post({ type: 'assistant.say', text });
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
    this.#talks += 1;
    const utterance = (this.#utterance = `talk-${this.#talks}`);
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

  end(): void {
    this.#link?.end();
  }
}

/** A connection that was closed before there was a session. */
class Refused extends Error {
  readonly closed: LinkClosed;
  constructor(closed: LinkClosed) {
    super(`closed with ${closed.code} before the session began`);
    this.closed = closed;
  }
}

/** Positions in a session that no longer exists mean nothing to the next one. */
function isStaleLater(message: WidgetMessage): boolean {
  return message.type === 'playout' || message.type === 'playout.drained' || message.type === 'clip.ended';
}

function reasonOf(error: unknown): unknown {
  if (!(error instanceof Refused)) return error;
  return error.closed.error ?? new CallError('NETWORK', error.message);
}

function isFinal(error: unknown): boolean {
  if (error instanceof Refused) return !error.closed.retryable;
  return !(error instanceof CallError && ['NETWORK', 'QUOTA', 'TOKEN_EXPIRED'].includes(error.code));
}
