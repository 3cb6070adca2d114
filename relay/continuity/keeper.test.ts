/** Where a conversation lives, and what is kept of it: on a store that a test holds up, and by a clock that it moves. */
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RelayError } from '../errors.ts';
import { createOwnershipBook, memoryOwnership } from '../shared-state/memory-ownership.ts';
import type { Ownership } from '../shared-state/ownership.ts';
import { virtualClock, type VirtualClock } from '../testing/virtual-clock.ts';
import type { Checkpoint, Found } from './continuity.ts';
import { BEAT_MS, createContinuity, WINDOW_MS, type ContinuityOptions, type ContinuityProblem } from './keeper.ts';
import { memoryCheckpoints } from './testing/memory-checkpoints.ts';

const HASH = 'a'.repeat(64);
const checkpoint = (more: Partial<Checkpoint> = {}): Checkpoint => ({
  ...{ version: 1, session: 'ses_1', tenant: 'ten_1', subject: 'user', origin: null },
  ...{ assistant: { id: 'ast_1', version: 1 }, start: null, startedAt: 1, epoch: 3, history: [] },
  ...{ unanswered: null, secretHash: HASH, ...more },
});

/** A fleet on one store and one book. */
function fleet(clock: VirtualClock = virtualClock()) {
  const checkpoints = memoryCheckpoints();
  const book = createOwnershipBook();
  const instance = (name: string, more: Partial<ContinuityOptions> = {}) => {
    const self = { instance: `ins_${name}`, url: `http://${name}:3000` };
    const problems: ContinuityProblem[] = [];
    const taken: string[] = [];
    const ownership = memoryOwnership({ self, clock, book });
    const keeper = createContinuity({
      ...{ checkpoints, ownership, clock, self, isAlone: false },
      onProblem: ({ code }) => problems.push(code),
      ...more,
    });
    keeper.onTaken((session) => taken.push(session));
    return { ...keeper, keeper, ownership, problems, taken, self };
  };
  const written = async () => {
    for (let i = 0; i < 20; i++) await turn();
  };
  const seen = (session: string, ago: number, url: string) => {
    const row = checkpoints.rows.get(session)!;
    checkpoints.rows.set(session, { ...row, holderUrl: url, holderSeenAt: clock.wallNow() - ago });
  };
  return { clock, checkpoints, book, instance, written, seen };
}
const deadOwnership = (): Ownership => ({
  claim: () => Promise.reject(new Error('away')),
  ownerOf: () => Promise.reject(new Error('away')),
  release: () => undefined,
  onTaken: () => () => undefined,
});

