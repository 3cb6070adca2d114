/**
 * From the committed end of a turn to the first sound at the page: people in growing numbers talk to the emulator with its own latency set
 * to 0, 300 and 800 ms. The relay's own share is taken apart with a provider that stamps what it sends.
 */
import path from 'node:path';
import { ADMIN, widenLimits } from '../load/limits.ts';
import { percentile } from '../load/percentile.ts';
import { startEmulatorProcess, startRelayProcess } from '../load/processes.ts';
import type { Panel } from '../soak/plot.ts';
import { sleep, startChild, watchProcessor, type Child } from './child.ts';
import type { CrowdOrder, CrowdSeen } from './crowd-load.ts';
import type { Seen } from './hop-load.ts';
import { EXCHANGE_MS as CYCLE_MS, setHopStage } from './hop-stage.ts';
import { figure, judge, spread, table, type Part, type PartContext } from './part.ts';

const DIST = path.resolve(import.meta.dirname, '../../dist');
const LATENCIES = [0, 300, 800];
/** So many questions a second in all, so that the emulator's ear is not what is waited for. */
const QUESTIONS_A_SECOND = 8;
/** A question and its answer, about. */
const EXCHANGE_MS = 6_000;
const SETTLE_MS = 2_500;
/** Of those who are connected to the provider that stamps, so many talk at a time. */
const TALKING_SHARE = 0.25;

interface Cell extends CrowdSeen {
  sessions: number;
  latencyMs: number;
  cores: Record<string, number>;
}
interface Share {
  sessions: number;
  mode: 'strict' | 'lenient';
  /** All turns end in the same 20 ms. */
  isAtOnce: boolean;
  shareMs: number[];
  relayCores: number;
}

async function cells(
  { isQuick, progress }: PartContext,
  sizes: readonly number[],
  closers: (() => unknown)[],
): Promise<Cell[]> {
  const emulator = await startEmulatorProcess(DIST, { 'created-ms': 0, 'first-audio-ms': 0 });
  closers.push(() => emulator.stop());
  const needed = { OPENAI_API_KEY: 'sk-for-the-bench', OPENAI_BASE_URL: emulator.url, ADMIN_TOKEN: ADMIN };
  const relay = await startRelayProcess(DIST, needed);
  closers.push(() => relay.stop());
  await widenLimits(relay.origin, 2_000);
  const load: Child<CrowdOrder, unknown> = await startChild('figures/crowd-load');
  closers.push(() => load.stop());
  const found: Cell[] = [];
  for (const sessions of sizes) {
    const pause = Math.max(500, (sessions / QUESTIONS_A_SECOND) * 1_000 - EXCHANGE_MS);
    const pauseMs = [pause * 0.5, pause * 1.5] as const;
    for (const latencyMs of LATENCIES) {
      await fetch(new URL('/emulator/faults', emulator.url), {
        method: 'POST',
        body: JSON.stringify({ 'first-audio-ms': latencyMs }),
      });
      // Others than before: a conversation learns how slow its model is.
      await load.ask({ do: 'gather', origin: relay.origin, sessions, pauseMs });
      await sleep(isQuick ? 1_000 : SETTLE_MS);
      await load.ask({ do: 'take' });
      const processor = watchProcessor({ relay: relay.pid, emulator: emulator.pid, load: load.pid });
      await sleep(isQuick ? 6_000 : sessions === 1 ? 15_000 : 11_000);
      const seen = await load.ask<CrowdSeen>({ do: 'take' });
      found.push({ ...seen, sessions, latencyMs, cores: processor() });
      progress(
        `${sessions} sessions, ${latencyMs} ms: first sound p50 / p95 ${spread(seen.figures.firstByteMs, [0.5, 0.95], 0)} ms`,
      );
      await load.ask({ do: 'leave' });
    }
  }
  return found;
}

/** @param atOnceToo - With so many sessions also what comes of it when all turns end together. */
async function shares(
  { isQuick, progress }: PartContext,
  sizes: readonly number[],
  atOnceToo: number,
): Promise<Share[]> {
  const stage = await setHopStage();
  try {
    const found: Share[] = [];
    for (const mode of ['strict', 'lenient'] as const) {
      const how = { isTls: true, isAhead: true, env: { POLICY_MODE: mode } };
      const { name, kind, url, origin, pid } = await stage.relay(mode, how);
      for (const sessions of sizes) {
        const talking = Math.max(1, Math.round(sessions * TALKING_SHARE));
        const idle = { name: `${mode}, idle`, kind, url, origin };
        await stage.load.ask({ do: 'connect', target: idle, sessions: sessions - talking });
        await stage.load.ask({ do: 'connect', target: { name, kind, url, origin }, sessions: talking });
        for (const isAtOnce of sessions === atOnceToo ? [false, true] : [false]) {
          await stage.load.ask({ do: 'talk', name, isTalking: true, ...(!isAtOnce && { overMs: CYCLE_MS }) });
          await sleep(isQuick ? 1_500 : 3_000);
          await stage.take();
          const processor = watchProcessor({ relay: pid });
          await sleep(isQuick ? 6_000 : sessions === 1 ? 12_000 : 10_000);
          const { load }: { load: Seen } = await stage.take();
          const shareMs = load.shareUs.map((us) => us / 1000);
          found.push({ sessions, mode, isAtOnce, shareMs, relayCores: processor()['relay'] ?? Number.NaN });
          progress(
            `${mode}, ${sessions} sessions${isAtOnce ? ' at once' : ''}: the relay’s own share p50 / p95 ${spread(shareMs, [0.5, 0.95])} ms`,
          );
          await stage.load.ask({ do: 'talk', name, isTalking: false });
          // The answers under way end, and the provider rests.
          await sleep(4_000);
        }
      }
      for (const group of [name, `${mode}, idle`]) await stage.load.ask({ do: 'leave', name: group });
    }
    return found;
  } finally {
    await stage.close();
  }
}

