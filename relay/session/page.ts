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

export function createPage(options: PageOptions): Page {
  const { send, dispatch, downlink, settlement, turns, tools } = options;
  let live: Live | null = null;
  /** Push-to-talk: the page's name of the speech under way. */
  let talking: string | null = null;
  let said = 0;

  /** Whether a turn of the page's own came before, to this relay or to one that is gone. */
  const isKnown = ({ n = Infinity }: { n?: number | undefined }) => n <= said;

  function fail(code: FaultCode, message: string): void {
    send({ type: 'error', code, message, retryable: FAULTS[code].retryable });
  }

  /** The widget paused on its own, and has told where: also when that ends the answer at once. */
  function hold(paused: boolean, epoch: number): void {
    if (paused && epoch === options.gate().epoch) settlement.held();
  }

  /** The widget paused on its own and the arbiter does not hold it: it must not wait. */
  function letGo(paused: boolean, epoch: number): void {
    const gate = options.gate();
    if (!paused || epoch !== gate.epoch || gate.isPaused) return;
    settlement.released();
    send({ type: 'gate.resume', epoch, rewindMs: 0 });
  }

  function start(message: Extract<WidgetMessage, { type: 'session.start' }>): void {
    const offered = message.tools ?? [];
    const mayOffer = options.pageTools || offered.length === 0;
    if (!mayOffer) fail('forbidden', 'this assistant takes no functions from pages');
    const { turn: mode, locale, codecs } = message;
    live = options.start({ mode, locale, codecs, tools: mayOffer ? offered : [] });
    if (message.context !== undefined) live.bridge.addContext(message.context);
  }

  /** Everything that needs a conversation under way. */
  function during(message: WidgetMessage, { mode, bridge, speech }: Live): void {
    switch (message.type) {
      case 'user.onset':
        hold(message.paused, message.epoch);
        // Push-to-talk has no use for a detector; the gate must not stay shut for it.
        if (mode === 'auto') speech.onset(message.utterance, message.level);
        {
          letGo(message.paused, message.epoch);
          return;
        }
      case 'user.offset': {
        speech.offset(message.utterance, message.ms);
        return;
      }
      case 'user.text': {
        if (isKnown(message)) return;
        const turn = turns.propose('text');
        const item = bridge.addUserText(message.text);
        dispatch({ type: 'user.text', turn });
        turns.announce(turn);
        said = message.n ?? said;
        options.onTyped(turn, item, message.text);
        send({ type: 'transcript.done', item, role: 'user', text: message.text });
        return;
      }
      case 'assistant.say': {
        if (isKnown(message)) return;
        // A turn like any other, but nobody typed it: the page shows no line of the user's.
        const turn = turns.propose('text');
        const item = bridge.addUserText(`Say exactly: ${message.text}`);
        dispatch({ type: 'user.text', turn });
        turns.announce(turn);
        said = message.n ?? said;
        options.onTyped(turn, item, message.text);
        return;
      }
      case 'user.interrupt': {
        const utterance = speech.press('interrupt');
        speech.release('interrupt');
        speech.discard(utterance);
        dispatch({ type: 'turn.dropped', turn: dropped(), utterances: [utterance] });
        return;
      }
      case 'talk.start':
        if (mode === 'auto') {
          fail('bad-request', 'this session listens by itself; talk.start belongs to hold');
          return;
        }
        if (talking !== null) {
          fail('bad-request', 'talk.start before the talk.end of the one before');
          return;
        }
        talking = message.utterance;
        hold(message.paused, message.epoch);
        speech.press(message.utterance);
        {
          letGo(message.paused, message.epoch);
          return;
        }
      case 'talk.end': {
        if (talking !== message.utterance) {
          fail('bad-request', 'talk.end without its talk.start');
          return;
        }
        talking = null;
        const utterance = speech.release(message.utterance) ?? message.utterance;
        if (bridge.commitAudio()) return;
        // Too short for a turn: what came of it must not begin the next one.
        bridge.clearAudio();
        speech.discard(utterance);
        dispatch({ type: 'turn.dropped', turn: dropped(), utterances: [utterance] });
        return;
      }
      case 'playout': {
        const { type, epoch, item, playedMs, last } = message;
        downlink.played(epoch, item, playedMs);
        settlement.reported(item, playedMs, last === true);
        dispatch({ type, epoch, item, playedMs });
        return;
      }
      case 'playout.drained': {
        dispatch(message);
        return;
      }
      case 'clip.ended': {
        dispatch({ ...message, clip: options.clipName(message.clip) });
        return;
      }
      case 'device.changed': {
        dispatch({ type: message.suspended ? 'device.suspended' : 'device.resumed' });
        return;
      }
      case 'mic.changed': {
        if (message.muted) muted({ mode, bridge, speech });
        return;
      }
      case 'tool.result':
        if (tools.result(message.call, message.output, message.failed === true)) return;
        {
          fail('not-found', 'no function call of this id waits for a result');
          return;
        }
      case 'context.update': {
        bridge.addContext(message.text);
        return;
      }
      case 'speech.lost': {
        loseSpeech(message.utterance);
        options.askAgain();
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
  function dropped(): string {
    const turn = turns.propose('speech');
    turns.discard(turn);
    return turn;
  }

  function loseSpeech(utterance?: string): number {
    if (live === null) return 0;
    if (utterance === undefined || talking === utterance) talking = null;
    const { ids, longestMs } = live.speech.lose(utterance);
    if (ids.length > 0) {
      live.bridge.clearAudio();
      dispatch({ type: 'turn.dropped', turn: dropped(), utterances: ids });
    }
    return longestMs;
  }

  function muted({ mode, bridge, speech }: Omit<Live, 'ask'>): void {
    speech.muted();
    if (mode !== 'auto') return;
    for (let sent = 0; sent < TAIL_SAMPLES; sent += TAIL_PIECE) bridge.appendAudio(new Int16Array(TAIL_PIECE));
  }

  return {
    message(message) {
      switch (message.type) {
        case 'ping': {
          send({ type: 'pong' });
          return;
        }
        case 'auth': {
          options.renew(message.token);
          return;
        }
        case 'session.end': {
          options.end();
          return;
        }
        case 'session.start': {
          if (live === null) start(message);
          else options.refuse('protocol', 'session.start');
          return;
        }
        default: {
          if (live === null) options.refuse('protocol', message.type);
          else during(message, live);
          return;
        }
      }
    },
    sound(samples) {
      if (live === null) {
        options.refuse('protocol', 'sound before session.start');
        return;
      }
      if (live.mode === 'auto' || talking !== null) live.bridge.appendAudio(samples);
    },
    restore(started, newest) {
      said = newest;
      live = options.start(started);
      return live;
    },
    loseSpeech,
    get live() {
      return live;
    },
    get said() {
      return said;
    },
    set said(newest) {
      said = newest;
    },
  };
}
