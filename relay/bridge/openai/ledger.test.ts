import fc from 'fast-check';
import { expect, it } from 'vitest';
import { samplesToMs } from '#wire';
import { type ItemOrder, ItemLedger } from './ledger.ts';

const NOTHING = { do: 'nothing' };
/** 100 ms. */
const CHUNK = 2_400;

function agentItem(chunks = 10): ItemLedger {
  const ledger = new ItemLedger();
  ledger.added('a', 'agent');
  for (let i = 0; i < chunks; i += 1) ledger.received('a', CHUNK);
  return ledger;
}

it('truncates where it was heard, once', () => {
  const ledger = agentItem();
  expect(ledger.truncate('a', 123.9)).toEqual({ do: 'truncate', item: 'a', audioEndMs: 123 });
  expect(ledger.truncate('a', 50)).toEqual(NOTHING);
  expect(ledger.received('a', CHUNK)).toBe(false);
});

it('asks for nothing when all of it was heard', () => {
  expect(agentItem().truncate('a', 1_000)).toEqual(NOTHING);
  expect(agentItem().truncate('a', 5_000)).toEqual(NOTHING);
});

it.each([0, -3, NaN, Infinity])('deletes an item of which %d ms were heard', (heardMs) => {
  expect(agentItem().truncate('a', heardMs)).toEqual({ do: 'delete', item: 'a' });
});

it('holds a deletion back until the provider has added the item', () => {
  const ledger = new ItemLedger();
  ledger.expect('u', 'user');
  expect(ledger.remove('u')).toEqual(NOTHING);
  expect(ledger.added('u', 'user')).toEqual({ do: 'delete', item: 'u' });
  expect(ledger.added('u', 'user')).toEqual(NOTHING);
  expect(ledger.remove('u')).toEqual(NOTHING);
});

it('knows nothing of an id that nobody spoke of', () => {
  const ledger = new ItemLedger();
  expect(ledger.remove('x')).toEqual(NOTHING);
  expect(ledger.truncate('x', 1)).toEqual(NOTHING);
  expect(ledger.received('x', 1)).toBe(false);
  ledger.late('x');
  ledger.done('x');
  expect(ledger.get('x')).toBeUndefined();
});

it('never truncates what the user said', () => {
  const ledger = new ItemLedger();
  ledger.added('u', 'user');
  expect(ledger.truncate('u', 10)).toEqual(NOTHING);
});

it('takes out of memory what a dead response made and nobody was given', () => {
  const unheard = agentItem(0);
  expect(unheard.settleDead('a')).toEqual({ do: 'delete', item: 'a' });
  const whole = agentItem(2);
  expect(whole.settleDead('a')).toEqual(NOTHING);
  const part = agentItem(2);
  part.late('a');
  expect(part.settleDead('a')).toEqual({ do: 'truncate', item: 'a', audioEndMs: 200 });
  expect(part.settleDead('a')).toEqual(NOTHING);
  const call = new ItemLedger();
  call.added('c', 'call');
  expect(call.settleDead('c')).toEqual({ do: 'delete', item: 'c' });
});

it('rewrites a restored item instead of truncating it, and forgets what was not restored', () => {
  const ledger = agentItem();
  ledger.added('b', 'agent');
  ledger.restart([
    { id: 'a', is: 'agent' },
    { id: 'new', is: 'user' },
  ]);
  expect(ledger.get('b')).toBeUndefined();
  expect(ledger.get('a')).toMatchObject({ isAudio: false, isAdded: true, receivedSamples: 10 * CHUNK });
  expect(ledger.truncate('a', 250)).toEqual({ do: 'rewrite', item: 'a', heard: 0.25 });
  expect(ledger.remove('new')).toEqual({ do: 'delete', item: 'new' });
});

it('holds its laws over any order of what provider and session do', () => {
  const id = fc.constantFrom('a', 'b', 'c');
  const op = fc.oneof(
    fc.record({ op: fc.constant('expect' as const), id }),
    fc.record({ op: fc.constant('added' as const), id }),
    fc.record({ op: fc.constant('late' as const), id }),
    fc.record({ op: fc.constant('settle' as const), id }),
    fc.record({ op: fc.constant('remove' as const), id }),
    fc.record({ op: fc.constant('received' as const), id, n: fc.integer({ min: 1, max: 5_000 }) }),
    fc.record({ op: fc.constant('truncate' as const), id, ms: fc.double({ min: -10, max: 2_000 }) }),
  );
  fc.assert(
    fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
      const ledger = new ItemLedger();
      const added = new Set<string>();
      const received = new Map<string, number>();
      const truncated = new Set<string>();
      const deleted = new Set<string>();
      const obey = (order: ItemOrder) => {
        if (order.do === 'nothing') return;
        expect(added.has(order.item)).toBe(true);
        expect(deleted.has(order.item)).toBe(false);
        if (order.do === 'delete') deleted.add(order.item);
        if (order.do !== 'truncate') return;
        expect(truncated.has(order.item)).toBe(false);
        truncated.add(order.item);
        expect(order.audioEndMs).toBeGreaterThan(0);
        expect(order.audioEndMs).toBeLessThanOrEqual(samplesToMs(received.get(order.item) ?? 0));
        expect(Number.isInteger(order.audioEndMs)).toBe(true);
      };
      for (const step of ops) {
        if (step.op === 'expect') ledger.expect(step.id, 'agent');
        else if (step.op === 'late') ledger.late(step.id);
        else if (step.op === 'settle') obey(ledger.settleDead(step.id));
        else if (step.op === 'remove') obey(ledger.remove(step.id));
        else if (step.op === 'truncate') obey(ledger.truncate(step.id, step.ms));
        else if (step.op === 'added') {
          added.add(step.id);
          obey(ledger.added(step.id, 'agent'));
        } else if (ledger.received(step.id, step.n)) {
          expect(deleted.has(step.id) || truncated.has(step.id)).toBe(false);
          received.set(step.id, (received.get(step.id) ?? 0) + step.n);
        }
      }
    }),
    { numRuns: 500 },
  );
});
