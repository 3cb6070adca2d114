/** How the sessions of a process are sent away: not all at once, and all in time. */
import { expect, it } from 'vitest';
import { virtualClock } from '../testing/virtual-clock.ts';
import { createSessionRegistry, type Drainable } from './registry.ts';

function sessions(count: number, isIdle: boolean) {
  const clock = virtualClock();
  const registry = createSessionRegistry(clock);
  const drained: string[] = [];
  const cut: string[] = [];
  for (let i = 0; i < count; i++) {
    let end: () => void = () => undefined;
    const id = `ses_${i}`;
    const session: Drainable = {
      id,
      ended: new Promise((resolve) => (end = resolve)),
      drain() {
        drained.push(id);
        if (isIdle) end();
      },
      drainNow() {
        if (!isIdle) cut.push(id);
        end();
      },
      end: () => end(),
    };
    registry.add(session, {
      ...{ tenant: 'ten_1', subject: 'user', id: 'tok_1', kids: ['k'], issuedAtMs: 0, isServer: false },
      assistant: undefined,
    });
  }
  return { clock, registry, drained, cut };
}

it('many sessions are sent away some at a time, so that those who take them are not overrun', async () => {
  const { clock, registry, drained } = sessions(120, true);
  const done = registry.drain(60_000);
  expect(drained).toHaveLength(50);
  clock.advance(49);
  expect(drained).toHaveLength(50);
  clock.advance(1);
  expect(drained).toHaveLength(100);
  clock.advance(50);
  await done;
  expect(drained).toHaveLength(120);
  expect(registry.live).toBe(0);
  expect(clock.pending).toBe(0);
});

it('those that do not end are cut at the end of the time, those not yet asked among them', async () => {
  const { clock, registry, drained, cut } = sessions(120, false);
  const done = registry.drain(60);
  clock.advance(60);
  await done;
  expect(drained).toHaveLength(100);
  expect(cut).toHaveLength(120);
  expect(clock.pending).toBe(0);
});
