/**
 * What `vjj doctor` finds out about the machine and what the relay leans on. Each look is bounded in
 * time, changes nothing, and leaves a running relay alone. What it means is judged elsewhere.
 */
import { constants, existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { dialUpstream } from '../bridge/openai/socket.ts';
import { systemClock } from '../clock.ts';
import { scrub } from '../log.ts';
import type { ClockSighting, DiskFindings, PortFindings } from './doctor-judgements.ts';

const ANSWER_WITHIN_MS = 3_000;
const HANDSHAKE_WITHIN_MS = 15_000;

/** Dials the model as the relay does and waits for its first word. */
export function shakeHands(to: { apiKey: string; baseUrl: string; model: string }): Promise<{
  tookMs: number;
  failedBy: string | null;
}> {
  const from = performance.now();
  return new Promise((resolve) => {
    const end = (failedBy: string | null) => {
      clearTimeout(late);
      upstream.close();
      resolve({ tookMs: performance.now() - from, failedBy });
    };
    const late = setTimeout(end, HANDSHAKE_WITHIN_MS, 'no-answer');
    const upstream = dialUpstream(
      { ...to, clock: systemClock },
      {
        opened: () => undefined,
        unreadable: () => undefined,
        message(raw) {
          const said = raw as { type?: unknown; error?: { code?: unknown } };
          if (said.type === 'session.created') end(null);
          else if (said.type === 'error') end(typeof said.error?.code === 'string' ? scrub(said.error.code) : 'error');
        },
        closed: (code, reason, error) => end(error ?? (reason === '' ? `closed-${code}` : scrub(reason))),
      },
    );
  });
}

/** @returns whose clock it is and how far off, by the date that every answer over HTTP has; undefined without one. */
export async function dateOf(of: string, url: string): Promise<ClockSighting | undefined> {
  const from = Date.now();
  try {
    const response = await fetch(url, {
      ...{ method: 'HEAD', redirect: 'manual' },
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const till = Date.now();
    const theirs = Date.parse(response.headers.get('date') ?? '');
    if (Number.isNaN(theirs)) return undefined;
    // It tells whole seconds: half of one is added, and may be missing.
    return { of, skewMs: theirs + 500 - (from + till) / 2, marginMs: 500 + (till - from) / 2 };
  } catch {
    return undefined;
  }
}

/** What a server told of its clock with its answer. */
export function sighting(of: string, told: { theirs: number; ours: number; tookMs: number }): ClockSighting {
  return { of, skewMs: told.theirs - told.ours, marginMs: told.tookMs / 2 };
}

/** Writes a file of a few bytes and takes it away; a folder that is not there yet is not made. */
export async function lookAtDisk(dir: string): Promise<DiskFindings> {
  const isMade = existsSync(dir);
  let at = dir;
  while (!existsSync(at)) at = dirname(at);
  const { bavail, bsize, ffree, files } = await statfs(at);
  const failedBy = isMade ? writeIn(dir) : await access(at, constants.W_OK).then(() => null, codeOf);
  return { dir, isMade, failedBy, freeBytes: bavail * bsize, freeFiles: files === 0 ? null : ffree };
}

function writeIn(dir: string): string | null {
  const file = join(dir, `.doctor-${process.pid}`);
  if (!statSync(dir).isDirectory()) return 'ENOTDIR';
  try {
    writeFileSync(file, 'vjj doctor', { flag: 'wx' });
    return null;
  } catch (error) {
    return codeOf(error);
  } finally {
    rmSync(file, { force: true });
  }
}

/** Asks whoever holds the port what it is; only where nobody answers, it is taken for a moment. */
export async function lookAtPort(port: number, host: string | undefined): Promise<PortFindings> {
  if (port === 0) return { port, holder: null, failedBy: null };
  const near = host === undefined || host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  if (!(await answers(port, near))) return { port, holder: null, failedBy: await listenFor(port, host) };
  return { port, failedBy: null, holder: await whoAnswers(port, near) };
}

function answers(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host, timeout: ANSWER_WITHIN_MS });
    const end = (does: boolean) => {
      socket.destroy();
      resolve(does);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

async function whoAnswers(port: number, host: string): Promise<PortFindings['holder']> {
  try {
    const at = host.includes(':') ? `[${host}]` : host;
    const response = await fetch(`http://${at}:${port}/api/status`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    const told = (await response.json()) as {
      version?: unknown;
      instance?: unknown;
      uptimeS?: unknown;
      sessions?: unknown;
    };
    const { version, uptimeS, sessions } = told;
    if (typeof version !== 'string' || typeof uptimeS !== 'number' || typeof sessions !== 'number') return 'other';
    return { version: scrub(version), uptimeS, sessions };
  } catch {
    return 'other';
  }
}

function listenFor(port: number, host: string | undefined): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(codeOf(error)));
    server.listen({ port, ...(host !== undefined && { host }) }, () => server.close(() => resolve(null)));
  });
}

const codeOf = (error: unknown) => (error as { code?: string }).code ?? 'unknown reason';
