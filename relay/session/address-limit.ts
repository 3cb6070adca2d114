/**
 * How many handshakes an address may begin, before any cryptography is spent on it: one token
 * bucket for each /24 (IPv4) or /64 (IPv6). Knows no tenants; memory is bounded by forgetting
 * the address that was quiet the longest.
 */
import { isIP } from 'node:net';
import type { Clock } from '../clock.ts';

/** Addresses remembered at most. */
const MOST_BUCKETS = 10_000;

export interface AddressLimitOptions {
  /** Handshakes a window. */
  max: number;
  windowMs: number;
}

export interface AddressLimit {
  /** Takes one token: 0 when there was one, else the milliseconds until there is. */
  take(address: string): number;
}

/** The network that shares a bucket: a neighbour's address is too cheap to count alone. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  switch (isIP(plain)) {
    case 4:
      return plain.split('.').slice(0, 3).join('.');
    case 6:
      return groupsOf(plain).slice(0, 4).join(':');
    default:
      return plain;
  }
}

/** All eight groups of an IPv6 address, `::` spelled out. */
function groupsOf(address: string): string[] {
  const [left = '', right] = address.toLowerCase().split('::');
  const head = left === '' ? [] : left.split(':');
  if (right === undefined) return head;
  const tail = right === '' ? [] : right.split(':');
  const missing = Math.max(0, 8 - head.length - tail.length);
  return [...head, ...Array<string>(missing).fill('0'), ...tail];
}

export function createAddressLimit(clock: Clock, { max, windowMs }: AddressLimitOptions): AddressLimit {
  // Insertion order is order of use: the first key is the one quiet the longest.
  const buckets = new Map<string, { tokens: number; at: number }>();
  const perMs = max / windowMs;
  return {
    take(address) {
      const network = networkOf(address);
      const now = clock.now();
      const bucket = buckets.get(network) ?? { tokens: max, at: now };
      const tokens = Math.min(max, bucket.tokens + (now - bucket.at) * perMs);
      buckets.delete(network);
      buckets.set(network, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
      if (buckets.size > MOST_BUCKETS) {
        const oldest = buckets.keys().next().value;
        if (oldest !== undefined) buckets.delete(oldest);
      }
      return tokens >= 1 ? 0 : (1 - tokens) / perMs;
    },
  };
}
