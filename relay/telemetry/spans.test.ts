/** The fold on whole conversations with a provider that the test speaks for, and the laws that it keeps. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG, initialState, step, type ArbiterEvent } from '#arbiter';
import * as talk from '../session/testing/conversation.ts';
import { aClip, type RelayUnderTestOptions } from '../session/testing/relay-under-test.ts';
import { NO_WATCH, type SessionObserver } from './observer.ts';
import { NO_SPANS, spans, type SpanOp } from './spans.ts';
import type { Seen } from './seen.ts';

let ops: SpanOp[] = [];
const observer: SessionObserver = {
  open() {
    let memory = NO_SPANS;
    const see = (seen: Seen) => {
      const result = spans(memory, seen);
      ({ memory } = result);
      ops.push(...result.ops);
    };
    const at = () => talk.clock.now();
    see({ is: 'opened', at: at() });
    return {
      ...NO_WATCH,
      step: (event, effects, before) => see({ is: 'step', event, effects, before, at: at() }),
      ended: (code) => see({ is: 'ended', code, at: at() }),
    };
  },
};
const observed = (more: Partial<RelayUnderTestOptions> = {}) => ({ ...more, deps: { observe: observer } });

/** Each span as `parent > name from..to {attributes}`, in order of beginning. */
function told(): string[] {
  const starts = ops.filter((op) => op.is === 'start');
  const nameOf = (key: number | null) => starts.find((one) => one.key === key)?.name ?? 'nothing';
  return starts.map(({ key, parent, name, at, attributes }) => {
    const end = ops.find((op) => op.is === 'end' && op.key === key);
    const all = { ...attributes, ...(end?.is === 'end' && end.attributes) };
    const words = Object.entries(all).map(([is, value]) => `${is.replace('vjj.', '')}=${String(value)}`);
    const ms = end === undefined ? 'open' : `${end.at - at}`;
    const error = end?.is === 'end' && end.isError ? '!' : '';
    return [`${nameOf(parent)} > ${name}${error} ${ms}`, ...words].join(' ');
  });
}

async function over(): Promise<string[]> {
  await talk.tell({ type: 'session.end' });
  await talk.page.closed;
  return told();
}

afterEach(async () => {
  await talk.relay.stop();
  ops = [];
});

describe('a conversation as spans', () => {
  it('is a session with turns, and in each the speech, the decision and the answer', async () => {
    await talk.begin(observed());
    await talk.userTurn();
    await talk.pass(250);
    await talk.answer('r1', 'turn_1', 1_000);
    await talk.say({ type: 'response.generated', response: 'r1', text: 'x' });
    await talk.say({ type: 'response.done', response: 'r1', status: 'completed' });
    await talk.pass(1_000);
    await talk.tell({ type: 'playout.drained', epoch: 1, item: 'item_of_r1' });
    expect(await over()).toEqual([
      'nothing > session 1850 close_code=1000 turns=1',
      'session > turn 1850 turn=turn_1 source=speech outcome=answered',
      'turn > user_speech 600',
      'turn > eot 0',
      'turn > lane.b 1250 first_audible_ms=250 cause=drained',
    ]);
  });

  it('shows who broke in, and whether the answer went on', async () => {
    await talk.begin(observed());
    await talk.userTurn();
    await talk.answer('r1', 'turn_1', 5_000);
    await talk.pass(500);
    await talk.talkOver();
    await talk.pass(60);
    await talk.tell({ type: 'user.offset', utterance: 'w2', ms: 60 });
    await talk.pass(100);
    await talk.talkOver('w3');
    await talk.pass(600);
    const spansOf = await over();
    expect(spansOf.filter((one) => one.includes('barge_in'))).toEqual([
      'turn > barge_in 60 source=widget outcome=resumed',
      'turn > barge_in 500 source=widget outcome=stopped cause=decide',
    ]);
    expect(spansOf.find((one) => one.includes('> turn'))).toMatch(/outcome=superseded/);
    expect(spansOf.find((one) => one.includes('lane.b'))).toMatch(/cause=decide/);
  });

  it('shows the reflex before the answer, and the refusal in its place', async () => {
    const policy = { disallowed: ['forbidden'], onDisallowed: 'refuse' as const, refusal: 'No.', fallback: 'Sorry.' };
    await talk.begin(
      observed({ assistant: { policy }, clips: [aClip('mm', 'reflex', 300)], voiced: [aClip('no', 'refusal', 400)] }),
    );
    await talk.userTurn();
    await talk.pass(350);
    await talk.answer('r1', 'turn_1', 500, 'this is forbidden, quite. ');
    await talk.pass(500);
    const [clip] = talk.page.all('clip.play').filter(({ lane }) => lane === 'C');
    await talk.tell({ type: 'clip.ended', epoch: clip?.epoch ?? 0, clip: clip?.clip ?? '' });
    const all = await over();
    expect(all.map((one) => one.split(' ')[2])).toEqual(
      expect.arrayContaining(['session', 'turn', 'user_speech', 'eot', 'lane.b', 'lane.a', 'lane.c']),
    );
    expect(all.find((one) => one.includes('lane.c'))).toBe('turn > lane.c 500 cause=clip_ended');
    expect(all.find((one) => one.includes('> turn'))).toMatch(/outcome=refused/);
  });

  it('has no speech in a typed turn, and marks what failed', async () => {
    await talk.begin(observed());
    await talk.tell({ type: 'user.text', text: 'Canary words.' });
    await talk.pass(DEFAULT_CONFIG.CREATE_TIMEOUT_MS + 10);
    const all = await over();
    expect(all.find((one) => one.includes('> turn'))).toMatch(
      /^session > turn! \d+ turn=turn_1 source=text outcome=failed$/,
    );
    expect(all.join()).not.toMatch(/user_speech|eot/);
    expect(JSON.stringify(ops)).not.toMatch(/Canary/);
  });
});

