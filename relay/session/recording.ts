/**
 * What is kept of a conversation: who spoke when, what was heard and what was not, what came of
 * each turn, how quick it was and what it cost. It watches the arbiter's steps and what the page
 * is told, and hands rows to whoever writes them; nobody waits for that. Words pass the tenant's
 * rules before they leave this file.
 */
import type { ArbiterEvent, Effect, Lane, State } from '#arbiter';
import { CLOSE, type RelayMessage } from '#wire';
import type { BridgeUsage } from '../bridge/bridge.ts';
import { heardShare, heardText } from '../bridge/heard-words.ts';
import type { Moderator } from '../policy/moderation.ts';
import { redact } from '../policy/redact.ts';
import type { Policy } from '../policy/settings.ts';
import type { SessionMeter, SessionTotals } from '../usage/meter.ts';
import type { SessionDeps, SessionSeed } from './session-deps.ts';

/** A conversation that began. Times are wall-clock milliseconds. */
export interface BegunSession {
  id: string;
  tenantId: string;
  subject: string;
  assistantId: string;
  assistantVersion: number;
  origin: string | null;
  instance: string;
  locale: string;
  startedAt: number;
}

/** A turn that ended; texts are null where the tenant keeps none. */
export interface EndedTurn {
  tenantId: string;
  sessionId: string;
  turn: string;
  /** From the start of the session, in milliseconds. */
  startedMs: number;
  endedMs: number;
  outcome: string;
  userText: string | null;
  heardText: string | null;
  unheardText: string | null;
  /** JSON: figures by name, in milliseconds. */
  figures: string;
  /** Millionths of a dollar. */
  cost: number;
}

export interface EndedSession extends SessionTotals {
  id: string;
  tenantId: string;
  endedAt: number;
  closeCode: number;
  turns: number;
  interruptions: number;
}

export type TurnWords = Pick<EndedTurn, 'userText' | 'heardText' | 'unheardText'>;

/** Takes rows and makes nobody wait. */
export interface ConversationSink {
  /** Also when it goes on here, after another instance had it. */
  began(session: BegunSession): void;
  /** @param told - The words for whoever is told elsewhere: without personal data, whatever the tenant keeps. */
  turn(turn: EndedTurn, isInterrupted: boolean, told: TurnWords): void;
  ended(session: EndedSession): void;
}

export interface RecordingOptions {
  deps: Pick<SessionDeps, 'clock' | 'conversations' | 'continuity' | 'meter' | 'instance'>;
  seed: SessionSeed;
  policy: Policy;
  state: () => State;
  /** Milliseconds since the session began. */
  now: () => number;
  onUsedUp: () => void;
  /** Whether the turn is one that policy asked for. */
  isRewrite: (turn: string) => boolean;
}

export interface Recording {
  /** The page has started: the conversation is under way. */
  begin(locale: string): void;
  /** One step of the arbiter, before its effects are carried out. */
  step(event: ArbiterEvent, effects: Effect[]): void;
  /** The user's words for the turn are, or will be, those of `item`. */
  asked(turn: string, item: string): void;
  /** What the page is told. */
  told(message: RelayMessage): void;
  billed(usage: BridgeUsage): void;
  /** Whose clips are being made from now on. */
  rendering(lane: 'A' | 'C'): void;
  /** The moderator, with its requests counted. */
  counted(moderator: Moderator | undefined): Moderator | null;
  /** Whether the tenant's budget allows another turn; yes where there is none. */
  mayAnswer(): boolean;
  /** Whether there is a budget that can be used up. */
  isBounded(): boolean;
  end(closeCode: number): void;
}

interface Response {
  turn: string;
  isDone: boolean;
  isBilled: boolean;
  audioMs: number;
  items: Set<string>;
}

interface Turn {
  startedMs: number;
  endedMs: number;
  outcome: string | null;
  userItem: string | null;
  /** Of each item: its words, and the share of them that was heard. */
  heard: { item: string; share: number }[];
  figures: Record<string, number>;
  cost: number;
  isInterrupted: boolean;
}

/** The user took the floor from an answer. */
const INTERRUPTIONS: ReadonlySet<string> = new Set(['onset', 'interrupt', 'decide', 'text', 'commit']);
/** Ended turns that still wait for their bill or their words. */
const MOST_UNWRITTEN = 2;
const MOST_REMEMBERED = 64;
/** How an instance ends what another goes on with. */
const GOES_ON: readonly number[] = [CLOSE.drain, CLOSE.moved];
/** Sound of the model is counted in tokens of 50 ms. */
const AUDIO_TOKEN_MS = 50;

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value);
  const oldest = map.size > MOST_REMEMBERED ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
}

