/**
 * What the page says, one message after the other: checked by its schema already, here it is
 * brought into the arbiter's words and the bridge's. A message that makes no sense now is
 * answered with `error`; one that no right widget would send ends the session.
 */
import type { PageTool, RelayMessage, TurnMode, WidgetMessage } from '#wire';
import { FAULTS, type FaultCode } from '../errors.ts';
import type { RealtimeBridge } from '../bridge/bridge.ts';
import type { Happening } from './arbiter-shell.ts';
import type { Downlink } from './downlink.ts';
import type { Settlement } from './settlement.ts';
import type { Speech } from './speech.ts';
import type { Tools } from './tools.ts';
import type { Turns } from './turns.ts';

/** A conversation under way: what exists from `session.start` on. */
export interface Live {
  mode: TurnMode;
  bridge: RealtimeBridge;
  speech: Speech;
  /** Asks the model for the answer to words that it has; `text` is what they are. */
  ask(item: string, text: string): void;
}

export interface StartOptions {
  mode: TurnMode;
  locale: string | undefined;
  tools: PageTool[];
  /** What the page can besides PCM16; undefined where it did not say. */
  codecs: readonly string[] | undefined;
}

export interface PageOptions {
  send: (message: RelayMessage) => void;
  dispatch: (event: Happening) => void;
  /** The arbiter's current epoch, and whether its gate is paused. */
  gate(): { epoch: number; isPaused: boolean };
  downlink: Downlink;
  settlement: Settlement;
  turns: Turns;
  tools: Tools;
  /** Whether the assistant lets pages bring functions of their own. */
  pageTools: boolean;
  /** Opens bridge and speech. */
  start: (options: StartOptions) => Live;
  renew: (token: string) => void;
  end: () => void;
  /** What the arbiter calls a clip of the page's. */
  clipName: (clip: string) => string;
  /** The user typed a turn of their own. */
  onTyped: (turn: string, item: string, text: string) => void;
  /** Speech of the user's was lost, and nothing of it is left: they must be asked for it. */
  askAgain: () => void;
  /** Closes with the code of that fault. */
  refuse: (code: FaultCode, at: string) => void;
}

export interface Page {
  message(message: WidgetMessage): void;
  /** Sound from the microphone. */
  sound(samples: Int16Array): void;
  /** The conversation began elsewhere, with these options. @param said - Of the page's own turns the newest that came. */
  restore(options: StartOptions, said: number): Live;
  /**
   * Part of the speech under way never came: nothing of it makes a turn.
   *
   * @returns how long it was, in milliseconds; 0 where nobody spoke.
   */
  loseSpeech(utterance?: string): number;
  readonly live: Live | null;
  /** The newest of the page's own turns that was taken; 0 for a page that begins to count. */
  said: number;
}

/** Silence after the microphone went: lets the provider's detector find the end of the speech. */
const TAIL_SAMPLES = 24_000;
/** Of one piece, so that the bridge's messages stay small. */
const TAIL_PIECE = 2_400;

function muted({ mode, bridge, speech }: Omit<Live, 'ask'>): void {
  speech.muted();
  if (mode !== 'auto') return;
  for (let sent = 0; sent < TAIL_SAMPLES; sent += TAIL_PIECE) bridge.appendAudio(new Int16Array(TAIL_PIECE));
}

class PageReader implements Page {
  readonly #options: PageOptions;
  readonly #send: (message: RelayMessage) => void;
  readonly #dispatch: (event: Happening) => void;
  readonly #downlink: Downlink;
  readonly #settlement: Settlement;
  readonly #turns: Turns;
  readonly #tools: Tools;
  #live: Live | null = null;
  /** Push-to-talk: the page's name of the speech under way. */
  #talking: string | null = null;
  #said = 0;

  constructor(options: PageOptions) {
    this.#options = options;
    const { send, dispatch, downlink, settlement, turns, tools } = options;
    this.#send = send;
    this.#dispatch = dispatch;
    this.#downlink = downlink;
    this.#settlement = settlement;
    this.#turns = turns;
    this.#tools = tools;
  }