describe('the fold', () => {
  const ids = fc.constantFrom('a', 'b', 'c');
  const event = fc.oneof(
    fc.record({ type: fc.constant('user.onset' as const), utterance: ids, source: fc.constant('widget' as const) }),
    fc.record({ type: fc.constant('user.offset' as const), utterance: ids }),
    fc.record({
      type: fc.constant('user.verdict' as const),
      utterance: ids,
      verdict: fc.constantFrom('interrupt', 'backchannel', 'noise'),
    }),
    fc.record({ type: fc.constant('user.text' as const), turn: fc.integer({ max: 20, min: 0 }).map((n) => `t${n}`) }),
    fc.record({
      type: fc.constant('turn.committed' as const),
      turn: fc.integer({ max: 20, min: 0 }).map((n) => `t${n}`),
    }),
    fc.record({
      type: fc.constant('response.created' as const),
      response: ids,
      turn: fc.integer({ max: 20, min: 0 }).map((n) => `t${n}`),
    }),
    fc.record({
      type: fc.constant('response.audio' as const),
      response: ids,
      item: ids,
      ms: fc.constant(200),
      audible: fc.boolean(),
    }),
    fc.record({
      type: fc.constant('response.done' as const),
      response: ids,
      status: fc.constantFrom('completed', 'failed'),
    }),
    fc.record({ type: fc.constant('policy.blocked' as const), response: ids, reason: fc.constant('x') }),
    fc.record({ type: fc.constant('policy.cleared' as const), response: ids, upToMs: fc.constant(900) }),
    fc.record({ type: fc.constant('playout.drained' as const), epoch: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ type: fc.constantFrom('provider.up' as const, 'provider.down' as const), generation: fc.constant(1) }),
    fc.record({ type: fc.constantFrom('tick' as const, 'widget.down' as const, 'widget.up' as const) }),
  );

  it('ends every span once, none before it began and none outside of a living parent, in any order of events', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(event, fc.integer({ min: 0, max: 3_000 })), { maxLength: 60 }), (events) => {
        const done: SpanOp[] = [];
        let memory = NO_SPANS;
        const see = (seen: Seen) => {
          const result = spans(memory, seen);
          ({ memory } = result);
          done.push(...result.ops);
        };
        see({ is: 'opened', at: 0 });
        let before = step(initialState(DEFAULT_CONFIG), { type: 'session.started', t: 0 }, DEFAULT_CONFIG).state;
        for (const kind of ['refusal', 'reflex', 'fallback'] as const)
          before = step(before, { type: 'clip.ready', kind, clip: kind, ms: 300, t: 0 }, DEFAULT_CONFIG).state;
        let t = 0;
        for (const [happening, afterMs] of [...events, [{ type: 'session.ended' as const }, 1] as const]) {
          t += afterMs;
          const one = { ...happening, t } as ArbiterEvent;
          const { state, effects } = step(before, one, DEFAULT_CONFIG);
          see({ is: 'step', event: one, effects, before, at: t });
          before = state;
        }
        see({ is: 'ended', code: 1000, at: t });
        const living = new Map<number, number>();
        for (const op of done) {
          if (op.is === 'start') {
            expect(living.has(op.key)).toBe(false);
            if (op.parent !== null) expect(living.get(op.parent)).toBeLessThanOrEqual(op.at);
            else expect(op.key).toBe(0);
            living.set(op.key, op.at);
          } else {
            expect(living.get(op.key)).toBeLessThanOrEqual(op.at);
            living.delete(op.key);
          }
        }
        expect(living.size).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});
