/**
 * An instance says in the store that it lives: where it is reached, whether it stops, how many
 * conversations it has. By that its conversations stay resumable, and an operator sees who is there.
 * Looks after what the dead left, too. Decides nothing.
 */
import type { Clock } from '../clock.ts';
import type { InstanceRow, Instances } from '../store/checkpoints.ts';
import { BEAT_MS } from './keeper.ts';

/** An instance that was silent for so long is listed no more, in milliseconds. */
const FORGET_MS = 10 * 60_000;

export interface InstanceBeat {
  /** Says it now, and from then on every {@link BEAT_MS}. */
  start(): Promise<void>;
  /** Says it now. */
  beat(): Promise<void>;
  /** Takes itself off the list. */
  stop(): Promise<void>;
}

export function createInstanceBeat(options: {
  instances: Instances;
  clock: Clock;
  /** As it is now. */
  self: () => Omit<InstanceRow, 'seenAt'>;
  /** Done after every beat. */
  sweep: () => Promise<void>;
  onProblem: (error: unknown) => void;
}): InstanceBeat {
  const { instances, clock } = options;
  let cancel = () => undefined as void;
  let isStopped = false;
  let saying: Promise<void> = Promise.resolve();

  async function say(): Promise<void> {
    try {
      const now = clock.wallNow();
      await instances.seen({ ...options.self(), seenAt: now });
      for (const { id, seenAt } of await instances.list()) if (now - seenAt > FORGET_MS) await instances.remove(id);
    } catch (error) {
      options.onProblem(error);
    }
    await options.sweep();
  }
  /** One after the other, so that an older word never replaces a newer one. */
  const beat = () => (saying = saying.then(() => (isStopped ? undefined : say())));
  const later = () => {
    cancel = clock.wakeAt(clock.now() + BEAT_MS, () => void beat().then(() => isStopped || later()));
  };

  return {
    async start() {
      await beat();
      if (!isStopped) later();
    },
    beat,
    async stop() {
      isStopped = true;
      cancel();
      await saying;
      await instances.remove(options.self().id).catch(options.onProblem);
    },
  };
}
