/**
 * The port for what instances of the relay must agree on: how often, and how many at once. The
 * hot path (sound) never touches it. Adapters: memory (this process alone),
 * Redis.
 */
export interface SharedState {
  readonly kind: 'memory' | 'redis';
  /**
   * Counts one use of `key` in `bucket` and says whether it is within `max` per window.
   *
   * @param bucket - Names the limit; one bucket has one `max` and one window.
   */
  take(bucket: string, key: string, max: number, windowMs: number): Promise<Taken>;
  /**
   * Takes one of `max` places of `key`. It is kept while this process lives: half a minute after
   * a crash the place is free again.
   *
   * @returns undefined when all are taken; otherwise what gives the place back, safe to call twice.
   */
  lease(key: string, max: number): Promise<(() => void) | undefined>;
  /** Places of `key` that are taken. */
  leased(key: string): Promise<number>;
}

export interface Taken {
  isAllowed: boolean;
  /** Uses left in this window. */
  remaining: number;
  /** Milliseconds until the window ends. */
  resetMs: number;
}
