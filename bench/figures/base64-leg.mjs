/**
 * A shell around a WebSocket: sound goes over it as base64 in JSON, as others send it, and whoever uses the socket sees binary frames as before.
 * `node --import base64-leg.mjs main.js` puts it around every socket that a server accepts; nothing else of the program differs.
 */
import { isMainThread } from 'node:worker_threads';
import { WebSocket } from 'ws';

const HEADER_BYTES = 8;
const PREFIX = Buffer.from('{"type":"audio"');

function toText(data) {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return JSON.stringify({
    type: 'audio',
    epoch: bytes.readUInt32BE(0),
    seq: bytes.readUInt16BE(4),
    lane: bytes[6],
    flags: bytes[7],
    audio: bytes.toString('base64', HEADER_BYTES),
  });
}

function toFrame(text) {
  const { epoch, seq, lane, flags, audio } = JSON.parse(text.toString());
  const sound = Buffer.from(audio, 'base64');
  const frame = Buffer.allocUnsafeSlow(HEADER_BYTES + sound.length);
  frame.writeUInt32BE(epoch, 0);
  frame.writeUInt16BE(seq, 4);
  frame[6] = lane;
  frame[7] = flags;
  sound.copy(frame, HEADER_BYTES);
  return frame;
}

/** Puts the shell around `target`, a socket or what all sockets inherit from; `applies` says to which. */
export function wrap(target, applies = () => true) {
  const { send, emit } = WebSocket.prototype;
  target.send = function (data, ...rest) {
    return send.call(this, applies(this) && data instanceof Uint8Array ? toText(data) : data, ...rest);
  };
  target.emit = function (name, data, isBinary, ...rest) {
    const isSound = name === 'message' && !isBinary && applies(this) && data.subarray(0, PREFIX.length).equals(PREFIX);
    return isSound ? emit.call(this, name, toFrame(data), true) : emit.call(this, name, data, isBinary, ...rest);
  };
  return target;
}

if (isMainThread && process.env.BENCH_BASE64_LEG === '1') wrap(WebSocket.prototype, (socket) => socket._isServer);
