/**
 * Places that are taken for a while: each is forgotten unless its holder says in time that it
 * still lives, so that a process that died leaves none taken. Time comes in as milliseconds.
 */

/** A place that nobody renewed for this long is free again, in milliseconds. */
export const LEASE_TTL_MS = 30_000;

export interface LeaseBook {
  /** @returns undefined when all `max` places of `key` are taken. */
  take(key: string, max: number, now: number): symbol | undefined;
  /** Its holder lives; one that was thought dead has its place again. */
  renew(key: string, place: symbol, now: number): void;
  giveBack(key: string, place: symbol): void;
  taken(key: string, now: number): number;
}

export function createLeaseBook(): LeaseBook {
  const keys = new Map<string, Map<symbol, number>>();

  function living(key: string, now: number): Map<symbol, number> {
    const places = keys.get(key) ?? new Map<symbol, number>();
    for (const [place, until] of places) if (until <= now) places.delete(place);
    if (places.size === 0) keys.delete(key);
    return places;
  }

  function put(key: string, places: Map<symbol, number>, place: symbol, now: number): void {
    places.set(place, now + LEASE_TTL_MS);
    keys.set(key, places);
  }

  return {
    take(key, max, now) {
      const places = living(key, now);
      if (places.size >= max) return undefined;
      const place = Symbol(key);
      put(key, places, place, now);
      return place;
    },
    renew: (key, place, now) => put(key, living(key, now), place, now),
    giveBack(key, place) {
      const places = keys.get(key);
      places?.delete(place);
      if (places?.size === 0) keys.delete(key);
    },
    taken: (key, now) => living(key, now).size,
  };
}
