/**
 * Which addresses this relay dials for others: public ones, and networks that the operator opened
 * by name. Knows no names and no sockets.
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export type AddressVerdict =
  /** Anyone may have it dialled. */
  | 'public'
  /** Within a network that the operator opened. */
  | 'opened'
  | 'refused';

/** @returns the verdict on one address as text; what is no address is refused. */
export type AddressGuard = (address: string) => AddressVerdict;

// Addresses that carry an IPv4 one in their last bits; the library counts them as public.
const COMPATIBLE = ipaddr.parseCIDR('::/96');

/**
 * @param opened - Networks as `address/bits`.
 * @throws when one of them is none.
 */
export function createAddressGuard(opened: readonly string[]): AddressGuard {
  const networks = opened.map((network) => ipaddr.parseCIDR(network));
  return (address) => {
    // Node's reading of an address is the narrow one: no octal, no short forms.
    if (isIP(address) === 0) return 'refused';
    // An IPv4 address in IPv6 clothes is judged as what it is.
    const plain = ipaddr.process(address);
    if (networks.some((network) => isWithin(plain, network))) return 'opened';
    return plain.range() === 'unicast' && !isWithin(plain, COMPATIBLE) ? 'public' : 'refused';
  };
}

function isWithin(
  address: ReturnType<typeof ipaddr.process>,
  [network, bits]: ReturnType<typeof ipaddr.parseCIDR>,
): boolean {
  return address.kind() === network.kind() && address.match(network, bits);
}
