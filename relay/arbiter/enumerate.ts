/**
 * Visits every state of the reducer that an abstract session can reach, breadth first, and asserts
 * the invariants after each step. Two turns, two utterances, two responses of one item each, one
 * tool call; time passes only to the end of an utterance or to the next deadline. A state is kept
 * relative to its own time, so that sessions which differ only in when they happened meet again.
 */
import { noHistory, observe, type History } from './invariants.ts';
import { initialState, nextDeadline, type State } from './state.ts';
import { step } from './step.ts';
import { DEFAULT_CONFIG, type ArbiterConfig, type ArbiterEvent } from './vocabulary.ts';

/** Every time is a whole number of these, so that few differ. */
const BEAT_MS = 1000;
const MOST_BROKEN = 5;

/** Knobs on the grid; the order of the deadlines is that of the defaults. */
export const GRID: ArbiterConfig = {
  ...DEFAULT_CONFIG,
  ...{ MIN_DELAY_BEFORE_REFLEX_MS: BEAT_MS, PREEMPT_THRESHOLD_MS: 0, MAX_REFLEX_DURATION_MS: 2 * BEAT_MS },
  ...{ INTERRUPT_MIN_SPEECH_MS: BEAT_MS, INTERRUPT_DECISION_MS: BEAT_MS, TURN_DECISION_MS: 2 * BEAT_MS },
  ...{ POLICY_BUDGET_MS: BEAT_MS, RESUMES_PER_RESPONSE: 1, DRAIN_SLACK_MS: BEAT_MS, WIDGET_GRACE_MS: 2 * BEAT_MS },
  ...{ CREATE_TIMEOUT_MS: 3 * BEAT_MS, FIRST_AUDIO_TIMEOUT_MS: 3 * BEAT_MS, STALL_MS: 3 * BEAT_MS },
  ...{ DONE_TIMEOUT_MS: 3 * BEAT_MS, TOOL_TIMEOUT_MS: 4 * BEAT_MS, MAX_USER_TURN_MS: 4 * BEAT_MS },
};

export interface Enumerated {
  states: number;
  steps: number;
  /** Events from the start to the farthest state. */
  depth: number;
  /** Nothing new was found one event further. */
  isFixpoint: boolean;
  /** What did not hold, each with the shortest way there. */
  broken: string[];
}

interface Node {
  state: State;
  history: History;
  trail: Trail | null;
}

/** The way back, for when something is broken. */
interface Trail {
  from: Trail | null;
  by: string;
}

/**
 * @param options.depth - how many events deep.
 * @param options.losses - also what is lost and found: provider, widget, device, errors, tools.
 * @param options.config - knobs instead of {@link GRID}.
 * @param options.reduce - another reducer, to see that a wrong one is found out.
 * @param options.progress - told a line for each level.
 */
export function enumerate(options: {
  depth: number;
  losses?: boolean;
  config?: Partial<ArbiterConfig>;
  reduce?: typeof step;
  progress?: (line: string) => void;
}): Enumerated {
  const config = { ...GRID, ...options.config };
  const root = start(config);
  const seen = new Set<string>([keyOf(root)]);
  const broken = new Map<string, string>();
  let level = [root];
  let [steps, depth] = [0, 0];
  while (level.length > 0 && depth < options.depth && broken.size < MOST_BROKEN) {
    const next: Node[] = [];
    for (const node of level) {
      for (const event of alphabet(node.state, options.losses)) {
        steps += 1;
        const result = follow(node, event, config, options.reduce ?? step);
        if (result === null) continue;
        for (const problem of result.broken) {
          if (!broken.has(problem)) broken.set(problem, `${problem}, after ${pathTo(result.node.trail)}`);
        }
        const key = keyOf(result.node);
        if (seen.has(key)) continue;
        seen.add(key);
        // Everything is stale after the end: nothing new comes of it.
        if (!result.node.state.ended) next.push(result.node);
      }
    }
    if (next.length > 0) depth += 1;
    level = next;
    options.progress?.(`depth ${depth}: ${seen.size} states, ${next.length} of them new`);
  }
  return { states: seen.size, steps, depth, isFixpoint: level.length === 0, broken: [...broken.values()] };
}

