/** What a month will cost is known before it does, by the arithmetic that bills it afterwards. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { processIo } from '../run.ts';
import { PRICES } from '../usage/prices.ts';
import { vjjCommand } from './commands.ts';
import { estimate, EXPECTED, type Expected } from './cost-estimate.ts';

const usual: Expected = { ...EXPECTED, model: 'gpt-realtime-2.1', transcriptionModel: 'gpt-transcribe' };

describe('an estimate', () => {
  it('is what one turn costs, by hand', () => {
    const { each, lines, isGuess } = estimate(PRICES, {
      ...usual,
      ...{ minutes: 1, turnsPerMinute: 1, userShare: 0.5, agentShare: 0.5, instructionTokens: 1_000 },
    });
    // 1000 of text, 300 heard, 600 said and 100 of their words; 30 s written down.
    expect(Object.fromEntries(lines.map(({ kind, cost }) => [kind, cost]))).toEqual({
      'text.input': 4_000,
      'audio.input': 9_600,
      'audio.output': 38_400,
      'text.output': 2_400,
      transcription: 2_250,
    });
    expect(each).toBe(56_650);
    expect(isGuess).toBe(false);
  });

  it('of a second turn reads the first one again, from the cache as far as it is there', () => {
    const two = { ...usual, minutes: 2, turnsPerMinute: 1, userShare: 0.5, agentShare: 0.5, instructionTokens: 1_000 };
    const half = estimate(PRICES, { ...two, cachedShare: 0.5 });
    const costs = Object.fromEntries(half.lines.map(({ kind, cost }) => [kind, cost]));
    // 900 of sound and 1000 of text again: half of each at a tenth or less.
    expect(costs['audio.cached']).toBe(450 * 0.4);
    expect(costs['audio.input']).toBe((300 + 300 + 450) * 32);
    expect(costs['text.cached']).toBe(500 * 0.4);
  });

  it('grows with everything that there is more of, with the length faster than evenly', () => {
    const share = fc.double({ min: 0, max: 0.5, noNaN: true });
    const any = fc.record({
      minutes: fc.integer({ min: 1, max: 30 }),
      userShare: share,
      agentShare: share,
      cachedShare: share,
    });
    fc.assert(
      fc.property(any, (of) => {
        const some = { ...usual, ...of };
        const of1 = estimate(PRICES, some);
        expect(estimate(PRICES, { ...some, minutes: of.minutes * 2 }).each).toBeGreaterThanOrEqual(
          of1.each * 2 - 5_000,
        );
        expect(estimate(PRICES, { ...some, sessions: some.sessions * 3 }).monthly).toBeCloseTo(of1.monthly * 3, 6);
        expect(estimate(PRICES, { ...some, cachedShare: 1 }).each).toBeLessThanOrEqual(of1.each);
        expect(estimate(PRICES, { ...some, model: 'gpt-realtime-2.1-mini' }).each).toBeLessThanOrEqual(of1.each);
      }),
    );
  });

  it('bounds what is read again by what the model keeps', () => {
    const long = { ...usual, minutes: 60, contextTokens: 5_000 };
    expect(estimate(PRICES, long).each).toBeLessThan(estimate(PRICES, { ...long, contextTokens: 28_000 }).each);
  });
});

describe('vjj cost', () => {
  async function vjj(words: string[], env: Record<string, string> = {}) {
    const printed: string[] = [];
    const complained: string[] = [];
    const codes: number[] = [];
    const io = {
      ...{ ...processIo, env },
      print: (line: string) => void printed.push(line),
      complain: (line: string) => void complained.push(line),
      exit: (code: number) => void codes.push(code),
    };
    await vjjCommand(io).parseAsync(['node', 'vjj', 'cost', ...words]);
    return { text: printed.join('\n'), complained: complained.join('\n'), codes };
  }

  it('prints a bill of one conversation and of the month', async () => {
    const { text, codes } = await vjj(['--sessions', '10000', '--minutes', '5']);
    expect(text).toMatch(/^gpt-realtime-2\.1, prices of 2026-11-05\n/);
    expect(text).toMatch(/what the assistant says +\$0\.\d{4} +\d+ %/);
    expect(text).toMatch(/a conversation of 5 min +\$0\.\d{4}\n10000 a month +\$\d+\.\d\d\n/);
    expect(codes).toEqual([]);
  });

  it('is in the docs as it is printed', async () => {
    const docs = readFileSync(new URL('../../docs/cost.md', import.meta.url), 'utf8');
    const [, words = '', printed] = /^npx vjj cost (.*)\n```\n\n```text\n([^]*?)\n```/m.exec(docs) ?? [];
    expect((await vjj(words.split(' '))).text).toBe(printed);
  });

  it('takes the settings for model and prices, and says so of a model that nobody knows', async () => {
    expect((await vjj([], { OPENAI_MODEL: 'gpt-realtime-mini' })).text).toContain('gpt-realtime-mini, prices of');
    expect((await vjj(['--model', 'gpt-9'])).text).toContain('gpt-9, prices of 2026-11-05 (in no table');
    const { text } = await vjj(['--json', '--sessions', '0', '--minutes', '0']);
    expect(JSON.parse(text)).toMatchObject({ pricesAsOf: '2026-11-05', monthly: 0, expected: { minutes: 0 } });
  });

  it('refuses shares that are more than the time, and settings that are wrong', async () => {
    const { complained, codes } = await vjj(['--user', '0.6', '--agent', '0.6']);
    expect(complained).toContain('together at most 1');
    expect(codes).toEqual([2]);
    expect((await vjj([], { PORT: 'x' })).codes).toEqual([1]);
  });
});
