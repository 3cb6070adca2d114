import { describe, expect, it } from 'vitest';
import { isListening, noHistory, observe, type History, type Observation } from './invariants.ts';
import { initialState, type State } from './state.ts';
import { DEFAULT_CONFIG, type ArbiterEvent, type Effect } from './vocabulary.ts';

const quiet: State = { ...initialState(), started: true, provider: { is: 'up', generation: 1 } };
const tick: ArbiterEvent = { t: 9, type: 'tick' };
const speaking = { u1: { since: 0 } };
const user = { speaking, floor: { is: 'user', since: 0 }, deadlines: { user: 60_000 } } as const;
const open = { is: 'open', id: 't1', committedAt: 0 } as const;
const asking: Partial<State> = {
  turn: open,
  response: { is: 'requested', turn: 't1' },
  deadlines: { create: 5000 },
};
const playing: Partial<State> = { owner: 'B', gate: { is: 'open' } };
const t1: Partial<History> = { turns: { t1: 'open' } };
const audit = (from: string, to: string, cause: string): Effect => ({ type: 'audit', cause, from, to });

interface Shown {
  before?: Partial<State>;
  after?: Partial<State>;
  effects?: Effect[];
  event?: ArbiterEvent;
  history?: Partial<History>;
  config?: Partial<Observation['config']>;
}

function broken({ before, after, effects = [], event = tick, history, config }: Shown): string[] {
  const seen: Observation = {
    before: { ...quiet, ...before },
    after: { ...quiet, ...after },
    ...{ event, effects, config: { ...DEFAULT_CONFIG, ...config } },
  };
  return observe({ ...noHistory, ...history }, seen).broken;
}

const changed = (from: 'none' | 'A' | 'B' | 'C', to: 'none' | 'A' | 'B' | 'C', cause: 'text' | 'policy'): Effect[] => [
  { type: 'owner.changed', from, to, cause },
  audit(from, to, cause),
];

