/** Bytes as no library would send them: plain sockets, and frames laid out by hand. */
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import type { Target } from './under-attack.ts';

export interface Raw {
  socket: Socket;
  /** Everything that came. */
  readonly got: string;
  /** The bytes of {@link got}. */
  bytes(): Buffer;
  /** Resolves when the relay has closed: with the status of its HTTP answer, or `closed`. */
  readonly closed: Promise<string>;
  /** Resolves when `text` has come. */
  until(text: string): Promise<void>;
}

export async function raw({ port }: Pick<Target, 'port'>, first: string | Buffer = ''): Promise<Raw> {
  const socket = connect(port, '127.0.0.1');
  const pieces: Buffer[] = [];
  const got = () => Buffer.concat(pieces).toString('latin1');
  socket.on('data', (piece: Buffer) => void pieces.push(piece));
  socket.on('error', () => undefined);
  const closed = new Promise<string>((resolve) => {
    socket.once('close', () => {
      const status = /^HTTP\/1\.1 (\d{3})/.exec(got())?.[1];
      resolve(status === undefined ? 'closed' : `http ${status}`);
    });
  });
  await once(socket, 'connect');
  if (first.length > 0) socket.write(first);
  return {
    ...{ socket, closed },
    get got() {
      return got();
    },
    bytes: () => Buffer.concat(pieces),
    async until(text) {
      while (!got().includes(text) && !socket.destroyed) await Promise.race([once(socket, 'data'), closed]);
    },
  };
}

export const request = (path: string, headers: readonly string[], method = 'GET') =>
  `${method} ${path} HTTP/1.1\r\n${['Host: relay', ...headers].join('\r\n')}\r\n\r\n`;

const KEY = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
export const UPGRADE: readonly string[] = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  KEY,
];
/** An upgrade with a token, as a browser at that page sends it. */
export const upgradeWith = (token: string, origin: string) =>
  request('/ws', [...UPGRADE, `Origin: ${origin}`, `Sec-WebSocket-Protocol: vjj.1, token.${token}`]);

export interface FrameShape {
  /** 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong. */
  opcode: number;
  isFinal?: boolean;
  isMasked?: boolean;
  /** The reserved bits, 1 to 7; 4 says compressed. */
  reserved?: number;
  /** What the header claims, when it is not the truth. */
  claimed?: number | bigint;
}

/** One frame, masked with zeros, so that its bytes are the payload's. */
export function frame(payload: string | Buffer, shape: FrameShape): Buffer {
  const body = Buffer.from(payload);
  const { opcode, isFinal = true, isMasked = true, reserved = 0, claimed = body.length } = shape;
  const mask = isMasked ? 0x80 : 0;
  const first = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode;
  const size = BigInt(claimed);
  let head: Buffer;
  if (size < 126n) head = Buffer.from([first, mask | Number(size)]);
  else if (size < 65_536n) {
    head = Buffer.from([first, mask | 126, 0, 0]);
    head.writeUInt16BE(Number(size), 2);
  } else {
    head = Buffer.from([first, mask | 127, ...Buffer.alloc(8)]);
    head.writeBigUInt64BE(size, 2);
  }
  return Buffer.concat([head, isMasked ? Buffer.alloc(4) : Buffer.alloc(0), body]);
}

/** The code of the close frame that the relay sent, among all frames after its HTTP answer. */
export function closeCodeIn(bytes: Buffer): number | undefined {
  const start = bytes.indexOf('\r\n\r\n');
  let at = start === -1 ? bytes.length : start + 4;
  while (at + 2 <= bytes.length) {
    const opcode = (bytes[at] ?? 0) & 0x0f;
    let size = (bytes[at + 1] ?? 0) & 0x7f;
    at += 2;
    if (size === 126) {
      size = bytes.readUInt16BE(at);
      at += 2;
    } else if (size === 127) {
      size = Number(bytes.readBigUInt64BE(at));
      at += 8;
    }
    if (opcode === 8) return size >= 2 ? bytes.readUInt16BE(at) : 1005;
    at += size;
  }
  return undefined;
}
