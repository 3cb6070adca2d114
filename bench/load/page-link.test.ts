/** A page's connection against a door that takes its time between the open socket and its greeting. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { decodeAudioFrame, encodeAudioFrame } from '#wire';
import { createPageLink, type PageLink } from './page-link.ts';

const SECRET = 's'.repeat(43);
const hello = {
  ...{ session: 'ses_1', epoch: 1, assistant: { name: 'Jib', locale: 'en' }, leadMs: 400, longestSessionMs: 60_000 },
  ...{ tokenExpiresInMs: 60_000, knobs: { echoLevelDb: -45, echoGuardMs: 3_000, transitionGapMs: 10 } },
  resume: { secret: SECRET, windowMs: 60_000 },
};
const room = () =>
  Buffer.from(encodeAudioFrame({ epoch: 0, seq: 0, lane: 'mic', flags: 0, samples: new Int16Array(480) }));

let door: WebSocketServer;
let link: PageLink;
/** Numbers of the frames and types of the messages, as they came. */
let came: (number | string)[];

beforeEach(async () => {
  came = [];
  door = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'vjj.1' });
  await once(door, 'listening');
  const url = `ws://127.0.0.1:${(door.address() as AddressInfo).port}/ws`;
  link = createPageLink({ url, origin: 'https://a.example', onMessage() {}, onFrame() {}, onEnd() {} });
});
afterEach(() => {
  link.cut();
  door.close();
});

async function opening(): Promise<{ socket: WebSocket; opened: Promise<string> }> {
  const opened = link.open('token', 1);
  const [socket] = (await once(door, 'connection')) as [WebSocket];
  socket.on('message', (data: Buffer, isBinary) => {
    const read = isBinary ? decodeAudioFrame(new Uint8Array(data)) : null;
    came.push(read?.ok ? read.frame.seq : (JSON.parse(data.toString()) as { type: string }).type);
  });
  return { socket, opened };
}

describe('a connection that is open and not yet greeted', () => {
  it('carries nothing counted: what was said meanwhile follows the greeting, once and in order', async () => {
    const first = await opening();
    first.socket.send(JSON.stringify({ type: 'session.created', ...hello }));
    expect(await first.opened).toBe('created');
    link.frame(room());
    link.frame(room());
    await expect.poll(() => came).toEqual([0, 1]);
    link.cut();
    link.frame(room());

    const second = await opening();
    await expect.poll(() => link.isOpen).toBe(true);
    link.frame(room());
    link.send({ type: 'user.interrupt' });
    const greeting = { kept: 'all', received: { messages: 0, frames: 2 } };
    second.socket.send(JSON.stringify({ type: 'session.resumed', ...hello, ...greeting }));
    expect(await second.opened).toBe('all');
    link.frame(room());
    await expect.poll(() => came.slice(2)).toEqual(['user.interrupt', 2, 3, 4]);
  });
});
