/** How soon the agent is silent when somebody speaks, in Chromium with recorded speech, beside the gain ramp that others use. */
import { startBrowser, startCustomerSite } from '../../widget/testing/e2e.ts';
import { percentile } from '../load/percentile.ts';
import { BLOCK_MS, SLOW_MODEL_MS, measureBrowser } from './browser.ts';
import { runGainRamps, type GainRamps } from './gain-ramp.ts';
import { detectionsMs, silencesMs } from './instruments.ts';
import { judge, spread, table, type Part } from './part.ts';

const SHARES = [0.5, 0.95, 1];

/** Another's way, measured in the same browser. */
async function gainRamps(count: number, blockMs: number): Promise<GainRamps> {
  const site = await startCustomerSite();
  site.html = '<!doctype html><title>Gain</title><button>Go</button>';
  const browser = await startBrowser({});
  try {
    const page = await browser.newPage();
    await page.goto(site.origin);
    // A context may sound after the page was touched.
    await page.click('button');
    return await page.evaluate(runGainRamps, { count, blockMs });
  } finally {
    await browser.close();
    await site.close();
  }
}

export const bargeIn: Part = async ({ isQuick, turns, bargeIns, progress }) => {
  const seen = await measureBrowser({
    turns: turns ?? (isQuick ? 1 : 3),
    bargeIns: bargeIns ?? (isQuick ? 3 : 16),
    blockedBargeIns: isQuick ? 2 : Math.min(12, bargeIns ?? 12),
    handOvers: isQuick ? 5 : 25,
    isThorough: bargeIns !== undefined,
    progress,
  });
  progress('the gain ramp');
  const times = isQuick ? 2 : 8;
  const [ramp, blockedRamp] = [await gainRamps(times, 0), await gainRamps(times, BLOCK_MS)];
  const [free, blocked] = [silencesMs(seen.interrupted.heard), silencesMs(seen.blocked.heard)];
  const wanted = bargeIns ?? (isQuick ? 3 : 16);
  const rows = (what: string, values: readonly number[]) => [what, spread(values, SHARES), values.length];
  const ears = (one: typeof seen.answered) => one.turns.flatMap(({ ttfaMs }) => ttfaMs ?? []);
  const sent = (one: typeof seen.answered, lane: 'A' | 'B') =>
    one.turns.flatMap(({ firstSentMs }) => firstSentMs[lane] ?? []);
  return {
    markdown: [
      `One call of each kind on the demo page, with a microphone that plays recorded speech; frames are counted by the audio context. _Blocked_: the page’s main thread is busy for ${BLOCK_MS} ms, again and again, with 60 ms between.`,
      table(
        ['from … to', 'p50 / p95 / most, ms', 'n'],
        [
          rows('**decision → first silent render quantum**', free),
          rows('**… main thread blocked**', blocked),
          rows('a gain ramp of two seconds: decision → −20 dB', ramp.to20Ms),
          rows('… main thread blocked', blockedRamp.to20Ms),
          rows('… decision → −40 dB', ramp.to40Ms),
          rows('… main thread blocked', blockedRamp.to40Ms),
          rows(
            'acoustic onset → decision, by the microphone’s energy',
            detectionsMs(seen.interrupted.heard).slice(-wanted),
          ),
          rows(
            'acoustic onset → decision, by the detector’s own account',
            seen.interrupted.pauses.map(({ detectMs }) => detectMs),
          ),
          rows('acoustic onset → the provider is told (cancel or truncate)', seen.toldMs),
          rows('end of turn → answer leaves the relay, model at once', sent(seen.answered, 'B')),
          rows('end of turn → first audible sample, model at once', ears(seen.answered)),
          rows(`end of turn → reflex told to play, model after ${SLOW_MODEL_MS} ms`, sent(seen.waited, 'A')),
          rows(`end of turn → first audible sample, model after ${SLOW_MODEL_MS} ms`, ears(seen.waited)),
        ],
      ),
      'The agent is silent in the page at the decision; the provider is told when it is clear that the sound was meant as an interruption (INTERRUPT_DECISION_MS after its onset, or by its words).',
      `\`\`\`\n${seen.lines.join('\n')}\n\`\`\``,
    ],
    targets: [
      judge('decision → silence, p95', percentile(free, 0.95), 25, { unit: ' ms' }),
      judge('… main thread blocked, p95', percentile(blocked, 0.95), 25, { unit: ' ms' }),
    ],
    plots: [],
    notMeasured: [
      'The device’s own lateness (`outputLatency`) and microphones, rooms and loudspeakers that are real; other browsers than Chromium.',
      'The gain ramp is a page of our own that does as its source does, not the product itself.',
    ],
    json: { ...seen.json, ramp, blockedRamp },
  };
};
