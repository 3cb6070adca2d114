/**
 * The arbiter's state: a product of small regions, plain JSON. A region with data is tagged
 * `{ is: … }`; `owner` is a plain string. Timers are data: `deadlines` maps a name to the time at
 * or after which a `tick` fires it. Everything that could grow is a bounded ring.
 */
import type { ClipKind, Outcome, Owner, StateName, Verdict } from './vocabulary.ts';

/** One stretch of the user's speech. It stays here, ended, until its turn is committed or dropped. */
export interface Utterance {
  since: number;
  ended?: number;
  verdict?: Verdict;
  /** Began right after the agent's question: an answer, whatever its words. */
  ordinary?: true;
  /** Ended and ruled, or too short: nothing changes it any more. */
  closed?: true;
  /** Its end-of-turn decision failed; it opens no other. */
  undecided?: true;
}

/** The one request or response at the provider. */
export type Slot =
  | { is: 'none' }
  | { is: 'requested'; turn: string; /** Cancel it as soon as it has an id. */ cancel?: true }
  | { is: 'created' | 'streaming' | 'generated'; id: string; turn: string }
  /** Without an id: the provider has some response of which it did not say which. */
  | { is: 'cancelling'; id?: string };

/** What is known of a response while it is in the slot, held or heard. */
export interface ResponseInfo {
  turn: string;
  receivedMs: number;
  /** Where its first audible frame starts, counted over all its sound. */
  audibleFromMs?: number;
  generated?: true;
  question?: true;
  /** How it ended; `lost` also when the provider went away. */
  ended?: 'completed' | 'lost';
  /** Its sound was let through the gate. */
  admitted?: true;
  /** All of its sound was played. */
  drained?: true;
}

export type Heard =
  | { is: 'none' }
  /** `held` waits for the gate, `playing` is owned. `earlier` still play when the next (after a tool) begins. */
  | { is: 'held' | 'playing'; response: string; turn: string; resumes: number; question?: true; earlier?: string[] };

export interface Item {
  id: string;
  response: string;
  receivedMs: number;
  playedMs: number;
  fate: 'live' | 'heard' | 'truncated' | 'deleted';
}

export interface Clip {
  kind: ClipKind;
  clip: string;
  ms?: number;
  affirmative?: boolean;
}

/** Lane C. `waiting` is a refusal that starts when the user ends. */
export type Control =
  | { is: 'none' }
  | { is: 'waiting'; kind: ClipKind; cause: 'policy' | 'policy_timeout' }
  | { is: 'playing'; clip: string; kind: ClipKind; resumes: number };

export type Turn =
  | { is: 'none' }
  | {
      is: 'open';
      id: string;
      committedAt: number;
      /** Its response must be asked for again, all its tools having ended. */
      requestDue?: true;
      /** B was audible in this turn. */
      audible?: true;
      /** How the last response that ended leaves the turn. */
      result?: 'answered' | 'failed';
      /** That response was silent and failed: the user is told. */
      fallbackDue?: true;
    }
  | { is: 'ended'; id: string; outcome: Outcome };

/** In the order in which deadlines of one time fire: the user's, then C's, B's, A's. */
export const DEADLINES = [
  'decide',
  'turn',
  'user',
  'widget',
  'clip',
  'policy',
  'idle',
  'create',
  'first',
  'stall',
  'done',
  'tool',
  'drain',
  'cap',
  'reflex',
] as const;
export type DeadlineName = (typeof DEADLINES)[number];

export interface State {
  started: boolean;
  ended: boolean;
  epoch: number;
  floor: { is: 'idle' } | { is: 'user' | 'deciding'; since: number } | { is: 'agent' };
  speaking: Record<string, Utterance>;
  owner: Owner;
  /** When the owner last ceased to be none. */
  ownedSince: number;
  /** When A last handed over to B. */
  handoverAt: number | null;
  gate: { is: 'open' } | { is: 'closed' } | { is: 'paused'; at: number; decideBy: number };
  response: Slot;
  /** The one turn whose response waits for the slot or the provider. */
  queued: string | null;
  heard: Heard;
  /** Of what is in the slot, held or heard. */
  responses: Record<string, ResponseInfo>;
  /** Cleared milliseconds per response, of the same. */
  policy: Record<string, number>;
  items: Item[];
  reflex: { is: 'off' } | { is: 'armed'; at: number } | { is: 'playing'; clip: string } | { is: 'spent' };
  control: Control;
  clips: Clip[];
  lastReflex: string | null;
  /** Open calls, with their turn and their start. */
  tools: Record<string, { turn: string; since: number }>;
  provider: { is: 'up'; generation: number } | { is: 'down'; since: number; generation: number };
  widget: { is: 'up' } | { is: 'down'; since: number };
  device: { is: 'audible' } | { is: 'suspended'; since: number };
  turn: Turn;
  /** Expectation of B's first audible frame after a commit; null: expected late. */
  expectedMs: number | null;
  /** The agent's last response was a question. */
  asked: boolean;
  /** When the playout of a question last ended. */
  askedAt: number | null;
  /** An idle prompt is owed: B's playout ended and nothing was said since. */
  idleOwed: boolean;
  deadlines: Partial<Record<DeadlineName, number>>;
  /** Frozen rests of deadlines, in milliseconds, while the gate is paused or the device suspended. */
  frozen: { clip?: number; drain?: number };
  /** Ids that are over, newest last. */
  past: {
    responses: string[];
    cancelled: string[];
    turns: string[];
    /** Turns whose requested response never came in time: it is cancelled when it comes. */
    unanswered: string[];
    calls: string[];
    utterances: { id: string; verdict?: Verdict }[];
  };
}

/** Nothing owned, gate closed, provider down (a create waits for it), widget up, device audible, epoch 1. */
export function initialState(config: { EXPECTED_FIRST_AUDIO_MS?: number } = {}): State {
  return {
    started: false,
    ended: false,
    epoch: 1,
    floor: { is: 'idle' },
    speaking: {},
    owner: 'none',
    ownedSince: 0,
    handoverAt: null,
    gate: { is: 'closed' },
    response: { is: 'none' },
    queued: null,
    heard: { is: 'none' },
    responses: {},
    policy: {},
    items: [],
    reflex: { is: 'off' },
    control: { is: 'none' },
    clips: [],
    lastReflex: null,
    tools: {},
    provider: { is: 'down', since: 0, generation: -1 },
    widget: { is: 'up' },
    device: { is: 'audible' },
    turn: { is: 'none' },
    expectedMs: config.EXPECTED_FIRST_AUDIO_MS ?? null,
    asked: false,
    askedAt: null,
    idleOwed: false,
    deadlines: {},
    frozen: {},
    past: { responses: [], cancelled: [], turns: [], unanswered: [], calls: [], utterances: [] },
  };
}

/** When the shell must tick next, on the events' clock; undefined: never. */
export function nextDeadline(state: State): number | undefined {
  const times = Object.values(state.deadlines);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** The seven names that operators see: computed, never stored. */
export function stateName(state: State): StateName {
  if (state.ended) return 'ENDED';
  if (!state.started) return 'IDLE';
  if (state.owner === 'A') return 'A_PLAYING';
  if (state.owner === 'B') return 'B_PLAYING';
  if (state.owner === 'C') return 'FALLBACK_PLAYING';
  return state.turn.is === 'open' ? 'B_RESPONDING' : 'LISTENING';
}
