/**
 * How an instance knows that a request was passed on by a fellow instance, and from whose address it
 * came: one header, signed with a key that all instances derive from MASTER_KEY, for this request,
 * this instance and half a minute. Whatever a stranger writes there is not believed.
 */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

export const FELLOW_HEADER = 'x-vjj-passed-on';
/** Clocks of instances differ by less, in milliseconds. */
const LIFE_MS = 30_000;
const LONGEST = 512;

/** What of a request the signature is for: the same header on another one is worth nothing. */
export interface PassedRequest {
  /** The conversation it asks for. */
  session: string;
  /** The instance it is sent to. */
  to: string;
  /** `Sec-WebSocket-Key`: another one for each request. */
  key: string;
}

export interface FellowHeader {
  /** @param address - The caller's. */
  sign(request: PassedRequest, address: string): string;
  /** @returns the caller's address; undefined unless a fellow instance signed it, for this, just now. */
  read(header: string, request: PassedRequest): string | undefined;
}

/** @param masterKeys - The newest first, separated by commas; any of them is believed. */
export function createFellowHeader(masterKeys: string, wallNow: () => number): FellowHeader {
  const keys = masterKeys
    .split(',')
    .map((text) =>
      Buffer.from(hkdfSync('sha256', text.trim(), 'voice-jib-jab', 'passed on between instances, v1', 32)),
    );
  const signature = (key: Buffer, at: string, address: string, { session, to, key: nonce }: PassedRequest) =>
    createHmac('sha256', key)
      .update([at, address, session, to, nonce].map((part) => `${part.length}:${part}`).join(''))
      .digest();
  return {
    sign(request, address) {
      const at = String(Math.floor(wallNow()));
      return `v1 ${at} ${address} ${signature(keys[0] ?? Buffer.alloc(0), at, address, request).toString('base64url')}`;
    },
    read(header, request) {
      if (header.length > LONGEST) return undefined;
      const [version, at = '', address = '', signed = '', more] = header.split(' ');
      if (version !== 'v1' || more !== undefined || !/^\d{1,15}$/.test(at) || isIP(address) === 0) return undefined;
      if (Math.abs(wallNow() - Number(at)) > LIFE_MS) return undefined;
      const given = Buffer.from(signed, 'base64url');
      const isOurs = keys.some((key) => {
        const right = signature(key, at, address, request);
        return given.length === right.length && timingSafeEqual(given, right);
      });
      return isOurs ? address : undefined;
    },
  };
}

/** Whether a request says that it was passed on, truly or not: such a one goes no further. */
export const isPassedOn = ({ headers }: Pick<IncomingMessage, 'headers'>): boolean => FELLOW_HEADER in headers;
