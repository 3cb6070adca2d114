/** A bare WebSocket proxy, in a process of its own: the least that a relay could do. `node ws-proxy.mjs UPSTREAM` */
import { WebSocket, WebSocketServer } from 'ws';

const upstreamUrl = process.argv[2];
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
server.on('listening', () => console.log(`port ${server.address().port}`));
server.on('connection', (down) => {
  const up = new WebSocket(upstreamUrl, { perMessageDeflate: false });
  const early = [];
  up.on('open', () => {
    for (const [data, binary] of early.splice(0)) up.send(data, { binary });
  });
  down.on('message', (data, binary) =>
    up.readyState === WebSocket.OPEN ? up.send(data, { binary }) : early.push([data, binary]),
  );
  up.on('message', (data, binary) => down.send(data, { binary }));
  down.on('close', () => up.close());
  up.on('close', () => down.close());
  up.on('error', () => down.close());
});
