/**
 * Pages for scenarios: one is let in or not, holds a conversation in text, and hears as fast as it
 * gets. Nothing here waits for time to pass.
 */
import { WebSocket } from 'ws';
import { FLAG_LAST, samplesToMs, type RelayMessage } from '#wire';
import { openPage, type PageClient } from '../../relay/session/testing/page-client.ts';

/** Between two playout reports, in milliseconds of sound: one for each frame would be a flood. */
const REPORT_MS = 300;
const TURN_WITHIN_MS = 30_000;

export type TurnEnd = Extract<RelayMessage, { type: 'turn.ended' }>;

/** An ear that plays in no time. @returns milliseconds heard of each item so far. */
export function hearAtOnce(page: PageClient): ReadonlyMap<string, number> {
  const heardMs = new Map<string, number>();
  let item: { id: string; epoch: number; atMs: number; reportedMs: number } | undefined;
  page.onEach((message, frame) => {
    if (message?.type === 'item.started') {
      item = { id: message.item, epoch: message.epoch, atMs: message.fromMs, reportedMs: message.fromMs };
    } else if (message?.type === 'clip.play') {
      page.send({ type: 'clip.ended', epoch: message.epoch, clip: message.clip });
    } else if (message?.type === 'gate.close' && item?.epoch === message.epoch - 1) {
      page.send({ type: 'playout', epoch: item.epoch, item: item.id, playedMs: item.atMs, last: true });
      item = undefined;
    } else if (frame?.lane === 'B' && item?.epoch === frame.epoch) {
      item.atMs += samplesToMs(frame.samples.length);
      heardMs.set(item.id, item.atMs);
      const isLast = (frame.flags & FLAG_LAST) !== 0;
      if (!isLast && item.atMs - item.reportedMs < REPORT_MS) return;
      item.reportedMs = item.atMs;
      page.send({ type: 'playout', epoch: item.epoch, item: item.id, playedMs: item.atMs });
      if (isLast) page.send({ type: 'playout.drained', epoch: item.epoch, item: item.id });
    }
  });
  return heardMs;
}

/** Asks in text. @returns how the turn ended; rejects when the connection did. */
export async function ask(page: PageClient, text: string): Promise<TurnEnd> {
  const before = page.all('turn.ended').length;
  page.send({ type: 'user.text', text });
  await within(
    page.until(() => page.all('turn.ended').length > before || page.socket.readyState !== WebSocket.OPEN),
    TURN_WITHIN_MS,
    `an answer to "${text}"`,
  );
  const ended = page.all('turn.ended')[before];
  if (ended === undefined) throw new Error(`closed with ${(await page.closed).code} before the answer`);
  return ended;
}

/** @throws when it takes longer. */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export interface Door {
  /** ws URL. */
  url: string;
}
export interface Caller {
  token: string | undefined;
  origin: string | undefined;
}

const opened = new Set<PageClient>();
/** Counts scenarios that are over: what one of them still opens is cut as soon as it is. */
let round = 0;

/** Pulls the plug of every page that is still there: a scenario that failed has not said goodbye. */
export function cutAll(): void {
  round += 1;
  for (const { socket } of opened) socket.terminate();
  opened.clear();
}

/** A page that was let in. @throws when it was not. */
export async function enter(door: Door, { token, origin }: Caller): Promise<PageClient> {
  const mine = round;
  const page = await openPage(door.url, token, { ...(origin !== undefined && { origin }) });
  if (mine !== round) page.socket.terminate();
  opened.add(page);
  page.socket.once('close', () => opened.delete(page));
  const isGreeted = () => page.all('session.created').length > 0;
  await within(
    page.until(() => isGreeted() || page.socket.readyState !== WebSocket.OPEN),
    TURN_WITHIN_MS,
    'a greeting',
  );
  if (!isGreeted()) throw new Error(`closed with ${(await page.closed).code} at the door`);
  return page;
}

/** … whose conversation has begun, with an ear that plays in no time. */
export async function converse(door: Door, caller: Caller): Promise<PageClient> {
  const page = await enter(door, caller);
  hearAtOnce(page);
  page.send({ type: 'session.start', turn: 'auto' });
  await within(
    page.received('provider.changed', ({ up }) => up),
    TURN_WITHIN_MS,
    'the provider',
  );
  return page;
}

/** Says goodbye to all. @returns their close codes. */
export async function leave(pages: readonly PageClient[]): Promise<number[]> {
  for (const page of pages) if (page.socket.readyState === WebSocket.OPEN) page.send({ type: 'session.end' });
  return codes(pages);
}

export const codes = (pages: readonly PageClient[]): Promise<number[]> =>
  Promise.all(pages.map(async (page) => (await within(page.closed, TURN_WITHIN_MS, 'a close')).code));

/**
 * Knocks and goes on its way.
 *
 * @returns the close code, `in` for who was let in, or `http` and a status.
 */
export function knock(door: Door, { token, origin }: Caller): Promise<string | number> {
  const protocols = ['vjj.1', ...(token === undefined ? [] : [`token.${token}`])];
  const socket = new WebSocket(door.url, protocols, {
    ...{ perMessageDeflate: false, ...(origin !== undefined && { origin }) },
  });
  return new Promise((resolve) => {
    let outcome: string | undefined;
    socket.on('unexpected-response', (_request, response) => {
      outcome = `http ${response.statusCode ?? 0}`;
      response.resume();
      socket.terminate();
    });
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => {
      if (!data.toString().includes('"session.created"')) return;
      outcome = 'in';
      socket.send('{"type":"session.end"}');
    });
    socket.on('close', (code) => resolve(outcome ?? code));
  });
}