/** A session that has just begun, with clips of every kind. */
function start(config: ArbiterConfig): Node {
  let state = initialState(config);
  const clips = (['reflex', 'refusal', 'fallback'] as const).map((kind): ArbiterEvent => ({
    t: 0,
    type: 'clip.ready',
    kind,
    clip: kind,
    ms: 500,
  }));
  const events: ArbiterEvent[] = [
    { t: 0, type: 'session.started' },
    { t: 0, type: 'provider.up', generation: 1 },
  ];
  for (const event of [...events, ...clips]) ({ state } = step(state, event, config));
  return { state: relative(state, 0), history: noHistory, trail: null };
}

/** One event further; null when it is stale and rightly changes nothing. */
function follow(node: Node, event: ArbiterEvent, config: ArbiterConfig, reduce: typeof step) {
  const { state: after, effects } = reduce(node.state, event, config);
  if (after === node.state && effects.length === 1 && effects[0]?.type === 'stale') return null;
  const { history, broken } = observe(node.history, { before: node.state, event, effects, after, config });
  const { t, type, ...fields } = event;
  const words: unknown[] = Object.values(fields);
  const by = [type, ...words, ...(t > 0 ? [`+${t}`] : [])].join(' ');
  return { node: { state: relative(after, t), history, trail: { from: node.trail, by } }, broken };
}

function pathTo(trail: Trail): string {
  const words: string[] = [];
  for (let at: Trail | null = trail; at !== null; at = at.from) words.unshift(at.by);
  return words.join(', ');
}

const seenIn = (list: readonly string[], id: string) => list.includes(id);

/**
 * What may happen next. The second of a kind appears only after the first, because which of two
 * equal ids comes first makes no difference.
 */
export function alphabet(state: State, losses = false): ArbiterEvent[] {
  if (state.ended) return [{ t: 0, type: 'user.onset', utterance: 'u1', source: 'widget' }];
  const events: ArbiterEvent[] = [
    ...ofUser(state),
    ...ofProvider(state),
    { t: 0, type: 'playout.drained', epoch: state.epoch },
    { t: 0, type: 'clip.ended', epoch: state.epoch },
    { t: 0, type: 'session.ended' },
  ];
  if (losses) events.push(...ofLosses(state));
  const next = nextDeadline(state);
  if (next !== undefined) events.push({ t: Math.max(0, next), type: 'tick' });
  return events;
}

function ofLosses({ epoch, widget, device, provider }: State): ArbiterEvent[] {
  const { generation } = provider;
  return [
    widget.is === 'up' ? { t: 0, type: 'widget.down' } : { t: 0, type: 'widget.up' },
    { t: 0, type: 'widget.up', epoch: epoch + 1 },
    device.is === 'audible' ? { t: 0, type: 'device.suspended' } : { t: 0, type: 'device.resumed' },
    provider.is === 'up'
      ? { t: 0, type: 'provider.down', generation }
      : { t: 0, type: 'provider.up', generation: generation + 1 },
    { t: 0, type: 'response.error', code: 'rate_limit_exceeded' },
    { t: 0, type: 'response.error', code: 'conversation_already_has_active_response' },
    { t: 0, type: 'tool.started', call: 'c1' },
    { t: 0, type: 'tool.ended', call: 'c1' },
  ];
}

function ofUser(state: State): ArbiterEvent[] {
  const { speaking, past } = state;
  const said = (id: string) => speaking[id] !== undefined || past.utterances.some((one) => one.id === id);
  const utterances = said('u1') ? ['u1', 'u2'] : ['u1'];
  const turns = seenIn(past.turns, 't1') ? ['t1', 't2'] : ['t1'];
  return [
    ...utterances.flatMap((utterance): ArbiterEvent[] => [
      { t: 0, type: 'user.onset', utterance, source: 'widget' },
      { t: 0, type: 'user.offset', utterance },
      { t: BEAT_MS, type: 'user.offset', utterance },
      { t: 0, type: 'user.verdict', utterance, verdict: 'interrupt' },
      { t: 0, type: 'user.verdict', utterance, verdict: 'backchannel' },
      { t: 0, type: 'user.verdict', utterance, verdict: 'noise' },
    ]),
    ...turns.flatMap((turn): ArbiterEvent[] => [
      { t: 0, type: 'user.text', turn },
      { t: 0, type: 'turn.committed', turn, item: 'said' },
      { t: 0, type: 'turn.dropped', turn },
    ]),
  ];
}

