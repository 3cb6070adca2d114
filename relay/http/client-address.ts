/**
 * Who is at the other end: the socket's address, or what trusted proxies say. A header that a
 * stranger wrote is never believed.
 */
import type { IncomingMessage } from 'node:http';
import { isIP, type BlockList } from 'node:net';

/** The address without the notations that make one address look like two. */
export function plainAddress(address: string): string {
  return address
    .trim()
    .replace(/^::ffff:(?=\d+\.)/i, '')
    .replace(/%.*$/, '');
}

/**
 * The address that limits are counted by, read from the right of X-Forwarded-For: each proxy adds
 * the peer it saw, so that entries are true as long as the one who wrote them is trusted.
 */
export function clientAddress(request: Pick<IncomingMessage, 'socket' | 'headers'>, trusted: BlockList): string {
  let address = plainAddress(request.socket.remoteAddress ?? '');
  const forwarded = [request.headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
  while (isTrusted(address, trusted)) {
    const next = plainAddress(forwarded.pop() ?? '');
    if (isIP(next) === 0) break;
    address = next;
  }
  return address;
}

function isTrusted(address: string, trusted: BlockList): boolean {
  const family = isIP(address);
  return family !== 0 && trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/** One household or machine of IPv6 has a /64 to itself: its addresses count together. */
export function addressKey(address: string): string {
  if (isIP(address) !== 6) return address;
  const [left = '', right] = address.toLowerCase().split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = right === undefined ? 0 : 8 - head.length - tail.length;
  return [...head, ...Array<string>(zeros).fill('0'), ...tail].slice(0, 4).join(':');
}
