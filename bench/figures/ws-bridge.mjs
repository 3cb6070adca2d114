/**
 * The least that a bridge between pages and the realtime protocol can do, in a process of its own: sound becomes base64 in JSON on its way
 * up and frames on its way down, and every turn is answered. No arbiter, no policy, no record, no limit. `node ws-bridge.mjs UPSTREAM`
 */
import { WebSocket, WebSocketServer } from 'ws';

const HEADER_BYTES = 8;
const upstreamUrl = process.argv[2];
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
server.on('listening', () => console.log(`port ${server.address().port}`));
server.on('connection', (down) => {
  const up = new WebSocket(`${upstreamUrl}v1/realtime?model=none`, { perMessageDeflate: false });
  down.on('message', (data) => {
    if (up.readyState !== WebSocket.OPEN) return;
    up.send(`{"type":"input_audio_buffer.append","audio":"${data.toString('base64', HEADER_BYTES)}"}`);
  });
  up.on('message', (data) => {
    const event = JSON.parse(data.toString());
    if (event.type === 'response.output_audio.delta') {
      const frame = Buffer.allocUnsafe(HEADER_BYTES + (event.delta.length / 4) * 3);
      frame.fill(0, 0, HEADER_BYTES);
      frame.write(event.delta, HEADER_BYTES, 'base64');
      down.send(frame);
    } else if (event.type === 'input_audio_buffer.committed') up.send('{"type":"response.create"}');
  });
  down.on('close', () => up.close());
  up.on('close', () => down.close());
  up.on('error', () => down.close());
});