function ofProvider(state: State): ArbiterEvent[] {
  const { response: slot, past, responses } = state;
  const known = responses.r1 !== undefined || seenIn(past.responses, 'r1');
  const turn = slot.is === 'requested' ? slot.turn : 't1';
  return (known ? ['r1', 'r2'] : ['r1']).flatMap((response) => ofResponse(state, response, turn));
}

function ofResponse(state: State, response: string, turn: string): ArbiterEvent[] {
  const item = response.replace('r', 'i');
  const receivedMs = state.responses[response]?.receivedMs ?? 0;
  const base = { t: 0, response } as const;
  const events: ArbiterEvent[] = [
    { ...base, type: 'response.created', turn },
    { ...base, type: 'response.text' },
    { ...base, type: 'response.generated', question: true },
    { ...base, type: 'response.done', status: 'completed' },
    { ...base, type: 'response.done', status: 'failed' },
    { ...base, type: 'response.error', code: 'server_error' },
    { ...base, type: 'policy.blocked', reason: 'topic' },
    { ...base, type: 'policy.cleared', upToMs: Math.max(receivedMs, BEAT_MS) },
    { t: 0, type: 'playout', epoch: state.epoch, item, playedMs: BEAT_MS / 2 },
  ];
  if (receivedMs === 0) events.push({ ...base, type: 'response.audio', item, ms: BEAT_MS, audible: false });
  if (receivedMs < 2 * BEAT_MS) events.push({ ...base, type: 'response.audio', item, ms: BEAT_MS, audible: true });
  return events;
}

/**
 * The same state seen from `now`: times become distances, those that are too far back to matter
 * become equal, and counters that only grow begin again.
 */
function relative(state: State, now: number): State {
  const ago = (time: number, mostMs: number) => Math.max(time - now, -mostMs);
  const { gate, reflex, turn, device, widget, provider } = state;
  return {
    ...state,
    epoch: 1,
    ownedSince: 0,
    expectedMs: state.expectedMs === null ? null : Math.sign(state.expectedMs),
    floor: 'since' in state.floor ? { ...state.floor, since: 0 } : state.floor,
    speaking: Object.fromEntries(
      Object.entries(state.speaking).map(([id, said]) => [
        id,
        { ...said, since: ago(said.since, BEAT_MS), ...(said.ended === undefined ? {} : { ended: 0 }) },
      ]),
    ),
    handoverAt: state.handoverAt === null || state.handoverAt < now ? null : 0,
    askedAt: state.askedAt === null || state.askedAt < now - BEAT_MS ? null : ago(state.askedAt, BEAT_MS),
    gate: gate.is === 'paused' ? { is: 'paused', at: 0, decideBy: 0 } : gate,
    reflex: reflex.is === 'armed' ? { is: 'armed', at: 0 } : reflex,
    turn: turn.is === 'open' ? { ...turn, committedAt: ago(turn.committedAt, BEAT_MS) } : turn,
    device: device.is === 'suspended' ? { is: 'suspended', since: ago(device.since, BEAT_MS) } : device,
    widget: widget.is === 'down' ? { is: 'down', since: ago(widget.since, 2 * BEAT_MS) } : widget,
    provider: provider.is === 'up' ? { is: 'up', generation: 1 } : { is: 'down', since: 0, generation: 1 },
    deadlines: Object.fromEntries(Object.entries(state.deadlines).map(([name, at]) => [name, ago(at, 0)])),
  };
}

/** Two numbers that stand for a node: with millions of them the texts themselves would not fit. */
function keyOf({ state, history }: Node): string {
  if (state.ended) return 'ended';
  const { deadlines, speaking, responses, policy, ...rest } = state;
  const text = JSON.stringify([rest, sorted(deadlines), sorted(speaking), sorted(responses), sorted(policy), history]);
  let [high, low] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return `${(high >>> 0).toString(36)}.${(low >>> 0).toString(36)}`;
}

function sorted(map: object): unknown[] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
}
