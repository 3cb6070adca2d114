/** Processes of a bench's own, told over IPC what to do, and what every process costs. Whoever starts one ends it, by its pid. */
import { execFileSync, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { lookAt } from '../soak/probe.ts';

const RUNNER = path.resolve(import.meta.dirname, '../../scripts/run-bench.mjs');
/** An order that takes longer has failed. */
const PATIENCE_MS = 180_000;

export interface Child<Order, First> {
  pid: number;
  /** What it said when it was ready. */
  first: First;
  ask<Answer>(order: Order): Promise<Answer>;
  stop(): Promise<void>;
}

/**
 * @param name - `figures/…`, a file of the bench without its ending.
 * @throws when it ends before it is ready.
 */
export async function startChild<Order, First = unknown>(
  name: string,
  args: readonly string[] = [],
): Promise<Child<Order, First>> {
  const child = fork(RUNNER, [name, ...args], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const next = () =>
    new Promise<unknown>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${name} does not answer`)), PATIENCE_MS);
      const onExit = () => reject(new Error(`${name} has ended`));
      child.once('exit', onExit);
      child.once('message', (message) => {
        clearTimeout(late);
        child.off('exit', onExit);
        resolve(message);
      });
    });
  const first = (await next()) as First;
  const { pid } = child;
  if (pid === undefined) throw new Error('a process without a number');
  return {
    ...{ pid, first },
    async ask<Answer>(order: Order) {
      const answer = next();
      child.send(order as object);
      const said = (await answer) as { answer?: Answer; error?: string };
      if (said.error !== undefined) throw new Error(`${name}: ${said.error}`);
      return (said.answer ?? said) as Answer;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await gone;
    },
  };
}

/** Processor time of some processes: cores each used since the last look. */
export function watchProcessor(pids: Readonly<Record<string, number>>): () => Record<string, number> {
  const look = () => Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, lookAt(pid).cpuS]));
  let before = look();
  let at = performance.now();
  return () => {
    const now = look();
    const spentS = (performance.now() - at) / 1000;
    const used = Object.fromEntries(
      Object.keys(now).map((name) => [name, ((now[name] ?? 0) - (before[name] ?? 0)) / spentS]),
    );
    before = now;
    at = performance.now();
    return used;
  };
}

export interface Certificate {
  key: string;
  certificate: string;
  remove(): void;
}

/**
 * A certificate that signs itself and is good for the loopback for two days; whoever is to trust it gets the file's name in `NODE_EXTRA_CA_CERTS`.
 *
 * @throws where there is no `openssl`.
 */
export function makeCertificate(): Certificate {
  const folder = mkdtempSync(path.join(tmpdir(), 'vjj-tls-'));
  const key = path.join(folder, 'key.pem');
  const certificate = path.join(folder, 'certificate.pem');
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ...['-keyout', key, '-out', certificate],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  return { key, certificate, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
