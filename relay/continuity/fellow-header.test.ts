/** What one instance believes of another, and of whoever says that he is one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFellowHeader, FELLOW_HEADER, isPassedOn } from './fellow-header.ts';

const NOW = 1_790_000_000_000;
const KEY = 'm'.repeat(44);
const request = { session: 'ses_1', to: 'ins_b', key: 'dGhlIHNhbXBsZSBub25jZQ==' };
const at = (now: number, keys = KEY) => createFellowHeader(keys, () => now);

describe('the word of a fellow instance', () => {
  it('is believed for the request that it is for, and for half a minute', () => {
    const header = at(NOW).sign(request, '203.0.113.7');
    expect(at(NOW + 30_000).read(header, request)).toBe('203.0.113.7');
    expect(at(NOW - 30_000).read(header, request)).toBe('203.0.113.7');
    expect(at(NOW + 30_001).read(header, request)).toBeUndefined();
    expect(at(NOW - 30_001).read(header, request)).toBeUndefined();
    expect(at(NOW).read(at(NOW).sign(request, '2001:db8::1'), request)).toBe('2001:db8::1');
  });

  it('is worth nothing on another request, for another conversation or at another instance', () => {
    const header = at(NOW).sign(request, '203.0.113.7');
    for (const other of [{ session: 'ses_2' }, { to: 'ins_c' }, { key: 'b3RoZXI=' }])
      expect(at(NOW).read(header, { ...request, ...other })).toBeUndefined();
    // Parts cannot be moved from one field to its neighbour.
    expect(at(NOW).read(header, { ...request, session: 'ses_1i', to: 'ns_b' })).toBeUndefined();
  });

  it('is believed while one key follows another, and not under a key of somebody else', () => {
    const next = 'n'.repeat(44);
    expect(at(NOW, `${next},${KEY}`).read(at(NOW).sign(request, '10.0.0.1'), request)).toBe('10.0.0.1');
    expect(at(NOW).read(at(NOW, next).sign(request, '10.0.0.1'), request)).toBeUndefined();
  });

  it('is never what a stranger writes, however near it comes', () => {
    const [version, time, address, signed] = at(NOW).sign(request, '203.0.113.7').split(' ');
    const wrong = [
      ...['', ' ', 'v1', 'v1   ', `v2 ${time} ${address} ${signed}`, `${version} ${time} ${address}`],
      ...[
        `${version} ${time} ${address} `,
        `${version} ${time} 198.51.100.1 ${signed}`,
        `v1 ${NOW + 1} ${address} ${signed}`,
      ],
      ...[
        `${version} ${time} ${address} ${signed} more`,
        `${version} x ${address} ${signed}`,
        `v1 ${time} host ${signed}`,
      ],
      ...[`${version} ${time} ${address} ${signed}`.padEnd(600, 'A'), `${version} -1 ${address} ${signed}`],
    ];
    for (const header of wrong) expect(at(NOW).read(header, request), header).toBeUndefined();
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(at(NOW).read(`v1 ${time} ${a} ${b}`, request)).toBeUndefined();
        expect(at(NOW).read(a, request)).toBeUndefined();
      }),
    );
  });

  it('ends the journey of a request, true or not', () => {
    expect(isPassedOn({ headers: { [FELLOW_HEADER]: 'anything' } })).toBe(true);
    expect(isPassedOn({ headers: { [FELLOW_HEADER]: '' } })).toBe(true);
    expect(isPassedOn({ headers: {} })).toBe(false);
  });
});
