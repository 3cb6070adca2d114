import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { blockList } from '../config-variables.ts';
import { addressKey, clientAddress } from './client-address.ts';

const trusted = blockList(['10.0.0.0/8', '127.0.0.1/32', 'fd00::/8']);
const request = (remoteAddress: string | undefined, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage;

describe('clientAddress', () => {
  it.each([
    ['a direct caller', '192.0.2.1', undefined, '192.0.2.1'],
    ['a direct caller in the notation of a dual socket', '::ffff:192.0.2.1', undefined, '192.0.2.1'],
    ['a stranger who writes the header himself', '192.0.2.1', '203.0.113.9', '192.0.2.1'],
    ['a caller behind a proxy', '10.1.1.1', '203.0.113.9', '203.0.113.9'],
    ['a caller behind two proxies', '127.0.0.1', '203.0.113.9, 10.2.2.2', '203.0.113.9'],
    ['a caller behind a proxy who wrote a header first', '10.1.1.1', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
    ['a proxy without a header', '10.1.1.1', undefined, '10.1.1.1'],
    ['a proxy with nonsense in it', '10.1.1.1', '203.0.113.9, unknown', '10.1.1.1'],
    ['an IPv6 proxy', 'fd00::1', '2001:db8::7', '2001:db8::7'],
    ['only proxies', '10.1.1.1', '10.3.3.3', '10.3.3.3'],
    ['a socket that is gone', undefined, '203.0.113.9', ''],
  ])('finds %s', (_name, remote, forwarded, found) => {
    expect(clientAddress(request(remote, forwarded), trusted)).toBe(found);
  });
});

describe('addressKey', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8::7', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::', 'fe80:0:0:0'],
    ['', ''],
  ])('counts %s as %s', (address, key) => expect(addressKey(address)).toBe(key));
});
