/** What an instance says of itself in the store, and what becomes of those that say nothing any more. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { InstanceRow, Instances } from '../store/checkpoints.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { createInstanceBeat } from './instance-beat.ts';
import { BEAT_MS } from './keeper.ts';

function records() {
  const rows = new Map<string, InstanceRow>();
  const instances: Instances & { failing: Error | undefined } = {
    failing: undefined,
    async seen(row) {
      if (instances.failing !== undefined) throw instances.failing;
      rows.set(row.id, row);
    },
    async list() {
      return [...rows.values()];
    },
    async remove(id) {
      return rows.delete(id);
    },
  };
  return { rows, instances };
}
const row = { id: 'ins_a', url: 'http://a:3000', version: '1', startedAt: 1, sessions: 0 };
const settled = async () => {
  for (let i = 0; i < 10; i++) await turn();
};

it('an instance says every ten seconds how it is, and leaves when it stops', async () => {
  const clock = virtualClock();
  const { rows, instances } = records();
  let sessions = 0;
  let state: InstanceRow['state'] = 'active';
  let sweeps = 0;
  const beat = createInstanceBeat({
    ...{ instances, clock, self: () => ({ ...row, state, sessions }) },
    sweep: async () => void (sweeps += 1),
    onProblem: () => expect.unreachable(),
  });
  await beat.start();
  expect(rows.get('ins_a')).toEqual({ ...row, state: 'active', seenAt: clock.wallNow() });
  sessions = 7;
  clock.advance(BEAT_MS);
  await settled();
  expect(rows.get('ins_a')).toMatchObject({ sessions: 7, seenAt: clock.wallNow() });
  state = 'draining';
  await beat.beat();
  expect(rows.get('ins_a')).toMatchObject({ state: 'draining' });
  expect(sweeps).toBe(3);
  await beat.stop();
  expect(rows.size).toBe(0);
  await beat.beat();
  expect(rows.size).toBe(0);
  expect(clock.pending).toBe(0);
});

it('one that was silent for ten minutes is listed no more', async () => {
  const clock = virtualClock();
  const { rows, instances } = records();
  const silent = { ...row, id: 'ins_b', state: 'active' as const, seenAt: clock.wallNow() };
  rows.set('ins_b', silent);
  const beat = createInstanceBeat({
    ...{ instances, clock, self: () => ({ ...row, state: 'active' as const }), sweep: async () => {} },
    onProblem: () => expect.unreachable(),
  });
  await beat.start();
  for (let i = 0; i < 60; i++) {
    expect(rows.has('ins_b')).toBe(true);
    clock.advance(BEAT_MS);
    await settled();
  }
  expect(rows.has('ins_b')).toBe(true);
  clock.advance(BEAT_MS);
  await settled();
  expect([...rows.keys()]).toEqual(['ins_a']);
  await beat.stop();
});

it('a store that does not answer is told of and asked again', async () => {
  const clock = virtualClock();
  const { rows, instances } = records();
  const problems: unknown[] = [];
  const beat = createInstanceBeat({
    ...{ instances, clock, self: () => ({ ...row, state: 'active' as const }), sweep: async () => {} },
    onProblem: (error) => problems.push(error),
  });
  instances.failing = new Error('away');
  await beat.start();
  expect(problems).toEqual([instances.failing]);
  instances.failing = undefined;
  clock.advance(BEAT_MS);
  await settled();
  expect(rows.size).toBe(1);
  instances.remove = () => Promise.reject(new Error('away again'));
  await beat.stop();
  expect(problems).toHaveLength(2);
});
