/**
 * What the relay adds to one frame of the user's sound, against a bare WebSocket proxy of the same
 * frames in the same run, alternating; and the relay's own share of the first byte of an answer.
 */
import { WebSocket } from 'ws';
import { percentile, row } from './percentiles.mjs';
import { startProxy, startRelay } from './processes.mjs';
import { startStopwatchProvider } from './stopwatch-provider.mjs';

const FRAME_SAMPLES = 480;
const FRAME_MS = 20;
const HEADER_BYTES = 8;

/** A frame whose first samples say which one it is; the rest is a soft tone, so that nothing treats it as silence. */
function frame(index, header) {
  const bytes = Buffer.alloc((header ? HEADER_BYTES : 0) + FRAME_SAMPLES * 2);
  const at = header ? HEADER_BYTES : 0;
  if (header) {
    bytes.writeUInt32BE(1, 0);
    bytes.writeUInt16BE(index & 0xffff, 4);
  }
  for (let i = 0; i < FRAME_SAMPLES; i++) bytes.writeInt16LE(Math.round(3000 * Math.sin(i / 7)), at + i * 2);
  bytes.writeInt16LE(12_345, at);
  bytes.writeInt16LE(index & 0x7fff, at + 2);
  return bytes;
}

async function token(origin) {
  const answer = await fetch(`${origin}/api/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify({ tenant: 'pk_demo' }),
  });
  if (!answer.ok) throw new Error(`no token: ${answer.status} ${await answer.text()}`);
  return (await answer.json()).token;
}

const opened = (socket) => new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));

/** Sends `count` frames at real-time pace, without drift. */
function talk(send, count) {
  const sent = [];
  const start = performance.now();
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      while (sent.length < count && performance.now() - start >= sent.length * FRAME_MS) {
        const index = sent.length;
        sent.push(performance.now());
        send(index);
      }
      if (sent.length >= count) {
        clearInterval(timer);
        resolve(sent);
      }
    }, 2);
  });
}

/** Connects to the relay as a widget does, and waits until the model is there. */
export async function connectRelay(origin) {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/ws`, ['vjj.1', `token.${await token(origin)}`], {
    origin,
    perMessageDeflate: false,
  });
  const listeners = new Set();
  socket.on('message', (data, binary) => {
    const now = performance.now();
    const message = binary ? { type: 'sound', bytes: data } : JSON.parse(data.toString());
    for (const listener of listeners) listener(message, now);
  });
  const until = (wanted) =>
    new Promise((resolve) => {
      const listener = (message, now) => {
        if (!wanted(message)) return;
        listeners.delete(listener);
        resolve({ message, now });
      };
      listeners.add(listener);
    });
  const up = until((message) => message.type === 'provider.changed' && message.up);
  await opened(socket);
  socket.send(JSON.stringify({ type: 'session.start', turn: 'auto' }));
  await up;
  return { socket, until };
}

export async function measureHop({ frames = 250, rounds = 3, turns = 40 } = {}) {
  let arrivals = new Map();
  const note = (bytes, now) => {
    for (let at = 0; at + FRAME_SAMPLES * 2 <= bytes.length; at += 2) {
      if (bytes.readInt16LE(at) !== 12_345) continue;
      const index = bytes.readInt16LE(at + 2);
      if (!arrivals.has(index)) arrivals.set(index, now);
      at += FRAME_SAMPLES * 2 - 2;
    }
  };
  const provider = await startStopwatchProvider({ onAppend: note });
  const plain = await (async () => {
    const { WebSocketServer } = await import('ws');
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
    await new Promise((resolve) => server.once('listening', resolve));
    server.on('connection', (socket) => socket.on('message', (data) => note(data, performance.now())));
    return server;
  })();
  const proxy = await startProxy(`ws://127.0.0.1:${plain.address().port}`);
  const relay = await startRelay({ OPENAI_API_KEY: 'sk-stopwatch', OPENAI_BASE_URL: provider.url });
  const added = { relay: [], proxy: [] };
  const shares = [];
  try {
    const { socket, until } = await connectRelay(relay.origin);
    const direct = new WebSocket(proxy.url, { perMessageDeflate: false });
    await opened(direct);
    for (let round = 0; round < rounds; round++) {
      for (const [name, send] of [
        ['proxy', (index) => direct.send(frame(index, false))],
        ['relay', (index) => socket.send(frame(index + round * frames, true))],
      ]) {
        arrivals = new Map();
        const base = name === 'relay' ? round * frames : 0;
        const sent = await talk(send, frames);
        await new Promise((resolve) => setImmediate(resolve));
        for (const [index, now] of arrivals) {
          const at = sent[index - (base & 0x7fff)];
          if (at !== undefined) added[name].push(now - at);
        }
      }
    }
    for (let turn = 0; turn < turns; turn++) {
      const first = until(
        (message) => message.type === 'sound' && message.bytes.readUInt32BE(0) > 0 && message.bytes[6] === 2,
      );
      const ended = until((message) => message.type === 'turn.ended');
      const speaking = until((message) => message.type === 'item.started' && message.lane === 'B');
      await provider.commit();
      const started = await speaking;
      const { now } = await first;
      const [times] = provider.times();
      shares.push(times.created - times.committed + (now - times.firstDelta));
      const { item, epoch } = started.message;
      socket.send(JSON.stringify({ type: 'playout', epoch, item, playedMs: 1000 }));
      socket.send(JSON.stringify({ type: 'playout.drained', epoch, item }));
      await ended;
    }
    socket.close();
    direct.close();
  } finally {
    await relay.close();
    await proxy.close();
    plain.close();
    await provider.close();
  }
  return {
    lines: [
      row('frame, widget → provider, through the relay', added.relay),
      row('frame, widget → provider, through a bare ws proxy', added.proxy),
      `${'relay ÷ proxy, p50'.padEnd(58)} ${(percentile(added.relay, 50) / percentile(added.proxy, 50)).toFixed(2)}`,
      row('relay’s share of the first byte, one session', shares),
    ],
    json: { relayFrameMs: added.relay, proxyFrameMs: added.proxy, firstByteShareMs: shares },
  };
}