describe('the newest state of a conversation', () => {
  it('takes the place of what waits: one write under way, and the last word is what rests', async () => {
    const { checkpoints, instance, written } = fleet();
    const a = instance('a');
    a.began('ses_1');
    const gate = checkpoints.hold();
    for (let epoch = 1; epoch <= 50; epoch++) {
      a.save(checkpoint({ epoch }));
      if (epoch === 10) await written();
    }
    await written();
    expect(gate.waiting()).toBe(1);
    gate.release();
    await written();
    expect(checkpoints.written.map((text) => (JSON.parse(text) as Checkpoint).epoch)).toEqual([10, 50]);
    expect(a.keeper.waiting).toBe(0);
  });

  it('is not saved for a conversation that is not held, and is held once', async () => {
    const { checkpoints, instance, written } = fleet();
    const a = instance('a');
    a.save(checkpoint());
    a.began('ses_1');
    a.began('ses_1');
    await written();
    expect(checkpoints.rows.size).toBe(0);
    expect(a.keeper.held).toBe(1);
    expect((await a.ownership.ownerOf('ses_1'))?.instance).toBe('ins_a');
    a.ended('ses_1');
    a.ended('ses_1');
    expect(await a.ownership.ownerOf('ses_1')).toBeUndefined();
    await a.left('ses_1');
    expect(a.keeper.held).toBe(0);
  });

  it('goes with the end of the conversation, also while it is being written', async () => {
    const { checkpoints, instance, written } = fleet();
    const a = instance('a');
    a.began('ses_1');
    a.save(checkpoint());
    await written();
    const gate = checkpoints.hold();
    a.save(checkpoint({ epoch: 9 }));
    await written();
    a.save(checkpoint({ epoch: 10 }));
    a.ended('ses_1');
    expect(await a.find('ses_1', HASH)).toEqual({ is: 'unknown' });
    gate.release();
    await written();
    expect(checkpoints.rows.size).toBe(0);
    expect(a.keeper.waiting).toBe(0);
  });

  it('waits for a store that does not answer, told once, and is there when it does', async () => {
    const { clock, checkpoints, instance, written } = fleet();
    const a = instance('a');
    a.began('ses_1');
    checkpoints.failing = new RelayError('busy', 'no answer');
    for (let i = 0; i < 6; i++) {
      a.save(checkpoint({ epoch: i }));
      await written();
      clock.advance(20_000);
      await written();
    }
    expect(a.problems).toEqual(['checkpoint-waits']);
    a.save(checkpoint({ epoch: 99 }));
    a.began('ses_2');
    a.save(checkpoint({ session: 'ses_2' }));
    a.ended('ses_2');
    checkpoints.failing = undefined;
    clock.advance(20_000);
    await written();
    expect(checkpoints.written.map((text) => (JSON.parse(text) as Checkpoint).epoch)).toEqual([99]);
    expect(a.keeper.waiting).toBe(0);
    await a.keeper.stop();
    expect(clock.pending).toBe(1); // the lease of ses_1
  });

  it('that the store refuses for good is given up, and the next one is tried', async () => {
    const { clock, checkpoints, instance, written } = fleet();
    const a = instance('a');
    a.began('ses_1');
    checkpoints.failing = new RelayError('not-found', 'no such tenant');
    a.save(checkpoint());
    for (let i = 0; i < 4; i++) {
      await written();
      clock.advance(20_000);
    }
    expect(a.problems).toEqual(['checkpoint-waits', 'checkpoint-lost']);
    expect(a.keeper.waiting).toBe(0);
    checkpoints.failing = undefined;
    a.save(checkpoint({ epoch: 8 }));
    await written();
    expect(checkpoints.written).toHaveLength(1);
    checkpoints.failing = new RelayError('bad-request', 'no');
    a.ended('ses_1');
    for (let i = 0; i < 4; i++) {
      await written();
      clock.advance(20_000);
    }
    expect(a.keeper.waiting).toBe(0);
  });

  it('is written by a few at once, however many there are', async () => {
    const { checkpoints, instance, written } = fleet();
    const a = instance('a');
    const gate = checkpoints.hold();
    for (let i = 0; i < 40; i++) {
      a.began(`ses_${i}`);
      a.save(checkpoint({ session: `ses_${i}` }));
    }
    await written();
    expect(gate.waiting()).toBe(4);
    gate.release();
    await a.keeper.stop();
    expect(checkpoints.rows.size).toBe(40);
    await a.keeper.stop();
  });

  it('loses its oldest words first where it is too long', async () => {
    const { checkpoints, instance, written } = fleet();
    const a = instance('a');
    a.began('ses_1');
    const history = Array.from({ length: 40 }, (_, i) => ({
      ...{ type: 'message' as const, item: `i${i}`, role: 'user' as const },
      text: 'x'.repeat(50_000),
    }));
    a.save(checkpoint({ history: history as unknown as Checkpoint['history'] }));
    await written();
    const kept = (JSON.parse(checkpoints.written[0]!) as Checkpoint).history as unknown as typeof history;
    expect(checkpoints.written[0]!.length).toBeLessThanOrEqual(1_000_000);
    expect(kept.length).toBeGreaterThan(10);
    expect(kept.at(-1)?.item).toBe('i39');
  });
});

