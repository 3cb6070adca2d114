/** People who talk, in a process of their own; told over IPC how many and what to give back. */
import { gatherCrowd, type Crowd } from '../load/crowd.ts';
import { seeded } from '../load/random.ts';
import { loadVoice } from '../load/speech-frames.ts';
import { createTally, type LaneWindow } from '../load/tally.ts';
import { fetchToken } from '../load/tokens.ts';

export type CrowdOrder =
  | { do: 'gather'; origin: string; sessions: number; pauseMs: readonly [number, number] }
  | { do: 'leave' }
  | { do: 'take' };
export interface CrowdSeen {
  figures: LaneWindow;
  counts: Record<string, number>;
  live: number;
}

const A_DAY_MS = 86_400_000;
const RAMP_MS = 25;
const voice = await loadVoice();
const tally = createTally();
let crowd: Crowd | null = null;
let gathered = 0;

async function obey(order: CrowdOrder): Promise<unknown> {
  switch (order.do) {
    case 'gather': {
      const { origin, sessions, pauseMs } = order;
      gathered += 1;
      crowd = gatherCrowd({
        ...{ url: `${origin.replace('http', 'ws')}/ws`, origin, voice, tally, habits: { pauseMs } },
        ...{ random: seeded(gathered), size: sessions, staying: sessions, stayMs: [A_DAY_MS, A_DAY_MS] },
        rampMs: sessions * RAMP_MS,
        token: (previous) => fetchToken(origin, { tenant: 'pk_demo', origin }, previous),
      });
      const until = performance.now() + sessions * RAMP_MS + 10_000;
      while (crowd.live < sessions && performance.now() < until) await new Promise((done) => setTimeout(done, 50));
      return {};
    }
    case 'leave':
      await crowd?.leave();
      crowd = null;
      return {};
    case 'take':
      return { figures: tally.take(), counts: { ...tally.counts }, live: crowd?.live ?? 0 } satisfies CrowdSeen;
    default:
      return order satisfies never;
  }
}

process.on('message', (order: CrowdOrder) => {
  obey(order).then(
    (answer) => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({});
