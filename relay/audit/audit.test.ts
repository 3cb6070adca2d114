import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_CONFIG, type ArbiterEvent, type Effect } from '#arbiter';
import { auditToCase, createAuditLog } from './audit.ts';
import { appendLines } from './line-file.ts';

const head = { session: 'ses_1', startedAt: 1_790_000_000_000, config: DEFAULT_CONFIG };
const started: ArbiterEvent = { t: 0, type: 'session.started' };
const onset = (t: number): ArbiterEvent => ({ t, type: 'user.onset', utterance: 'u', source: 'widget' });
const cleared: Effect[] = [{ type: 'input.clear' }];
const never = (error: unknown): void => {
  throw error;
};

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'audit-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('the audit log', () => {
  it('keeps every event with its effects, in order, and gives them as JSON lines', () => {
    const audit = createAuditLog({ head, dir: null, onProblem: never });
    audit.record(started, []);
    audit.record(onset(5), cleared);
    expect(audit.records()).toEqual([
      { event: started, effects: [] },
      { event: onset(5), effects: cleared },
    ]);
    expect(
      audit
        .toJsonl()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([head, ...audit.records()]);
  });

  it('turns into a case that expects the same effects of the same events', () => {
    const audit = createAuditLog({ head, dir: null, onProblem: never });
    audit.record(onset(5), cleared);
    expect(auditToCase(`${audit.toJsonl()}{"lost":2}\n`)).toEqual({
      name: 'ses_1',
      config: DEFAULT_CONFIG,
      events: [onset(5)],
      expect: cleared,
    });
    expect(() => auditToCase('')).toThrow(RangeError);
  });

  it('forgets the oldest beyond its bound and says how many', async () => {
    const audit = createAuditLog({ head, dir: null, onProblem: never });
    for (let t = 0; t < 5_003; t++) audit.record(onset(t), []);
    expect(audit.forgotten).toBe(3);
    expect(audit.records()).toHaveLength(5_000);
    expect(audit.records()[0]?.event.t).toBe(3);
    expect(audit.records().at(-1)?.event.t).toBe(5_002);
    await audit.close();
  });

  it('writes the same lines to a file of its session in a folder that it makes', async () => {
    const folder = join(dir, 'deep', 'audit');
    const audit = createAuditLog({ head, dir: folder, onProblem: never });
    audit.record(started, []);
    for (let t = 1; t < 200; t++) audit.record(onset(t), cleared);
    await audit.close();
    expect(readFileSync(join(folder, 'ses_1.jsonl'), 'utf8')).toBe(audit.toJsonl());
  });

  it('keeps few in memory where all are in the file', async () => {
    const audit = createAuditLog({ head, dir: join(dir, 'long'), onProblem: never });
    for (let t = 0; t < 300; t++) audit.record(onset(t), []);
    await audit.close();
    expect([audit.records().length, audit.forgotten]).toEqual([250, 50]);
    expect(audit.records()[0]?.event.t).toBe(50);
    expect(
      readFileSync(join(dir, 'long', 'ses_1.jsonl'), 'utf8')
        .trim()
        .split('\n'),
    ).toHaveLength(301);
  });

  it('goes on without its file, and says so once', async () => {
    writeFileSync(join(dir, 'taken'), '');
    const problems: unknown[] = [];
    const audit = createAuditLog({ head, dir: join(dir, 'taken'), onProblem: (error) => problems.push(error) });
    audit.record(started, []);
    await audit.close();
    audit.record(onset(1), []);
    await audit.close();
    expect(problems).toHaveLength(1);
    expect(audit.records()).toHaveLength(2);
  });
});

describe('a file of lines', () => {
  /** One whose first line is on the disk. */
  async function begun() {
    const file = appendLines(dir, 'x.jsonl', never);
    const seen = () => readFileSync(join(dir, 'x.jsonl'), 'utf8');
    file.append('a');
    await vi.waitUntil(() => existsSync(join(dir, 'x.jsonl')) && seen() === 'a\n');
    return { file, seen };
  }

  it('makes itself with the first line, and writes what is said within a second together', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { file, seen } = await begun();
      file.append('b');
      file.append('c');
      expect(vi.getTimerCount()).toBe(1);
      expect(seen()).toBe('a\n');
      vi.advanceTimersByTime(1_000);
      await vi.waitUntil(() => seen() === 'a\nb\nc\n');
      file.append('d');
      await file.close();
      expect(seen()).toBe('a\nb\nc\nd\n');
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('gathers what comes while it writes like everything else', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { file, seen } = await begun();
      // So much is written at once; the next line comes meanwhile.
      const much = 'm'.repeat(300_000);
      file.append(much);
      file.append('b');
      await vi.waitUntil(() => seen() === `a\n${much}\n` && vi.getTimerCount() === 1);
      vi.advanceTimersByTime(1_000);
      await vi.waitUntil(() => seen() === `a\n${much}\nb\n`);
      await file.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it('counts what did not fit into its queue in a line of its own', async () => {
    const file = appendLines(dir, 'x.jsonl', never);
    const long = 'x'.repeat(700_000);
    file.append(long);
    file.append(long);
    await file.close();
    const lines = readFileSync(join(dir, 'x.jsonl'), 'utf8').trim().split('\n');
    expect(lines).toEqual([long, '{"lost":1}']);
  });
});
