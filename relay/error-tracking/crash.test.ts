/** The last error of a process is the one to know of: it leaves before the process does. */
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { processIo, run } from '../run.ts';
import { startReceiver } from './testing/receiver.ts';

it('reports what a relay crashed by, and ends only then', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'vjj-crash-'));
  const receiver = await startReceiver();
  let crash: (error: unknown) => void = () => undefined;
  let stop = () => undefined as void;
  const exits = new EventEmitter<{ exit: [number, number]; started: [] }>();
  const exited = once(exits, 'exit');
  const started = once(exits, 'started');
  const code = run({
    ...processIo,
    env: { PORT: '0', HOST: '127.0.0.1', DATA_DIR: dir, LOG_LEVEL: 'silent', SENTRY_DSN: receiver.dsn },
    ...{ print: () => undefined, complain: () => undefined, staticRoot: dir },
    onSignal(listener) {
      stop = listener;
      return () => undefined;
    },
    onCrash(listener) {
      crash = listener;
      return () => undefined;
    },
    exit: (exit) => exits.emit('exit', exit, receiver.items.length),
    onStarted: () => exits.emit('started'),
  });
  await started;
  crash(new Error('nobody caught this'));
  // With code 1, when one report had come.
  expect(await exited).toEqual([1, 1]);
  expect(receiver.items[0]).toMatchObject({ type: 'event', body: { tags: { event: 'relay crashed' } } });
  stop();
  expect(await code).toBe(0);
  await receiver.close();
  rmSync(dir, { recursive: true });
});