describe('a conversation that is looked for', () => {
  it('is elsewhere while its instance lives, and nobody is asked for its words', async () => {
    const { checkpoints, instance, written } = fleet();
    const [a, b] = [instance('a'), instance('b')];
    a.began('ses_1');
    a.save(checkpoint());
    await written();
    expect(await b.find('ses_1', HASH)).toEqual({ is: 'elsewhere', instance: 'ins_a', url: 'http://a:3000' });
    expect(await a.find('ses_1', HASH)).toEqual({ is: 'unknown' });
    expect(await b.find('ses_2', HASH)).toEqual({ is: 'unknown' });
    expect(checkpoints.rows.get('ses_1')?.version).toBe(1);
  });

  it('is taken from an instance that did not answer, by who has the secret, and the other one is told', async () => {
    const { checkpoints, instance, written } = fleet();
    const [a, b] = [instance('a'), instance('b')];
    a.began('ses_1');
    a.save(checkpoint());
    await written();
    expect(await b.find('ses_1', 'b'.repeat(64), 'ins_a')).toEqual({ is: 'unknown' });
    expect(await b.find('ses_1', 'short', 'ins_a')).toEqual({ is: 'unknown' });
    expect(await b.find('ses_1', HASH, 'ins_a')).toEqual({ is: 'left', checkpoint: checkpoint() });
    expect(b.keeper.held).toBe(1);
    expect((await a.ownership.ownerOf('ses_1'))?.instance).toBe('ins_b');
    // The one that was only slow writes nothing any more, and ends what it had.
    a.save(checkpoint({ epoch: 77 }));
    await written();
    expect(a.taken).toEqual(['ses_1']);
    expect(a.keeper.held).toBe(0);
    expect((await b.ownership.ownerOf('ses_1'))?.instance).toBe('ins_b');
    b.began('ses_1');
    b.save(checkpoint({ epoch: 4 }));
    await written();
    expect((JSON.parse(checkpoints.rows.get('ses_1')!.document) as Checkpoint).epoch).toBe(4);
    b.ended('ses_1');
    await written();
    expect(checkpoints.rows.size).toBe(0);
  });

  it('is opened by the newest secret and by the one before it while that is good, and by no piece of either', async () => {
    const [former, newest] = ['b'.repeat(64), 'c'.repeat(64)];
    for (const [shown, is] of [
      ...[[former, 'left'] as const, [newest, 'left'] as const, [HASH, 'unknown'] as const, ['', 'unknown'] as const],
      [`${newest},${former}`, 'unknown'] as const,
    ]) {
      const { instance, written } = fleet();
      const [a, b] = [instance('a'), instance('b')];
      a.began('ses_1');
      a.save(checkpoint({ secretHash: newest, formerSecretHash: former }));
      await written();
      expect((await b.find('ses_1', shown, 'ins_a')).is, shown).toBe(is);
    }
  });

  it('tells the former holder also when the lease says it first', async () => {
    const { clock, instance, written } = fleet();
    const [a, b] = [instance('a'), instance('b')];
    const off = a.onTaken(() => expect.unreachable());
    off();
    a.began('ses_1');
    a.save(checkpoint());
    await written();
    await b.find('ses_1', HASH, 'ins_a');
    clock.advance(BEAT_MS);
    expect(a.taken).toEqual(['ses_1']);
    await a.keeper.stop();
  });

  it('tells the former holder at its next look into the store where no lease is shared', async () => {
    const { instance, written } = fleet();
    const [a, b] = [instance('a', { ownership: deadOwnership() }), instance('b', { ownership: deadOwnership() })];
    a.began('ses_1');
    a.save(checkpoint());
    await written();
    await a.keeper.sweep();
    expect(a.taken).toEqual([]);
    await b.find('ses_1', HASH, 'ins_a');
    await b.keeper.sweep();
    await a.keeper.sweep();
    await a.keeper.sweep();
    expect([a.taken, b.taken]).toEqual([['ses_1'], []]);
  });

  it('goes on at once after it was let go, with its last word', async () => {
    const { instance, written } = fleet();
    const [a, b] = [instance('a'), instance('b')];
    a.began('ses_1');
    a.save(checkpoint());
    await written();
    a.save(checkpoint({ epoch: 12 }));
    await a.left('ses_1');
    expect(a.keeper.held).toBe(0);
    expect(await b.find('ses_1', HASH)).toEqual({ is: 'left', checkpoint: checkpoint({ epoch: 12 }) });
  });

  it('is let go within two seconds, whatever the store does', async () => {
    const { clock, checkpoints, instance, written } = fleet();
    const a = instance('a');
    a.began('ses_1');
    a.save(checkpoint());
    await written();
    const gate = checkpoints.hold();
    const left = a.left('ses_1');
    await written();
    clock.advance(2_000);
    await left;
    expect(await a.ownership.ownerOf('ses_1')).toBeUndefined();
    gate.release();
    await written();
    expect(checkpoints.rows.get('ses_1')?.holder).toBeNull();
    expect(clock.pending).toBe(0);
  });

  it('is over a window after its relay was last seen, and not before', async () => {
    for (const [ago, is] of [
      [WINDOW_MS + BEAT_MS, 'left'],
      [WINDOW_MS + BEAT_MS + 1, 'unknown'],
    ] as const) {
      const { clock, instance, written, seen } = fleet();
      const [a, b] = [instance('a'), instance('b')];
      a.began('ses_1');
      a.save(checkpoint());
      await written();
      await a.keeper.stop();
      a.ownership.close();
      clock.advance(3_600_000);
      seen('ses_1', ago, a.self.url);
      expect((await b.find('ses_1', HASH)).is).toBe(is);
    }
  });

  it('lives, by the word of the store alone, where its instance was heard of there', async () => {
    const { instance, written, seen } = fleet();
    const a = instance('a');
    const b = instance('b', { ownership: deadOwnership() });
    a.began('ses_1');
    a.save(checkpoint());
    await written();
    seen('ses_1', 5_000, a.self.url);
    expect(await b.find('ses_1', HASH)).toEqual({ is: 'elsewhere', instance: 'ins_a', url: 'http://a:3000' });
    expect(await b.find('ses_1', HASH, 'ins_a')).toMatchObject({ is: 'left' });
    expect(b.problems).toEqual(['ownership', 'ownership', 'ownership']);
  });

  it('is not brought to a former run of the same relay, nor to anybody where only one can be', async () => {
    const { instance, written, seen } = fleet();
    const former = instance('a');
    former.began('ses_1');
    former.save(checkpoint());
    await written();
    seen('ses_1', 1_000, former.self.url);
    const again = instance('a2', { self: { instance: 'ins_a2', url: former.self.url } });
    expect(await again.find('ses_1', HASH)).toMatchObject({ is: 'left' });

    const other = fleet();
    const a = other.instance('a');
    a.began('ses_1');
    a.save(checkpoint());
    await other.written();
    other.seen('ses_1', 1_000, a.self.url);
    const alone = other.instance('b', { isAlone: true, ownership: deadOwnership() });
    expect(await alone.find('ses_1', HASH)).toMatchObject({ is: 'left' });
  });

  it('is unknown while the store does not answer, or where a newer relay wrote it', async () => {
    const { checkpoints, instance, written } = fleet();
    const [a, b] = [instance('a'), instance('b')];
    a.began('ses_1');
    a.save(checkpoint({ version: 2 as 1 }));
    await written();
    checkpoints.failing = new Error('gone');
    expect(await b.find('ses_1', HASH, 'ins_a')).toEqual({ is: 'unknown' });
    await b.keeper.sweep();
    expect(b.problems).toEqual(['look-up', 'sweep']);
    checkpoints.failing = undefined;
    expect(await b.find('ses_1', HASH, 'ins_a')).toEqual({ is: 'unknown' });
    await b.keeper.sweep();
  });

  it('is had by exactly one of all who ask at once, in any order of their questions and of the answers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ who: fc.nat(3), dead: fc.boolean() }), { minLength: 2, maxLength: 12 }),
        fc.scheduler(),
        async (asks, scheduler) => {
          const { checkpoints, instance, written, seen } = fleet();
          const first = instance('x');
          first.began('ses_1');
          first.save(checkpoint());
          await written();
          seen('ses_1', 1_000, first.self.url);
          const slow = {
            ...checkpoints,
            find: (session: string) => scheduler.schedule(Promise.resolve()).then(() => checkpoints.find(session)),
            take: (...args: Parameters<typeof checkpoints.take>) =>
              scheduler.schedule(Promise.resolve()).then(() => checkpoints.take(...args)),
          };
          const fellows = Array.from({ length: 4 }, (_, i) => instance(`f${i}`, { checkpoints: slow }));
          // What a beat of each fellow has written: the store knows where a winner is.
          const take = slow.take;
          slow.take = async (row, holder) => {
            const document = await take(row, holder);
            if (document !== undefined) seen('ses_1', 0, `http://${holder.slice(4)}:3000`);
            return document;
          };
          const answers = asks.map(({ who, dead }) => fellows[who]!.find('ses_1', HASH, dead ? 'ins_x' : undefined));
          const found: Found[] = await scheduler.waitFor(Promise.all(answers));
          expect(found.filter(({ is }) => is === 'left')).toHaveLength(asks.some(({ dead }) => dead) ? 1 : 0);
        },
      ),
      { numRuns: 200 },
    );
  });
});
