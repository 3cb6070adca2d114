/**
 * The port for what one instance of the relay has to tell all others at once: that something in
 * the store has changed. A message may be lost; whoever listens also looks for itself now and then.
 */
export interface Broadcast {
  /** Resolves when the message is on its way; this instance's listeners hear it too. */
  publish(channel: string, message: string): Promise<void>;
  /** @returns what ends it. */
  subscribe(channel: string, listener: (message: string) => void): () => void;
}

/** Within one process. */
export function memoryBroadcast(): Broadcast {
  const channels = new Map<string, Set<(message: string) => void>>();
  return {
    publish(channel, message) {
      for (const listener of [...(channels.get(channel) ?? [])]) listener(message);
      return Promise.resolve();
    },
    subscribe(channel, listener) {
      // A function of its own each time, so that one listener may listen twice.
      const own = (message: string) => listener(message);
      const listeners = channels.get(channel) ?? new Set();
      channels.set(channel, listeners.add(own));
      return () => {
        listeners.delete(own);
        if (listeners.size === 0 && channels.get(channel) === listeners) channels.delete(channel);
      };
    },
  };
}
