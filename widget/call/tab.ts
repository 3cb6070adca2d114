/**
 * A conversation that goes on in the next page of the same tab (`resume="tab"`). What it takes is written down when a
 * page is left and taken away when it is read: never before, never twice, never beyond the tab. Fetched only by pages
 * that ask for it. Knows no sound and no socket.
 */
import { ReconnectedEvent } from '../events.ts';
import { forget, keep, recall, type Storage } from '../keep.ts';
import type { Ticket } from '../link/lasting-link.ts';
import type { CallController } from './call-controller.ts';
import { tabKey } from './tab-key.ts';
import type { TranscriptEntry } from './transcript.ts';

/** Lines of the transcript that go along, the newest ones. */
const MOST_LINES = 50;

export interface TabHost extends EventTarget {
  readonly storage: Storage;
  readonly resume: string;
  readonly tenant: string;
  readonly src: string;
  readonly assistant: string;
  open: boolean;
  attempt(mode: Left['mode']): void;
}

/** The element behind its launcher. */
export interface TabSurface {
  readonly calls: CallController;
  readonly hasMic: boolean;
  /** What the page before left, until it was gone on with. */
  left: Left | null;
}

/** What is left behind. */
export interface Left {
  ticket: Ticket;
  mode: 'voice' | 'text';
  entries: TranscriptEntry[];
  /** Whether the panel was shown. */
  open: boolean;
  /** When the page was left, on the wall clock, in milliseconds. */
  atMs: number;
}

/** The page is left: writes down what the next one goes on with, where anything may be kept, and ends the call here. */
export function leave(host: TabHost, { calls, hasMic }: TabSurface): void {
  const { ticket, conversation } = calls;
  const { storage, resume, src, assistant, open } = host;
  if (resume !== 'tab' || storage === 'none' || !ticket) return;
  const mode = hasMic ? 'voice' : 'text';
  const left: Left = { ticket, mode, entries: conversation.entries.slice(-MOST_LINES), open, atMs: Date.now() };
  keep('session', tabKey(host), JSON.stringify({ ...left, src, assistant }));
  calls.stop('removed', true);
}

/** Takes it away, and goes on with it: by itself where sound needs no question, else with the next press. */
export async function comeBack(host: TabHost, surface: TabSurface): Promise<void> {
  const left = surface.calls.isBusy ? null : take(host);
  if (!left) return;
  surface.left = left;
  surface.calls.recall(left.entries);
  host.open = left.open;
  if (left.mode === 'text' || (await mayRecord())) host.attempt(left.mode);
}

/** A call was opened with it, or not: one more press may be all that is missing. */
export function cameBack(host: TabHost, surface: TabSurface, { ticket, atMs }: Left): void {
  const { state, conversation } = surface.calls;
  if (state.at !== 'failed' || state.error.code !== 'AUTOPLAY') surface.left = null;
  if (state.at !== 'live') return;
  host.dispatchEvent(new ReconnectedEvent(Date.now() - atMs, conversation.session === ticket.session));
}

/** Takes it away. @returns null where there is none, it is another's, or its time is over. */
function take(host: TabHost): Left | null {
  const text = recall(host.storage === 'none' ? 'none' : 'session', tabKey(host));
  forget(tabKey(host));
  try {
    // Others may have written there; whatever is wrong with it, there is nothing to come back to.
    const left = JSON.parse(text ?? '') as Left & { src: string; assistant: string };
    const { ticket, atMs, entries } = left;
    const goneMs = Date.now() - atMs;
    const isOurs = left.src === host.src && left.assistant === host.assistant;
    const isWhole = /^\w[\w-]*$/.test(ticket.session) && /^[\w-]{43}$/.test(ticket.secret) && entries.every(isLine);
    return isOurs && isWhole && goneMs >= 0 && goneMs < ticket.windowMs ? left : null;
  } catch {
    return null;
  }
}

/** As far as rendering it goes. */
function isLine(value: unknown): boolean {
  const { id, role, text, words } = value as Record<string, unknown>;
  const isWord = (word: unknown) => typeof (word as Record<string, unknown>)['text'] === 'string';
  const isSaid = typeof id === 'string' && typeof text === 'string' && Array.isArray(words) && words.every(isWord);
  return isSaid && (role === 'user' || role === 'agent');
}

/** Whether the microphone may be opened without a question. */
async function mayRecord(): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: 'microphone' })).state === 'granted';
  } catch {
    return false;
  }
}
