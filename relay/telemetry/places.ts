/**
 * Which tenants have a label of their own: a bounded number, first come, first served. A place that
 * nobody used for an hour is given to the next who comes; all others share one.
 */
import { OTHER } from './metric-table.ts';

const KEPT_MS = 3_600_000;

export interface Places {
  /** The tenant's label. */
  of(tenant: string, now: number): string;
}

/** @param onLeft - A label is no longer used: its figures are to be dropped. */
export function createPlaces(most: number, onLeft: (label: string) => void): Places {
  /** When each was used last, in that order. */
  const used = new Map<string, number>();
  return {
    of(tenant, now) {
      if (used.delete(tenant) || used.size < most) {
        used.set(tenant, now);
        return tenant;
      }
      const oldest = used.entries().next().value;
      if (oldest === undefined || now - oldest[1] < KEPT_MS) return OTHER;
      used.delete(oldest[0]);
      onLeft(oldest[0]);
      used.set(tenant, now);
      return tenant;
    },
  };
}