  /** Whether a turn of the page's own came before, to this relay or to one that is gone. */
  #isKnown({ n = Infinity }: { n?: number | undefined }): boolean {
    return n <= this.#said;
  }

  #fail(code: FaultCode, message: string): void {
    this.#send({ type: 'error', code, message, retryable: FAULTS[code].retryable });
  }

  /** The widget paused on its own, and has told where: also when that ends the answer at once. */
  #hold(paused: boolean, epoch: number): void {
    if (paused && epoch === this.#options.gate().epoch) this.#settlement.held();
  }

  /** The widget paused on its own and the arbiter does not hold it: it must not wait. */
  #letGo(paused: boolean, epoch: number): void {
    const gate = this.#options.gate();
    if (!paused || epoch !== gate.epoch || gate.isPaused) return;
    this.#settlement.released();
    this.#send({ type: 'gate.resume', epoch, rewindMs: 0 });
  }

  #start(message: Extract<WidgetMessage, { type: 'session.start' }>): void {
    const offered = message.tools ?? [];
    const mayOffer = this.#options.pageTools || offered.length === 0;
    if (!mayOffer) this.#fail('forbidden', 'this assistant takes no functions from pages');
    const { turn: mode, locale, codecs } = message;
    this.#live = this.#options.start({ mode, locale, codecs, tools: mayOffer ? offered : [] });
    if (message.context !== undefined) this.#live.bridge.addContext(message.context);
  }

  /** Everything that needs a conversation under way. */
  #during(message: WidgetMessage, { mode, bridge, speech }: Live): void {
    switch (message.type) {
      case 'user.onset':
        this.#hold(message.paused, message.epoch);
        // Push-to-talk has no use for a detector; the gate must not stay shut for it.
        if (mode === 'auto') speech.onset(message.utterance, message.level);
        {
          this.#letGo(message.paused, message.epoch);
          return;
        }
      case 'user.offset': {
        speech.offset(message.utterance, message.ms);
        return;
      }
      case 'user.text': {
        if (this.#isKnown(message)) return;
        const turn = this.#turns.propose('text');
        const item = bridge.addUserText(message.text);
        this.#dispatch({ type: 'user.text', turn });
        this.#turns.announce(turn);
        this.#said = message.n ?? this.#said;
        this.#options.onTyped(turn, item, message.text);
        this.#send({ type: 'transcript.done', item, role: 'user', text: message.text });
        return;
      }
      case 'assistant.say': {
        if (this.#isKnown(message)) return;
        // A turn like any other, but nobody typed it: the page shows no line of the user's.
        const turn = this.#turns.propose('text');
        const item = bridge.addUserText(`Say exactly: ${message.text}`);
        this.#dispatch({ type: 'user.text', turn });
        this.#turns.announce(turn);
        this.#said = message.n ?? this.#said;
        this.#options.onTyped(turn, item, message.text);
        return;
      }
      case 'user.interrupt': {
        const utterance = speech.press('interrupt');
        speech.release('interrupt');
        speech.discard(utterance);
        this.#dispatch({ type: 'turn.dropped', turn: this.#dropped(), utterances: [utterance] });
        return;
      }
      case 'talk.start':
        if (mode === 'auto') {
          this.#fail('bad-request', 'this session listens by itself; talk.start belongs to hold');
          return;
        }
        if (this.#talking !== null) {
          this.#fail('bad-request', 'talk.start before the talk.end of the one before');
          return;
        }
        this.#talking = message.utterance;
        this.#hold(message.paused, message.epoch);
        speech.press(message.utterance);
        {
          this.#letGo(message.paused, message.epoch);
          return;
        }
      case 'talk.end': {
        if (this.#talking !== message.utterance) {
          this.#fail('bad-request', 'talk.end without its talk.start');
          return;
        }
        this.#talking = null;
        const utterance = speech.release(message.utterance) ?? message.utterance;
        if (bridge.commitAudio()) return;
        // Too short for a turn: what came of it must not begin the next one.
        bridge.clearAudio();
        speech.discard(utterance);
        this.#dispatch({ type: 'turn.dropped', turn: this.#dropped(), utterances: [utterance] });
        return;
      }
      case 'playout': {
        const { type, epoch, item, playedMs, last } = message;
        this.#downlink.played(epoch, item, playedMs);
        this.#settlement.reported(item, playedMs, last === true);
        this.#dispatch({ type, epoch, item, playedMs });
        return;
      }
      case 'playout.drained': {
        this.#dispatch(message);
        return;
      }
      case 'clip.ended': {
        this.#dispatch({ ...message, clip: this.#options.clipName(message.clip) });
        return;
      }
      case 'device.changed': {
        this.#dispatch({ type: message.suspended ? 'device.suspended' : 'device.resumed' });
        return;
      }
      case 'mic.changed': {
        if (message.muted) muted({ mode, bridge, speech });
        return;
      }
      case 'tool.result':
        if (this.#tools.result(message.call, message.output, message.failed === true)) return;
        {
          this.#fail('not-found', 'no function call of this id waits for a result');
          return;
        }
      case 'context.update': {
        bridge.addContext(message.text);
        return;
      }
      case 'speech.lost': {
        this.loseSpeech(message.utterance);
        this.#options.askAgain();
        return;
      }
      case 'ack':
      case 'ping':
      case 'auth':
      case 'session.start':
      case 'session.end':
        return;
      default:
        return message satisfies never;
    }
  }

  /** A turn that never was still needs a name in the record. */
  #dropped(): string {
    const turn = this.#turns.propose('speech');
    this.#turns.discard(turn);
    return turn;
  }

  loseSpeech(utterance?: string): number {
    if (this.#live === null) return 0;
    if (utterance === undefined || this.#talking === utterance) this.#talking = null;
    const { ids, longestMs } = this.#live.speech.lose(utterance);
    if (ids.length > 0) {
      this.#live.bridge.clearAudio();
      this.#dispatch({ type: 'turn.dropped', turn: this.#dropped(), utterances: ids });
    }
    return longestMs;
  }

  message(message: WidgetMessage): void {
    switch (message.type) {
      case 'ping': {
        this.#send({ type: 'pong' });
        return;
      }
      case 'auth': {
        this.#options.renew(message.token);
        return;
      }
      case 'session.end': {
        this.#options.end();
        return;
      }
      case 'session.start': {
        if (this.#live === null) this.#start(message);
        else this.#options.refuse('protocol', 'session.start');
        return;
      }
      default: {
        if (this.#live === null) this.#options.refuse('protocol', message.type);
        else this.#during(message, this.#live);
        return;
      }
    }
  }

  sound(samples: Int16Array): void {
    if (this.#live === null) {
      this.#options.refuse('protocol', 'sound before session.start');
      return;
    }
    if (this.#live.mode === 'auto' || this.#talking !== null) this.#live.bridge.appendAudio(samples);
  }

  restore(started: StartOptions, newest: number): Live {
    this.#said = newest;
    this.#live = this.#options.start(started);
    return this.#live;
  }

  get live(): Live | null {
    return this.#live;
  }

  get said(): number {
    return this.#said;
  }

  set said(newest: number) {
    this.#said = newest;
  }
}

export function createPage(options: PageOptions): Page {
  return new PageReader(options);
}