export function createRecording(options: RecordingOptions): Recording {
  const { deps, seed, policy, state, now } = options;
  const { tenant, assistant, subject, origin } = seed.admission;
  const sink = deps.conversations;
  const keep = tenant.transcripts ?? 'redacted';
  const meter: SessionMeter | undefined = deps.meter?.open({
    tenantId: tenant.id,
    sessionId: seed.id,
    model: assistant.model,
    onUsedUp: options.onUsedUp,
  });
  const turns = new Map<string, Turn>();
  const responses = new Map<string, Response>();
  const words = new Map<string, string>();
  const wholeWords = new Set<string>();
  /** How much of items was heard, by the gate's own last count; in milliseconds. */
  const exact = new Map<string, number>();
  let current: string | null = null;
  let onsetAt: number | null = null;
  /** When the speech of the turn that is being committed began. */
  let speechAt: number | null = null;
  const onsets = new Map<string, number>();
  let spare = 0;
  let clipLane: 'A' | 'C' = 'A';
  let moderations = 0;
  let lastInput = { text: 0, audio: 0 };
  const counts = { turns: 0, interruptions: 0 };
  let isBegun = false;

  function turnOf(id: string, t: number): Turn {
    let turn = turns.get(id);
    if (!turn) {
      turn = {
        ...{ startedMs: speechAt ?? t, endedMs: t, outcome: null, userItem: null, heard: [] },
        ...{ figures: { committed_ms: t }, cost: 0, isInterrupted: false },
      };
      turns.set(id, turn);
    }
    return turn;
  }
  const laneOf = (turn: string): Lane => (options.isRewrite(turn) ? 'C' : 'B');
  const redacted = (text: string) => redact(text, policy.pii);

  /** How much of each of the turn's items was heard, as the arbiter has it now. */
  function heardOf(id: string): Turn['heard'] {
    const mine = [...responses].filter(([, { turn }]) => turn === id);
    return mine.flatMap(([response, { items, isDone }]) =>
      [...items].map((item) => {
        const known = state().items.find((one) => one.id === item && one.response === response);
        if (known?.fate === 'heard') return { item, share: 1 };
        if (!known || known.fate === 'deleted') return { item, share: 0 };
        return { item, share: shareOf(item, known.playedMs, known.receivedMs, isDone) };
      }),
    );
  }

  function shareOf(item: string, heardMs: number, receivedMs: number, isComplete: boolean): number {
    const exactly = exact.get(item) ?? heardMs;
    return heardShare(exactly, receivedMs, (words.get(item) ?? '').length, isComplete);
  }

  function spoken(turn: Turn, clean: (text: string) => string): TurnWords {
    if (keep === 'off') return { userText: null, heardText: null, unheardText: null };
    const heard: string[] = [];
    const unheard: string[] = [];
    for (const { item, share } of turn.heard) {
      // Taken out before it is cut, or half a number would be left on either side.
      const text = clean(words.get(item) ?? '');
      const head = heardText(text, share);
      heard.push(head.trim());
      unheard.push(text.slice(head.length).trim());
    }
    const joined = (parts: string[]) => parts.filter((part) => part !== '').join(' ');
    const user = turn.userItem === null ? null : (words.get(turn.userItem) ?? null);
    return { userText: user === null ? null : clean(user), heardText: joined(heard), unheardText: joined(unheard) };
  }

  function write(id: string, turn: Turn): void {
    turns.delete(id);
    counts.turns += 1;
    if (turn.isInterrupted) counts.interruptions += 1;
    const { startedMs, endedMs, outcome, figures } = turn;
    const cost = turn.cost + spare;
    spare = 0;
    meter?.moderated(moderations);
    moderations = 0;
    const row = { tenantId: tenant.id, sessionId: seed.id, turn: id, startedMs, endedMs, outcome: outcome ?? 'failed' };
    const told = spoken(turn, redacted);
    const kept = keep === 'full' ? spoken(turn, (text) => text) : told;
    sink?.turn({ ...row, ...kept, figures: JSON.stringify(figures), cost }, turn.isInterrupted, told);
  }

  /** Writes what is complete, and what has waited long enough. */
  function settle(isLast = false): void {
    const ended = [...turns].filter(([, { outcome }]) => outcome !== null);
    for (const [index, [id, turn]] of ended.entries()) {
      const isBilled = [...responses.values()].every((one) => one.turn !== id || one.isDone);
      const hasWords = turn.userItem === null || wholeWords.has(turn.userItem);
      const isOld = ended.length - index > MOST_UNWRITTEN;
      if (isLast || isOld || (isBilled && hasWords)) write(id, turn);
    }
  }

  function effect(one: Effect, t: number): void {
    switch (one.type) {
      case 'response.create':
        turnOf(one.turn, t);
        return;
      case 'gate.pause':
      case 'gate.close': {
        const turn = current === null ? undefined : turns.get(current);
        // The page is quicker: its own gate is shut when the relay hears of the onset.
        if (turn && onsetAt !== null) turn.figures['onset_to_silence_ms'] ??= t - onsetAt;
        return;
      }
      case 'owner.changed': {
        const turn = current === null ? undefined : turns.get(current);
        if (turn && one.from === 'B' && INTERRUPTIONS.has(one.cause)) turn.isInterrupted = true;
        return;
      }
      case 'metric': {
        const turn = current === null ? undefined : turns.get(current);
        if (turn) turn.figures[one.name] = one.value;
        return;
      }
      case 'turn.outcome': {
        const turn = turnOf(one.turn, t);
        turn.outcome = one.outcome;
        turn.endedMs = t;
        turn.heard = heardOf(one.turn);
        if (current === one.turn) current = null;
        return;
      }
      default:
        return;
    }
  }

  function noteEvent(event: ArbiterEvent): void {
    switch (event.type) {
      case 'user.onset':
        onsetAt ??= event.t;
        if (!onsets.has(event.utterance)) remember(onsets, event.utterance, event.t);
        return;
      case 'turn.committed': {
        const known = (event.utterances ?? []).flatMap((utterance) => onsets.get(utterance) ?? []);
        speechAt = known.length === 0 ? null : Math.min(...known);
        return;
      }
      case 'response.created': {
        const fresh = { isDone: false, isBilled: false, audioMs: 0, items: new Set<string>() };
        remember(responses, event.response, { turn: event.turn, ...fresh });
        return;
      }
      case 'response.audio': {
        const response = responses.get(event.response);
        if (!response) return;
        response.audioMs += event.ms;
        response.items.add(event.item);
        return;
      }
      case 'response.done': {
        const response = responses.get(event.response);
        if (response) response.isDone = true;
        return;
      }
      default:
        return;
    }
  }

  return {
    begin(locale) {
      if (isBegun) return;
      isBegun = true;
      meter?.begin();
      sink?.began({
        ...{ id: seed.id, tenantId: tenant.id, subject, assistantId: assistant.id },
        ...{ assistantVersion: assistant.version, origin: origin ?? null, instance: deps.instance ?? 'relay' },
        ...{ locale, startedAt: Math.round(deps.clock.wallNow() - now()) },
      });
    },
    step(event, effects) {
      noteEvent(event);
      for (const one of effects) effect(one, event.t);
      speechAt = null;
      for (const one of effects) if (one.type === 'response.create') current = one.turn;
      if (event.type === 'user.offset' || event.type === 'turn.committed') onsetAt = null;
      if (event.type === 'response.done') settle();
    },
    asked(turn, item) {
      // A turn that must wait for the provider has begun all the same.
      turnOf(turn, now()).userItem = item;
    },
    told(message) {
      if (message.type === 'transcript.delta' && message.role === 'agent') {
        remember(words, message.item, (words.get(message.item) ?? '') + message.text);
      } else if (message.type === 'transcript.done') {
        remember(words, message.item, message.text);
        wholeWords.add(message.item);
        if (message.role === 'user') settle();
      } else if (message.type === 'turn.ended') {
        const turn = turns.get(message.turn);
        for (const lane of ['A', 'B', 'C'] as const) {
          const ms = message.firstSentMs[lane];
          if (turn && ms !== undefined) turn.figures[`first_${lane.toLowerCase()}_ms`] = ms;
        }
        settle();
      } else if (message.type === 'item.truncated') remember(exact, message.item, message.heardMs);
      else if (message.type === 'item.deleted') remember(exact, message.item, 0);
    },
    billed(usage) {
      const response = usage.response === undefined ? undefined : responses.get(usage.response);
      // A response that the arbiter never heard of is a clip in the making.
      const lane = response ? laneOf(response.turn) : usage.kind === 'response' ? clipLane : 'B';
      const cost = meter?.billed(lane, usage) ?? 0;
      if (response) {
        response.isBilled = true;
        lastInput = { text: usage.inputTextTokens, audio: usage.inputAudioTokens };
      }
      const turn = response ? turns.get(response.turn) : current === null ? undefined : turns.get(current);
      if (turn) turn.cost += cost;
      else spare += cost;
    },
    rendering(lane) {
      clipLane = lane;
    },
    counted(moderator) {
      if (!moderator) return null;
      return {
        check(text, how) {
          moderations += 1;
          return moderator.check(text, how);
        },
        get isResting() {
          return moderator.isResting;
        },
      };
    },
    mayAnswer: () => meter?.mayAnswer() ?? true,
    isBounded: () => meter?.isBounded ?? false,
    end(closeCode) {
      for (const response of responses.values()) {
        // The provider bills what it made, and nobody is left to hear how much that was.
        if (response.isBilled || response.isDone || response.audioMs === 0) continue;
        const cost = meter?.billed(laneOf(response.turn), {
          ...{ kind: 'response', cachedTextTokens: 0, cachedAudioTokens: 0, outputTextTokens: 0 },
          ...{ inputTextTokens: lastInput.text, inputAudioTokens: lastInput.audio },
          outputAudioTokens: Math.ceil(response.audioMs / AUDIO_TOKEN_MS),
        });
        const turn = turns.get(response.turn);
        if (turn) turn.cost += cost ?? 0;
        else spare += cost ?? 0;
      }
      settle(true);
      meter?.moderated(moderations);
      meter?.end();
      // Elsewhere it is not over, and its end is told there.
      if (!isBegun || (deps.continuity && GOES_ON.includes(closeCode))) return;
      const totals = meter?.totals ?? { talkMs: now(), cost: 0, costByLane: { A: 0, B: 0, C: 0 } };
      const endedAt = Math.round(deps.clock.wallNow());
      sink?.ended({ ...totals, ...counts, id: seed.id, tenantId: tenant.id, endedAt, closeCode });
    },
  };
}
