/**
 * The promises of what instances share, for every adapter. Two instances that share, and time that
 * passes as the adapter has it: a clock that is moved, or a real one with short leases.
 */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Owner } from '../ownership.ts';
import type { SharedServices } from '../open.ts';

export interface Stage {
  /** Another instance that shares with those before. */
  join(self: Owner): Promise<SharedServices>;
  /** The life of a lease, in milliseconds. */
  leaseMs: number;
  /** Lets time pass, without renewals of `dead`. */
  pass(ms: number): Promise<void>;
  /** The instance dies: it says nothing any more, and lets go of nothing. */
  die(services: SharedServices): void;
  end(): Promise<void>;
}

const owner = (name: string): Owner => ({ instance: `ins_${name}`, url: `http://${name}.internal:3000` });
const SECOND = 1_000;

export function sharedStateContract(kind: 'memory' | 'redis', open: () => Promise<Stage>): void {
  describe(`what instances share, in ${kind}`, () => {
    let stage: Stage;
    let a: SharedServices;
    let b: SharedServices;
    beforeEach(async () => {
      stage = await open();
      [a, b] = [await stage.join(owner('a')), await stage.join(owner('b'))];
    });
    afterEach(() => stage.end());

    /** Until it is so, while time passes. */
    async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
      for (let tries = 0; !(await isSo()); tries += 1) {
        expect(tries).toBeLessThan(400);
        await stage.pass(stage.leaseMs / 30);
      }
    }

    it('allows as many uses a window as the limit says on all instances together, and anew in the next', async () => {
      expect(a.shared.kind).toBe(kind);
      expect(a.isUp()).toBe(true);
      const first = await a.shared.take('api', 'x', 3, SECOND);
      expect(first).toMatchObject({ isAllowed: true, remaining: 2 });
      expect(first.resetMs).toBeLessThanOrEqual(SECOND);
      if (kind === 'memory') return;
      expect(await b.shared.take('api', 'x', 3, SECOND)).toMatchObject({ isAllowed: true, remaining: 1 });
      expect(await a.shared.take('api', 'x', 3, SECOND)).toMatchObject({ isAllowed: true, remaining: 0 });
      expect(await b.shared.take('api', 'x', 3, SECOND)).toMatchObject({ isAllowed: false, remaining: 0 });
      expect(await a.shared.take('api', 'y', 3, SECOND)).toMatchObject({ isAllowed: true });
      expect(await a.shared.take('connects', 'x', 3, SECOND)).toMatchObject({ isAllowed: true });
      await until(async () => (await b.shared.take('api', 'x', 3, SECOND)).isAllowed);
    });

    it('gives out exactly as many places as there are, to five hundred that ask both instances at once', async () => {
      const asked = Array.from({ length: 500 }, (_, at) => (at % 2 === 0 ? a : b).shared.lease('t', 100));
      const got = (await Promise.all(asked)).filter((release) => release !== undefined);
      expect(got).toHaveLength(100);
      expect(await a.shared.leased('t')).toBe(100);
      for (const release of got) {
        release();
        release();
      }
      await until(async () => (await b.shared.leased('t')) === 0);
    });

    it('gives places out and takes them back in any order', async () => {
      let round = 0;
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(fc.nat(9), { maxLength: 20 }), async (max, steps) => {
          const key = `t${(round += 1)}`;
          const held: (() => void)[] = [];
          for (const [at, step] of steps.entries()) {
            const { shared } = at % 2 === 0 ? a : b;
            if (step < 6) {
              const release = await shared.lease(key, max);
              expect(release === undefined).toBe(held.length === max);
              if (release !== undefined) held.push(release);
            } else {
              held.splice(step % Math.max(1, held.length), 1)[0]?.();
              await vi.waitFor(async () => expect(await a.shared.leased(key)).toBe(held.length));
            }
            expect(await shared.leased(key)).toBe(held.length);
          }
          for (const release of held) release();
        }),
        { numRuns: 15 },
      );
    });

    it('keeps the places of who lives, and frees those of who died', async () => {
      const release = await a.shared.lease('kept', 1);
      await b.shared.lease('left', 1);
      stage.die(b);
      const c = await stage.join(owner('c'));
      await until(async () => (await c.shared.leased('left')) === 0);
      await stage.pass(stage.leaseMs);
      expect(await c.shared.lease('kept', 1)).toBeUndefined();
      expect(await c.shared.lease('left', 1)).toBeDefined();
      release?.();
      await until(async () => (await c.shared.lease('kept', 1)) !== undefined);
    });

    it('does not hold what was let go of before its claim was answered', async () => {
      const claim = a.ownership.claim('ses_short');
      a.ownership.release('ses_short');
      await claim;
      // Another that is held keeps the renewals going.
      await a.ownership.claim('ses_long');
      await stage.pass(stage.leaseMs);
      expect(await b.ownership.ownerOf('ses_long')).toEqual(owner('a'));
      await until(async () => (await b.ownership.ownerOf('ses_short')) === undefined);
      await stage.pass(stage.leaseMs / 2);
      expect(await b.ownership.ownerOf('ses_short')).toBeUndefined();
    });

    it('has one holder of a conversation, whoever claims it at once', async () => {
      const c = await stage.join(owner('c'));
      const all = [a, b, c];
      const claims = await Promise.all(all.map(({ ownership }) => ownership.claim('ses_1')));
      expect(claims.filter(Boolean)).toHaveLength(1);
      const at = claims.indexOf(true);
      for (const { ownership } of all) expect(await ownership.ownerOf('ses_1')).toEqual(owner('abc'.charAt(at)));
      // Again by who holds it is no change.
      expect(await all[at]?.ownership.claim('ses_1')).toBe(true);
      all[at]?.ownership.release('ses_1');
      await until(async () => (await a.ownership.ownerOf('ses_1')) === undefined);
      expect(await c.ownership.claim('ses_1')).toBe(true);
    });

    it('takes a conversation from who was found dead, once, and tells who was not', async () => {
      const c = await stage.join(owner('c'));
      const taken: string[] = [];
      const stop = a.ownership.onTaken((session) => taken.push(session));
      await a.ownership.claim('ses_1');
      await a.ownership.claim('ses_2');
      expect(await b.ownership.claim('ses_1', 'ins_c')).toBe(false);
      const claims = await Promise.all([b, c].map(({ ownership }) => ownership.claim('ses_1', 'ins_a')));
      expect(claims.filter(Boolean)).toHaveLength(1);
      await until(() => taken.length > 0);
      await stage.pass(stage.leaseMs);
      expect(taken).toEqual(['ses_1']);
      // What was taken is not given back by who had it.
      a.ownership.release('ses_1');
      await stage.pass(stage.leaseMs / 10);
      expect((await a.ownership.ownerOf('ses_1'))?.instance).not.toBe('ins_a');
      expect(await b.ownership.ownerOf('ses_2')).toEqual(owner('a'));
      stop();
    });

    it('forgets the holder that died, and not one that lives', async () => {
      await a.ownership.claim('ses_1');
      await b.ownership.claim('ses_2');
      stage.die(b);
      const c = await stage.join(owner('c'));
      expect(await c.ownership.claim('ses_2')).toBe(false);
      await until(async () => (await c.ownership.ownerOf('ses_2')) === undefined);
      expect(await c.ownership.claim('ses_2')).toBe(true);
      expect(await c.ownership.ownerOf('ses_1')).toEqual(owner('a'));
    });

    it('carries what one instance says to all, itself included, until they stop listening', async () => {
      const heard: string[] = [];
      const stops = [a, b].map(({ broadcast }, at) =>
        broadcast.subscribe('news', (message) => void heard.push(`${at} ${message}`)),
      );
      a.broadcast.subscribe('other', () => void heard.push('other'));
      await until(async () => {
        await a.broadcast.publish('news', 'one');
        return heard.includes('1 one');
      });
      expect(heard).toContain('0 one');
      stops[1]?.();
      await a.broadcast.publish('news', 'two');
      await until(() => heard.includes('0 two'));
      expect(heard).not.toContain('1 two');
      expect(heard).not.toContain('other');
    });

    it('lets happen once what may happen once, on whichever instance, until its time is over', async () => {
      const until_ = Date.now() + 60_000;
      const tries = Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? a : b).once.first('token', until_));
      expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
      expect(await b.once.first('token', until_)).toBe(false);
      expect(await b.once.first('another', until_)).toBe(true);
    });
  });
}
