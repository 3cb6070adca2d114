/** The table of scenarios and what they assert with; the scenarios themselves are run by `npm run stress`. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CheckFailed, createChecks, tallied } from './checks.ts';
import { SCENARIOS } from './scenarios/index.ts';

describe('the scenarios', () => {
  it('are forty or more, each with a name of its own and a sentence', () => {
    const names = SCENARIOS.map(({ name }) => name);
    expect(names.length).toBeGreaterThanOrEqual(40);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, promises } of SCENARIOS) {
      expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(promises.length).toBeGreaterThan(20);
    }
  });

  it('stand in the README, those of `npm test` in bold, and no others do', () => {
    const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');
    const rows = [...readme.matchAll(/^\| (\*\*)?`([a-z0-9-]+)`(?:\*\*)? +\| (.*?) +\|$/gm)];
    expect(rows.map(([, bold, name, promises]) => [name, promises, bold !== undefined])).toEqual(
      SCENARIOS.map(({ name, promises, isQuick }) => [name, promises, isQuick === true]),
    );
  });
});

describe('checks', () => {
  it('count what they hold', async () => {
    const check = createChecks();
    check.same('a list', [1, { a: 2 }], [1, { a: 2 }]);
    check.holds('a fact', true);
    check.tally('codes', [4505, 1000, 4505], { 4505: 2, 1000: 1 });
    let looks = 0;
    await check.soon('it becomes so', () => (looks += 1) > 2);
    expect([check.made, looks]).toEqual([4, 3]);
  });

  it('say what was seen and what had to be', () => {
    const check = createChecks();
    expect(() => check.same('sum', 1, 2)).toThrow(new CheckFailed('sum: 1 instead of 2'));
    expect(() => check.tally('codes', ['in'], { in: 2 })).toThrow('codes: { in: 1 } instead of { in: 2 }');
    expect(() => check.holds('a fact', false)).toThrow('a fact: false instead of true');
  });

  it('wait no longer than they may', async () => {
    const check = createChecks();
    await expect(check.soon('never', () => false, 20)).rejects.toThrow('never: not within 20 ms');
    await expect(check.soon('broken', () => Promise.reject(new Error('no such thing')))).rejects.toThrow(
      'no such thing',
    );
  });

  it('tally values', () => {
    expect(tallied([])).toEqual({});
    expect(tallied(['a', 1, 'a'])).toEqual({ a: 2, 1: 1 });
  });
});
