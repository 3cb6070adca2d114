/** Waiting that can be given up. */

/** Resolves after `ms` milliseconds, or at once when the signal aborts; leaves no timer behind. */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}

/** The part of the page that knows of the network; where there is none it is taken to be there. */
export interface Network {
  navigator?: { readonly onLine?: boolean };
  addEventListener?(type: 'online', listener: () => void): void;
  removeEventListener?(type: 'online', listener: () => void): void;
}

/**
 * Resolves when it is worth dialling: after `ms`, and at once when the network comes back; where there is no network,
 * not before it does, or after `mostMs`.
 */
export async function untilDial(
  ms: number,
  mostMs: number,
  signal: AbortSignal,
  pause: typeof wait = wait,
  network: Network = globalThis,
): Promise<void> {
  const over = new AbortController();
  const go = () => over.abort();
  network.addEventListener?.('online', go);
  signal.addEventListener('abort', go);
  if (signal.aborted) go();
  await pause(network.navigator?.onLine === false ? mostMs : ms, over.signal);
  network.removeEventListener?.('online', go);
  signal.removeEventListener('abort', go);
}
