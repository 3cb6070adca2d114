import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../testing/virtual-clock.ts';
import { EMF_DIMENSION, EMF_NAMESPACE, emfLines, startEmf } from './emf.ts';

const read = (line: string) => JSON.parse(line) as Record<string, unknown>;

describe("a line in CloudWatch's embedded metric format", () => {
  it('has metadata that names namespace, dimension and unit, and the values beside it', () => {
    const [line, ...rest] = emfLines({ timestamp: 1_790_000_060_000, sessions: 7, ttfbMs: [310, 290] });
    expect(rest).toEqual([]);
    expect(read(line ?? '')).toEqual({
      _aws: {
        Timestamp: 1_790_000_060_000,
        CloudWatchMetrics: [
          {
            Namespace: 'VoiceJibJab',
            Dimensions: [['Service']],
            Metrics: [
              { Name: 'ConcurrentSessions', Unit: 'Count' },
              { Name: 'TTFB', Unit: 'Milliseconds' },
            ],
          },
        ],
      },
      Service: 'relay',
      ConcurrentSessions: 7,
      TTFB: [310, 290],
    });
  });

  it('names no metric that has no value', () => {
    const line = read(emfLines({ timestamp: 1, sessions: 0, ttfbMs: [] })[0] ?? '');
    expect(line).not.toHaveProperty('TTFB');
    expect(line['ConcurrentSessions']).toBe(0);
    expect(JSON.stringify(line['_aws'])).not.toContain('TTFB');
  });

  it('has at most 100 values; more go into further lines, and sessions are told once', () => {
    const lines = emfLines({ timestamp: 1, sessions: 3, ttfbMs: Array.from({ length: 250 }, (_, at) => at) }).map(read);
    expect(lines.map(({ TTFB }) => (TTFB as number[]).length)).toEqual([100, 100, 50]);
    expect(lines.map(({ ConcurrentSessions }) => ConcurrentSessions)).toEqual([3, undefined, undefined]);
    expect(lines.flatMap(({ TTFB }) => TTFB as number[])).toEqual(Array.from({ length: 250 }, (_, at) => at));
  });

  it('goes by the names that the alarms of the stack are on', () => {
    const stack = readFileSync(new URL('../../deploy/aws/relays.mjs', import.meta.url), 'utf8');
    expect(stack).toContain(`namespace: '${EMF_NAMESPACE}'`);
    expect(stack).toContain(`dimensionsMap: { Service: '${EMF_DIMENSION.Service}' }`);
    expect(stack).toContain("EMF_METRICS: 'true'");
    const alarms = readFileSync(new URL('../../deploy/aws/alarms.mjs', import.meta.url), 'utf8');
    expect(alarms).toContain("relayMetric('TTFB', 'p95')");
  });
});

describe("CloudWatch's lines", () => {
  it('come once a minute with the turns of that minute, and the rest at the end', () => {
    const clock = virtualClock();
    const lines: Record<string, unknown>[] = [];
    const emf = startEmf({ clock, sessions: () => 2, write: (line) => void lines.push(read(line)) });
    emf.firstSound(300);
    clock.advance(59_999);
    expect(lines).toEqual([]);
    clock.advance(1);
    emf.firstSound(280);
    emf.firstSound(320);
    clock.advance(60_000);
    emf.firstSound(500);
    emf.stop();
    expect(lines.map(({ TTFB }) => TTFB)).toEqual([[300], [280, 320], [500]]);
    expect(lines.map(({ _aws }) => (_aws as { Timestamp: number }).Timestamp - clock.wallNow())).toEqual([
      -60_000, 0, 0,
    ]);
    expect(clock.pending).toBe(0);
  });
});
