/** A whole relay that reports: its last error leaves before the process does, and conversations are traced. */
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { processIo, run } from '../run.ts';
import { startReceiver, type Receiver } from './testing/receiver.ts';

let dir: string;
let receiver: Receiver;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-crash-'));
  receiver = await startReceiver();
});
afterEach(async () => {
  await receiver.close();
  rmSync(dir, { recursive: true });
});

async function startedRelay(env: Record<string, string> = {}) {
  const events = new EventEmitter<{ exit: [number, number]; started: [string] }>();
  const relay = { crash: (_error: unknown): void => undefined, stop: (): void => undefined };
  const started = once(events, 'started');
  const code = run({
    ...processIo,
    env: { PORT: '0', HOST: '127.0.0.1', DATA_DIR: dir, LOG_LEVEL: 'silent', SENTRY_DSN: receiver.dsn, ...env },
    ...{ print: () => undefined, complain: () => undefined, staticRoot: dir },
    onSignal(listener) {
      relay.stop = listener;
      return () => undefined;
    },
    onCrash(listener) {
      relay.crash = listener;
      return () => undefined;
    },
    exit: (exit) => events.emit('exit', exit, receiver.items.length),
    onStarted: ({ port }) => events.emit('started', `http://127.0.0.1:${port}`),
  });
  const [url] = (await started) as [string];
  return { relay, events, url, code };
}

it('reports what a relay crashed by, and ends only then', async () => {
  const { relay, events, code } = await startedRelay();
  const exited = once(events, 'exit');
  relay.crash(new Error('nobody caught this'));
  // With code 1, when one report had come.
  expect(await exited).toEqual([1, 1]);
  expect(receiver.items[0]).toMatchObject({ type: 'event', body: { tags: { event: 'relay crashed' } } });
  relay.stop();
  expect(await code).toBe(0);
});

it('sends the spans of the share of conversations that is asked for', async () => {
  const { relay, url, code } = await startedRelay({ SENTRY_TRACES_SAMPLE_RATE: '1' });
  const answer = await fetch(`${url}/api/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
    body: JSON.stringify({ tenant: 'pk_demo' }),
  });
  const { token } = (await answer.json()) as { token: string };
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, ['vjj.1', `token.${token}`], { origin: url });
  await once(socket, 'message');
  relay.stop();
  expect(await code).toBe(0);
  const sent = JSON.stringify(await receiver.arrived('span'));
  expect(sent).toMatch(/"name":"session"/);
  expect(sent).toMatch(/"vjj\.session":\{"value":"ses_/);
  expect(receiver.text).not.toContain(token);
});