function panel(title: string, found: readonly Cell[], of: (cell: Cell) => number): Panel {
  const series = LATENCIES.map((latencyMs) => ({
    name: `model after ${latencyMs} ms`,
    points: found.filter((cell) => cell.latencyMs === latencyMs).map((cell) => [cell.sessions, of(cell)] as const),
  }));
  return { title, unit: 'ms', series };
}

export const firstByte: Part = async (context) => {
  const sizes = context.isQuick ? [1, 20] : [1, 50, 100, 200];
  const closers: (() => unknown)[] = [];
  const found: Cell[] = [];
  try {
    found.push(...(await cells(context, sizes, closers)));
  } finally {
    for (const close of closers.reverse()) await close();
  }
  const aim = context.isQuick ? 20 : 100;
  const own = await shares(context, sizes, aim);
  const overall =
    found.find(({ sessions, latencyMs }) => sessions === aim && latencyMs === 0)?.figures.firstByteMs ?? [];
  const ownAtAim = (wanted: Share['mode']) =>
    own.find(({ sessions, mode, isAtOnce }) => sessions === aim && mode === wanted && !isAtOnce)?.shareMs ?? [];
  const at = [0.5, 0.95];
  return {
    markdown: [
      `Recorded questions to the emulator, whose own latency is set; about ${QUESTIONS_A_SECOND} questions a second in all, everybody’s microphone is open. From \`turn.started\` (the committed end of the turn, at the page) to the first sound that a page would play: a clip of lane A, or the answer (B); clips are in the page already and are played on a message.`,
      table(
        [
          ...['sessions', 'model after, ms', 'first sound p50 / p95, ms', 'lane A', 'lane B', 'B leaves the relay'],
          ...['turns', 'relay, cores', 'emulator', 'load'],
        ],
        found.map(({ sessions, latencyMs, figures, cores }) => [
          ...[sessions, latencyMs, spread(figures.firstByteMs, at, 0), spread(figures.reflexMs, at, 0)],
          ...[spread(figures.answerMs, at, 0), spread(figures.sentMs, at, 0), figures.firstByteMs.length],
          ...['relay', 'emulator', 'load'].map((name) => figure(cores[name] ?? Number.NaN, 2)),
        ]),
      ),
      `**The relay’s own share**: from the provider’s \`committed\` to the request for an answer, and from the answer’s first sound to its arrival at the page. A provider that stamps what it sends answers at once, TLS above; a quarter of the sessions talk at any moment, and their turns end one after the other, evenly over the time from one turn to the next. _At once_: all of them within the same 20 ms, again and again, which no crowd of people does. With a strict policy, as shipped, the first sound also waits for a verdict on its words, which is asked of the provider’s moderation (here: answered at once); with a lenient one nothing waits.`,
      table(
        ['policy, sessions', 'own share p50 / p95, ms', 'answers', 'relay, cores'],
        own.map(({ sessions, mode, isAtOnce, shareMs, relayCores }) => [
          ...[
            `${mode}, ${sessions}${isAtOnce ? `, ${Math.round(sessions * TALKING_SHARE)} turns end at once` : ''}`,
            spread(shareMs, at),
            shareMs.length,
            figure(relayCores, 2),
          ],
        ]),
      ),
    ],
    targets: [
      judge(`first sound, model at once, ${aim} sessions, p95`, percentile(overall, 0.95), 400, {
        unit: ' ms',
        digits: 0,
      }),
      judge(`the relay’s own share of it, ${aim} sessions, p95`, percentile(ownAtAim('lenient'), 0.95), 20, {
        unit: ' ms',
      }),
      judge('… with the wait for a verdict (strict policy)', percentile(ownAtAim('strict'), 0.95), 20, { unit: ' ms' }),
    ],
    plots: [
      {
        ...{ file: 'first-byte.svg', alt: 'First sound by sessions', xUnit: 'sessions' },
        panels: [
          panel('first sound, p50', found, ({ figures }) => percentile(figures.firstByteMs, 0.5)),
          panel('first sound, p95', found, ({ figures }) => percentile(figures.firstByteMs, 0.95)),
        ],
      },
    ],
    notMeasured: [
      'A real provider: its own time is the emulator’s setting, and its end-of-turn detection is not in the figures.',
      'The page’s own time from a frame’s arrival to the loudspeaker, in the tables by sessions; in Chromium, with one page, it is in the part on barge-in.',
    ],
    json: { found, own },
  };
};