describe('an observer of the arbiter', () => {
  it('has nothing to say of a step in which nothing happens', () => {
    expect(broken({})).toEqual([]);
    expect(broken({ before: { ...user }, after: { ...user } })).toEqual([]);
    expect(broken({ before: asking, after: asking, history: t1 })).toEqual([]);
  });

  it.each<[string, string, Shown]>([
    ['a close that goes back', 'I1: a close', { effects: [{ type: 'gate.close', epoch: 1, rampMs: 1 }] }],
    ['a change from another owner', 'I1: owner none cannot', { effects: changed('A', 'none', 'text') }],
    [
      'a change to the same owner',
      'I1: owner C cannot',
      { before: { owner: 'C' }, effects: changed('C', 'C', 'policy') },
    ],
    ['a pause of nothing', 'I1: gate.pause of nothing', { effects: [{ type: 'gate.pause', epoch: 1 }] }],
    [
      'a resume of another epoch',
      'I1: gate.resume of nothing',
      { before: playing, after: playing, effects: [{ type: 'gate.resume', epoch: 2, rewindMs: 1 }] },
    ],
    ['a lane that has not the floor', 'I1: gate.open for B', { effects: [{ type: 'gate.open', epoch: 1, lane: 'B' }] }],
    [
      'sound of another epoch',
      'I1: lane.admit in epoch 0',
      { before: playing, after: playing, effects: [{ type: 'lane.admit', response: 'r', epoch: 0, upToMs: 0 }] },
    ],
    ['an owner that changes unseen', 'I1: owner or epoch', { after: playing }],
    ['an epoch that changes unseen', 'I1: owner or epoch', { after: { epoch: 2 } }],
    ['an owner behind a closed gate', 'I1: owner B behind', { before: { owner: 'B' }, after: { owner: 'B' } }],
    ['a pause without an owner', 'I1: paused with nothing', { after: { gate: { is: 'paused', at: 0, decideBy: 1 } } }],
    [
      'the dead admitted',
      'I2: r1 is dead',
      {
        before: { ...playing, past: { ...quiet.past, responses: ['r1'] } },
        after: playing,
        effects: [{ type: 'lane.admit', response: 'r1', epoch: 1, upToMs: 0 }],
      },
    ],
    ['a user who gives the floor to C', 'I3: text gives', { effects: changed('none', 'C', 'text') }],
    ['a policy that gives the floor to B', 'I3: policy gives', { effects: changed('none', 'B', 'policy') }],
    [
      'B that goes on in a superseded turn',
      'I3: superseded',
      { before: playing, after: playing, effects: [{ type: 'turn.outcome', turn: 't1', outcome: 'superseded' }] },
    ],
    [
      'a reflex without a turn',
      'I4: a reflex without',
      { effects: [{ type: 'clip.play', epoch: 1, lane: 'A', clip: 'mm' }] },
    ],
    [
      'a second reflex',
      'I4: a second reflex',
      {
        before: asking,
        history: { ...t1, reflexes: ['t1'] },
        effects: [{ type: 'clip.play', epoch: 1, lane: 'A', clip: 'mm' }],
      },
    ],
    [
      'a reflex after B',
      'I4: a reflex after audible B',
      {
        before: asking,
        history: { ...t1, audible: ['t1'] },
        effects: [{ type: 'clip.play', epoch: 1, lane: 'A', clip: 'mm' }],
      },
    ],
    [
      'a reflex while the user speaks',
      'I4: a reflex while',
      {
        before: { ...asking, speaking },
        after: { ...asking, speaking },
        effects: [{ type: 'clip.play', epoch: 1, lane: 'A', clip: 'mm' }],
      },
    ],
    [
      'more admitted than cleared',
      'I5: r1 admitted to 9, cleared to 8',
      { history: { cleared: { r1: 8 } }, effects: [{ type: 'lane.admit', response: 'r1', epoch: 1, upToMs: 9 }] },
    ],
    [
      'an admission without a mark',
      'I5: r1 admitted to undefined',
      { effects: [{ type: 'lane.admit', response: 'r1', epoch: 1 }] },
    ],
    [
      'a second cancel',
      'I6: r1 cancelled twice',
      { history: { cancelled: ['r1'] }, effects: [{ type: 'response.cancel', response: 'r1' }] },
    ],
    [
      'two requests',
      'I6: two requests',
      {
        effects: [
          { type: 'response.create', turn: 't1' },
          { type: 'response.create', turn: 't2' },
        ],
      },
    ],
    [
      'a request while the slot is taken',
      'I6: a request while',
      {
        before: asking,
        after: asking,
        event: { t: 1, type: 'response.text', response: 'r1' },
        effects: [{ type: 'response.create', turn: 't1' }],
      },
    ],
    ['a request nobody waits for', 'I6: a request that', { effects: [{ type: 'response.create', turn: 't1' }] }],
    [
      'an item told twice',
      'I7: i1 settled twice',
      {
        history: { settled: ['i1'], items: { i1: { received: 9, played: 9 } } },
        effects: [{ type: 'item.delete', item: 'i1' }],
      },
    ],
    [
      'an item told twice in a step',
      'I7: an item settled twice',
      {
        effects: [
          { type: 'item.delete', item: 'i1' },
          { type: 'item.delete', item: 'i1' },
        ],
      },
    ],
    [
      'a truncation past what was played',
      'I7: truncated at 8 of 7',
      {
        history: { items: { i1: { received: 9, played: 7 } } },
        effects: [{ type: 'item.truncate', item: 'i1', audioEndMs: 8 }],
      },
    ],
    [
      'a truncation of the unknown',
      'I7: i1 settled',
      { effects: [{ type: 'item.truncate', item: 'i1', audioEndMs: 8 }] },
    ],
    ['a wait without an end', 'I8: waits for', { after: { floor: { is: 'agent' } } }],
    ['a deadline after the end', 'I8: a deadline after', { after: { ended: true, deadlines: { drain: 1 } } }],
    [
      'an outcome of no turn',
      'I9: an outcome of t1, which is unknown',
      { effects: [{ type: 'turn.outcome', turn: 't1', outcome: 'answered' }] },
    ],
    ['a turn without an outcome', 'I9: open are t1', { history: t1 }],
    ['a change without an audit', 'I10: no audit', { effects: changed('none', 'B', 'text').slice(0, 1) }],
    ['an audit without a change', 'I10: an audit of', { effects: changed('none', 'B', 'text').slice(1) }],
    [
      'stale with an effect',
      'I11: stale, and yet an',
      { effects: [{ type: 'stale', event: 'tick' }, { type: 'input.clear' }] },
    ],
    [
      'stale with a change',
      'I11: stale, and yet a c',
      { effects: [{ type: 'stale', event: 'tick' }], after: { started: false } },
    ],
    [
      'a list that grows',
      'I12: items grows',
      {
        after: {
          items: Array<State['items'][0]>(101).fill({
            id: 'i',
            response: 'r',
            receivedMs: 0,
            playedMs: 0,
            fate: 'heard',
          }),
        },
      },
    ],
    [
      'effects out of order',
      'order: effects',
      {
        event: { t: 1, type: 'session.started' },
        effects: [{ type: 'audit', cause: 'text' }, { type: 'input.clear' }],
      },
    ],
    ['B over the user', 'hush: B talks', { before: { ...playing, ...user }, after: { ...playing, ...user } }],
    [
      'a beginning while the user speaks',
      'hush: A begins',
      { after: user, effects: [{ type: 'gate.open', epoch: 1, lane: 'A' }] },
    ],
    ['a stray deadline', 'timers: the deadline cap', { after: { deadlines: { cap: 5 } } }],
    ['a missing deadline', 'timers: nothing ends what the deadline create', { after: { ...asking, deadlines: {} } }],
    [
      'a user without an end',
      'timers: nothing ends what the user',
      { after: { ...user, widget: { is: 'down', since: 0 }, deadlines: { widget: 1 } } },
    ],
  ])('objects to %s', (_, words, shown) => {
    expect(broken(shown).some((problem) => problem.startsWith(words))).toBe(true);
  });

  it('lets C go on behind a superseded turn, and over the user, where it may not be interrupted', () => {
    const c = { ...user, owner: 'C', gate: { is: 'open' }, deadlines: { user: 60_000, clip: 5 } } as const;
    const shown: Shown = {
      ...{ before: c, after: c, history: t1, config: { REFUSAL_UNINTERRUPTIBLE: true } },
      effects: [{ type: 'turn.outcome', turn: 't1', outcome: 'superseded' }],
    };
    expect(broken(shown)).toEqual([]);
    expect(broken({ ...shown, config: {} })).toHaveLength(2);
  });

  it('asks for no clearance where policy is lenient', () => {
    const admit: Effect = { type: 'lane.admit', response: 'r1', epoch: 1 };
    const heard = { ...playing, deadlines: { drain: 1 } };
    expect(broken({ before: heard, after: heard, effects: [admit], config: { POLICY_MODE: 'lenient' } })).toEqual([]);
  });

  it('takes a silent policy that is open for a clearance of what was received, and of no less than before', () => {
    const effects: Effect[] = [{ type: 'audit', cause: 'policy_timeout' }];
    const seen = { before: quiet, event: tick, effects, after: quiet };
    const history = { ...noHistory, received: { r1: 300, r2: 5 }, cleared: { r2: 9 } };
    const open = observe(history, { ...seen, config: { ...DEFAULT_CONFIG, POLICY_ON_TIMEOUT: 'open' } });
    expect(open.history.cleared).toEqual({ r1: 300, r2: 9 });
    expect(observe(history, { ...seen, config: DEFAULT_CONFIG }).history.cleared).toEqual({ r2: 9 });
  });
});

describe('listening', () => {
  it.each<[string, Partial<State>]>([
    ['an owner', { owner: 'A' }],
    ['something held', { heard: { is: 'held', response: 'r', turn: 't', resumes: 0 } }],
    ['a slot that is taken', { response: { is: 'cancelling' } }],
    ['a request that waits', { queued: 't1' }],
    ['an open turn', { turn: open }],
    ['a pause', { gate: { is: 'paused', at: 0, decideBy: 1 } }],
    ['a user', { floor: { is: 'user', since: 0 } }],
    ['a reflex', { reflex: { is: 'playing', clip: 'mm' } }],
    ['a refusal that waits', { control: { is: 'waiting', kind: 'refusal', cause: 'policy' } }],
    ['a tool', { tools: { k1: 't1' } as never }],
  ])('is not the word with %s', (_, part) => {
    expect(isListening({ ...quiet, ...part })).toBe(false);
  });

  it('is the word when there is nothing, or when all is over', () => {
    expect(isListening(quiet)).toBe(true);
    expect(isListening({ ...quiet, owner: 'A', ended: true })).toBe(true);
  });
});
