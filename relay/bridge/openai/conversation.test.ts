import fc from 'fast-check';
import { expect, it } from 'vitest';
import { msToSamples } from '#wire';
import type { HistoryEntry } from '../bridge.ts';
import { Conversation } from './conversation.ts';
import { HISTORY_ENTRIES } from './history.ts';

function talk(history: HistoryEntry[] = []) {
  const sent: { type: string; item?: { id: string } }[] = [];
  let ids = 0;
  const conversation = new Conversation({
    history,
    nextId: (prefix) => `${prefix}_${++ids}`,
    soundOf: () => undefined,
    send: (event) => sent.push(event as (typeof sent)[number]) > 0,
  });
  return { conversation, sent };
}

const words = fc
  .array(fc.constantFrom('one', 'lamp', 'über', '日本', '', ' '), { maxLength: 8 })
  .map((w) => w.join(' '));
const act = fc.oneof(
  fc.record({ do: fc.constant('typed' as const), text: words }),
  fc.record({ do: fc.constant('context' as const), text: words }),
  fc.record({ do: fc.constant('spoken' as const), text: words }),
  fc.record({ do: fc.constant('answer' as const), text: words, soundMs: fc.nat(3_000), heardMs: fc.nat(4_000) }),
  fc.record({ do: fc.constant('tool' as const), hasOutput: fc.boolean(), text: words }),
  fc.record({ do: fc.constant('remove' as const), which: fc.nat(80) }),
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

function play({ conversation }: ReturnType<typeof talk>, acts: Act[], name: string): void {
  for (const [at, one] of acts.entries()) {
    const id = `${name}${at}`;
    switch (one.do) {
      case 'typed':
        conversation.tell('user', one.text);
        break;
      case 'context':
        conversation.tell('system', one.text);
        break;
      case 'spoken':
        conversation.expect(id, 'user');
        conversation.userSaid(id, one.text);
        break;
      case 'answer':
        conversation.expect(id, 'agent');
        conversation.agentSays(id, one.text);
        conversation.received(id, msToSamples(one.soundMs));
        conversation.done(id);
        conversation.truncate(id, one.heardMs);
        break;
      case 'tool':
        conversation.called(id, `call_${id}`, 'weather', '{}');
        if (one.hasOutput) conversation.tellOutput(`call_${id}`, one.text);
        break;
      case 'remove': {
        const entry = conversation.history()[one.which];
        if (entry) conversation.remove(entry.id);
        break;
      }
      default:
        one satisfies never;
    }
  }
}

it('is the same to the next bridge, and to the one after that', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 90 }), fc.array(act, { maxLength: 20 }), (before, after) => {
      const first = talk();
      play(first, before, 'a');
      const told = first.conversation.history();
      expect(told.length).toBeLessThanOrEqual(HISTORY_ENTRIES);
      const second = talk(told);
      expect(second.conversation.history()).toEqual(told);
      const script = second.conversation.script().map((event) => ('item' in event ? event.item.id : ''));
      expect(script).toEqual(told.map(({ id }) => id));
      second.conversation.begin();
      expect(second.conversation.history()).toEqual(told);
      // Both go on from the same place: nothing new of either is taken for something of the other's.
      play(second, after, 'b');
      play(first, after, 'b');
      const ids = new Set(told.map(({ id }) => id));
      const mine = (all: HistoryEntry[]) =>
        all.map(({ id }) => id).filter((id) => id.startsWith('vjj_') && !ids.has(id));
      const news = new Set(mine(first.conversation.history()));
      expect(mine(second.conversation.history()).filter((id) => news.has(id))).toEqual([]);
      expect(talk(second.conversation.history()).conversation.history()).toEqual(second.conversation.history());
    }),
    { numRuns: 200 },
  );
});

it('holds nothing twice, nothing empty, and calls only with their outputs', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 120 }), (acts) => {
      const one = talk();
      play(one, acts, 'a');
      const told = one.conversation.history();
      expect(new Set(told.map(({ id }) => id)).size).toBe(told.length);
      for (const entry of told) {
        if ('text' in entry) expect(entry.text.trim()).not.toBe('');
        if (entry.is === 'call')
          expect(told.some((other) => other.is === 'output' && other.call === entry.call)).toBe(true);
        if (entry.is === 'output')
          expect(told.some((other) => other.is === 'call' && other.call === entry.call)).toBe(true);
      }
    }),
    { numRuns: 100 },
  );
});

it('cuts an answer that is still being heard to what was heard of it, and only for who asks', () => {
  const { conversation } = talk();
  conversation.tell('user', 'A story');
  conversation.expect('a1', 'agent');
  conversation.agentSays('a1', 'once upon a time there was a lamp');
  conversation.received('a1', msToSamples(2_000));
  conversation.done('a1');
  const heard = (ms: number) => conversation.history(() => ms).map((entry) => ('text' in entry ? entry.text : ''));
  expect(heard(1_000)).toEqual(['A story', 'once upon a time']);
  expect(heard(0)).toEqual(['A story']);
  expect(heard(2_000)).toEqual(['A story', 'once upon a time there was a lamp']);
  conversation.truncate('a1', 500);
  expect(heard(2_000)).toEqual(['A story', 'once']);
  expect(conversation.history()[1]).toMatchObject({ text: 'once' });
});

it('takes a restored answer for what it is: its words can still be cut', () => {
  const { conversation, sent } = talk([
    { is: 'user', id: 'u1', text: 'A story' },
    { is: 'agent', id: 'a1', text: 'once upon a time' },
  ]);
  conversation.begin();
  expect(conversation.isLive('a1')).toBe(true);
  conversation.remove('a1');
  expect(sent).toMatchObject([{ type: 'conversation.item.delete', item_id: 'a1' }]);
  expect(conversation.history()).toEqual([{ is: 'user', id: 'u1', text: 'A story' }]);
});

it('remembers what was heard also where the provider is told of it too late', () => {
  const { conversation, sent } = talk();
  conversation.expect('a1', 'agent');
  conversation.agentSays('a1', 'once upon a time there was a lamp');
  conversation.received('a1', msToSamples(2_000));
  conversation.done('a1');
  conversation.truncate('a1', 1_000);
  expect(sent).toEqual([]);
  conversation.begin();
  expect(conversation.history()).toEqual([{ is: 'agent', id: 'a1', text: 'once upon a time' }]);
});

it('cuts once, however late the provider adds the item', () => {
  const { conversation, sent } = talk();
  conversation.expect('a1', 'agent');
  conversation.agentSays('a1', 'once upon a time there was a lamp');
  conversation.received('a1', msToSamples(2_000));
  conversation.done('a1');
  conversation.truncate('a1', 1_000);
  const item = {
    id: 'a1',
    type: 'message',
    role: 'assistant',
    status: null,
    call_id: null,
    name: null,
    arguments: null,
  };
  conversation.added(item, null);
  conversation.truncate('a1', 500);
  expect(sent.map(({ type }) => type)).toEqual(['conversation.item.truncate']);
  expect(conversation.history()).toEqual([{ is: 'agent', id: 'a1', text: 'once upon a time' }]);
});
