import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_CONFIG, initialState, step, type ArbiterEvent } from '#arbiter';
import { runArbiterCommand } from './arbiter-command.ts';

const passing = JSON.stringify({ name: 'fine', events: [{ t: 0, type: 'session.started' }], final: { started: true } });
const failing = JSON.stringify({ name: 'wrong', events: [{ t: 0, type: 'session.started' }], final: { owner: 'B' } });

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cases-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
  vi.unstubAllEnvs();
});

async function asked(...args: string[]): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const code = await runArbiterCommand(args, (line) => lines.push(line));
  return { code, lines };
}

function file(name: string, ...lines: string[]): string {
  const path = join(dir, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

describe('vjj arbiter', () => {
  it('runs files and ends with how many passed', async () => {
    expect(await asked(file('a.jsonl', passing, passing), file('b.jsonl', passing))).toEqual({
      code: 0,
      lines: ['3 passed, 0 failed'],
    });
  });

  it('prints what failed and exits with 1', async () => {
    const { code, lines } = await asked(file('a.jsonl', passing, failing, 'not JSON'));
    expect(code).toBe(1);
    expect(lines.at(-1)).toBe('1 passed, 2 failed');
    expect(lines.join('\n')).toMatch(/a\.jsonl:2: wrong[^]*final\.owner is "none" instead of "B"/);
    expect(lines.join('\n')).toMatch(/a\.jsonl:3: not JSON/);
  });

  it.each([
    ['a file that is not there', () => join(dir, 'none.jsonl'), 'there is no such file'],
    ['a folder', () => dir, 'that is a folder'],
    ['a path through a file', () => join(file('a.jsonl', passing), 'b.jsonl'), 'cannot be read'],
  ])('fails over %s', async (_, path, words) => {
    const { code, lines } = await asked(path());
    expect(code).toBe(1);
    expect(lines[0]).toContain(words);
    expect(lines.at(-1)).toBe('0 passed, 1 failed');
  });

  it.each([
    [[], 'name a case file'],
    [['--fast'], 'there is no option --fast'],
    [['--replay'], '--replay takes one session'],
    [['--enumerate', 'deep'], '--enumerate takes a depth'],
    [['--enumerate', '3', '--all'], 'there is no option --all'],
  ])('says how it is used when asked %j', async (args, words) => {
    const { code, lines } = await asked(...args);
    expect(code).toBe(2);
    expect(lines.join('\n')).toContain(words);
    expect(lines.join('\n')).toContain('usage: vjj arbiter FILE.jsonl');
  });

  it('helps', async () => {
    expect((await asked('--help')).code).toBe(0);
  });

  it('visits every state up to a depth and prints how many there are', async () => {
    const { code, lines } = await asked('--enumerate', '3');
    expect(code).toBe(0);
    expect(lines.at(-2)).toMatch(/^\d+ states, \d+ steps, depth 3$/);
    expect(lines.at(-1)).toBe('1 passed, 0 failed');
    expect((await asked('--enumerate', '2', '--losses')).lines.at(-2)).toMatch(/^\d+ states/);
  });
});

describe('vjj arbiter with a recorded session', () => {
  const events: ArbiterEvent[] = [
    { t: 0, type: 'session.started' },
    { t: 1, type: 'provider.up', generation: 1 },
    { t: 5, type: 'user.text', turn: 't1' },
  ];
  function record(spoil: (effects: unknown[]) => unknown[] = (effects) => effects): string {
    let state = initialState();
    const records = events.map((event) => {
      const { state: after, effects } = step(state, event, DEFAULT_CONFIG);
      state = after;
      return JSON.stringify({ event, effects: spoil(effects) });
    });
    const head = JSON.stringify({ session: 'ses_1', startedAt: 0, config: DEFAULT_CONFIG });
    mkdirSync(join(dir, 'audit'), { recursive: true });
    return file('audit/ses_1.jsonl', head, ...records);
  }

  it('reproduces the effects of a session that it finds by id or by path', async () => {
    const path = record();
    vi.stubEnv('DATA_DIR', dir);
    expect(await asked('--replay', 'ses_1')).toEqual({ code: 0, lines: ['1 passed, 0 failed'] });
    expect(await asked('--replay', path)).toEqual({ code: 0, lines: ['1 passed, 0 failed'] });
  });

  it('fails when an effect is missing or too many', async () => {
    expect(
      (
        await asked(
          '--replay',
          record(() => []),
        )
      ).code,
    ).toBe(1);
    expect(
      (
        await asked(
          '--replay',
          record((effects) => [...effects, { type: 'input.clear' }]),
        )
      ).code,
    ).toBe(1);
  });

  it('prints a session as a case that passes', async () => {
    const { code, lines } = await asked('--case', record());
    expect(code).toBe(0);
    expect((await asked(file('case.jsonl', ...lines))).code).toBe(0);
    expect((await asked('--case', 'ses_none')).code).toBe(1);
  });
});
