/** The relay's own keys where several instances share them, and where the store is away. */
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../testing/virtual-clock.ts';
import { openKeyring, ROTATE_AFTER_MS, type KeyRecord, type KeyRecords } from './keyring.ts';
import { RELAY_ISSUER } from './session-token.ts';

function shared() {
  const rows = new Map<string, KeyRecord>();
  const state = { isDown: false, asked: 0 };
  const ask = async () => {
    state.asked += 1;
    if (state.isDown) throw new Error('down');
  };
  const records: KeyRecords = {
    async list() {
      await ask();
      return [...rows.values()].map((row) => ({ ...row }));
    },
    async add(key) {
      await ask();
      rows.set(key.kid, key);
    },
    async retire(kid, notAfter) {
      await ask();
      const row = rows.get(kid);
      if (row !== undefined) row.notAfter = notAfter;
    },
    async remove(kid) {
      await ask();
      rows.delete(kid);
    },
  };
  return { records, state, rows };
}

describe('keys of several instances', () => {
  it('verify on each of them, whichever made them, and are made once', async () => {
    const { records, rows } = shared();
    const clock = virtualClock();
    const [a, b] = [await openKeyring(records, clock), await openKeyring(records, clock)];
    const first = await a.current();
    expect(await b.findKey(RELAY_ISSUER, first.kid)).toMatchObject({ kid: first.kid });
    expect((await b.current()).kid).toBe(first.kid);
    clock.advance(ROTATE_AFTER_MS);
    const second = await b.current();
    expect((await a.current()).kid).toBe(second.kid);
    expect(rows.size).toBe(2);
    expect(await a.findKey(RELAY_ISSUER, first.kid)).toBeDefined();
  });

  it('that nobody knows cost the store one question a second', async () => {
    const { records, state } = shared();
    const clock = virtualClock();
    const ring = await openKeyring(records, clock);
    state.asked = 0;
    for (let at = 0; at < 50; at += 1) expect(await ring.findKey(RELAY_ISSUER, `key_${at}`)).toBeUndefined();
    expect(state.asked).toBe(1);
    clock.advance(1_000);
    await ring.findKey(RELAY_ISSUER, 'key_x');
    expect(state.asked).toBe(2);
  });

  it('sign longer than a week when the store is away at the hour of their replacement', async () => {
    const { records, state } = shared();
    const clock = virtualClock();
    const ring = await openKeyring(records, clock);
    state.isDown = true;
    await expect(ring.current()).rejects.toThrow('down');
    state.isDown = false;
    const key = await ring.current();
    clock.advance(ROTATE_AFTER_MS);
    state.isDown = true;
    expect((await ring.current()).kid).toBe(key.kid);
    expect(await ring.findKey(RELAY_ISSUER, 'key_new')).toBeUndefined();
    state.isDown = false;
    expect((await ring.current()).kid).not.toBe(key.kid);
  });
});
