/** Who comes in and goes at once, in a process of its own: tokens first, then as many handshakes with them. Told over IPC. */
import { WebSocket } from 'ws';
import { fetchToken } from '../load/tokens.ts';

export interface HandshakeOrder {
  origin: string;
  count: number;
  atOnce: number;
}
export interface HandshakesSeen {
  tokensMs: number;
  tokenMs: number[];
  handshakesMs: number;
  handshakeMs: number[];
  failed: number;
}

/** @returns how long all took, and each; in milliseconds. */
async function crowd(count: number, atOnce: number, one: (index: number) => Promise<void>) {
  const each: number[] = [];
  let next = 0;
  const began = performance.now();
  const worker = async () => {
    for (let index = next++; index < count; index = next++) {
      const from = performance.now();
      await one(index);
      each.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { allMs: performance.now() - began, each };
}

/** From dialling to the first message, which says that the conversation exists. */
function handshake(origin: string, token: string): Promise<boolean> {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/ws`, ['vjj.1', `token.${token}`], {
    ...{ perMessageDeflate: false, origin },
  });
  return new Promise((resolve) => {
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary || !data.toString().startsWith('{"type":"session.created"')) return;
      socket.send('{"type":"session.end"}');
      resolve(true);
    });
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
  });
}

async function obey({ origin, count, atOnce }: HandshakeOrder): Promise<HandshakesSeen> {
  const tokens: string[] = [];
  const asked = await crowd(count, atOnce, async () => {
    tokens.push(await fetchToken(origin, { tenant: 'pk_demo', origin }));
  });
  let failed = 0;
  const shaken = await crowd(count, atOnce, async (index) => {
    if (!(await handshake(origin, tokens[index] ?? ''))) failed += 1;
  });
  return {
    ...{ tokensMs: asked.allMs, tokenMs: asked.each },
    ...{ handshakesMs: shaken.allMs, handshakeMs: shaken.each, failed },
  };
}

process.on('message', (order: HandshakeOrder) => {
  obey(order).then(
    (answer) => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({});
