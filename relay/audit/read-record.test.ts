import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG } from '#arbiter';
import { readRecord, recordParts } from './read-record.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-record-'));
  const head = { session: 'ses_1', startedAt: 1000, config: DEFAULT_CONFIG };
  const lines = [1, 2, 3, 4].map((t) => ({ event: { type: 'tick', t }, effects: [] }));
  const all = [head, ...lines.slice(0, 2), { lost: 7 }, ...lines.slice(2)];
  writeFileSync(join(dir, 'ses_1.jsonl'), all.map((line) => `${JSON.stringify(line)}\n`).join(''));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('the record of a session, read back', () => {
  it('comes in pages that go on where the former ended, and says what was lost', async () => {
    const first = await readRecord(dir, 'ses_1', { after: 0, limit: 3 });
    expect(first).toMatchObject({ session: 'ses_1', startedAt: 1000, lost: 7, next: '3' });
    expect(first?.rows.map(({ event }) => event.t)).toEqual([1, 2, 3]);
    const last = await readRecord(dir, 'ses_1', { after: 3, limit: 3 });
    expect(last?.rows.map(({ event }) => event.t)).toEqual([4]);
    expect(last?.next).toBeUndefined();
  });

  it('has a part for each time that it went on elsewhere, in order', async () => {
    for (const part of [12, 7]) {
      const head = { session: 'ses_1', startedAt: 1000, config: DEFAULT_CONFIG };
      const line = { event: { type: 'tick', t: part }, effects: [] };
      writeFileSync(join(dir, `ses_1-${part}.jsonl`), `${JSON.stringify(head)}\n${JSON.stringify(line)}\n`);
    }
    for (const other of ['ses_11.jsonl', 'ses_1-x.jsonl', 'ses_1.jsonl.old']) writeFileSync(join(dir, other), '');
    expect(await recordParts(dir, 'ses_1')).toEqual([0, 7, 12]);
    expect((await readRecord(dir, 'ses_1', { after: 0, limit: 9 }, 12))?.rows[0]?.event.t).toBe(12);
    expect(await readRecord(dir, 'ses_1', { after: 0, limit: 9 }, 8)).toBeUndefined();
    expect(await recordParts(dir, '../ses_1')).toEqual([]);
    expect(await recordParts(join(dir, 'none'), 'ses_1')).toEqual([]);
    await expect(recordParts(join(dir, 'ses_1.jsonl'), 'ses_1')).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it('leaves out a line that is half written', async () => {
    appendFileSync(join(dir, 'ses_1.jsonl'), '{"event":{"ty');
    expect((await readRecord(dir, 'ses_1', { after: 0, limit: 10 }))?.rows).toHaveLength(4);
  });

  it('knows nothing of sessions that have none, and of names that are paths', async () => {
    writeFileSync(join(dir, 'ses_empty.jsonl'), '');
    for (const name of ['ses_2', 'ses_empty', '../ses_1', 'ses_1.jsonl', '/etc/passwd', ''])
      expect(await readRecord(dir, name, { after: 0, limit: 10 }), name).toBeUndefined();
  });

  it('fails on a record whose head is no record', async () => {
    writeFileSync(join(dir, 'ses_bad.jsonl'), 'hello\n');
    await expect(readRecord(dir, 'ses_bad', { after: 0, limit: 10 })).rejects.toThrow(SyntaxError);
  });
});
