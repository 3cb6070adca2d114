/**
 * Reading what the relay says. The relay is trusted, so this is no schema: it skips what this version does not know
 * (the relay may be newer), and what would break the page because a field is missing or of another kind. Whether a
 * value makes sense is not asked; a test holds the table to the contract's schema.
 */
import type { RelayMessage } from '#wire';

/** What this version knows; a test holds it to the contract. */
const KNOWN =
  /^(pong|ack|error|relay\.draining|provider\.changed|auth\.accepted|(clip\.(added|play)|item\.(started|truncated|deleted)|session\.(created|resumed|ready)|gate\.(open|close|pause|resume)|lane\.(admit|owner_changed)|state\.changed|turn\.(started|ended)|transcript\.(delta|done)|policy\.(applied|escalated)|tool\.(call|cancelled)))$/;

/** Fields that must be there, by type or by the word before its dot. */
const NEEDED: Readonly<Record<string, string>> = {
  'session.ready': 'codec',
  session: 'session epoch assistant knobs tokenExpiresInMs',
  ack: 'messages frames',
  auth: 'tokenExpiresInMs',
  clip: 'clip',
  'item.started': 'item response epoch lane fromMs',
  item: 'item',
  gate: 'epoch',
  lane: 'epoch',
  turn: 'turn',
  transcript: 'item role text',
  tool: 'call',
  error: 'code',
};

/** A field is of one kind wherever it is, and of another it is none. */
const KINDS: [RegExp, string][] = [
  [/^(assistant|knobs|received|firstSentMs|resume|config)$/, 'object'],
  [/^(epoch|t|ms|messages|frames|\w+Ms)$/, 'number'],
  [/^(up|affirmative|retryable)$/, 'boolean'],
  [/^text$/, 'string'],
];

/** One text frame; null where it is to be skipped. */
export function readRelayMessage(data: string): RelayMessage | null {
  let read: Record<string, unknown> | null;
  try {
    read = JSON.parse(data) as Record<string, unknown> | null;
  } catch {
    return null;
  }
  const type = read?.['type'];
  if (!read || typeof type !== 'string' || !KNOWN.test(type)) return null;
  const needed = (NEEDED[type] ?? NEEDED[type.split('.')[0] ?? ''] ?? '').match(/\w+/g) ?? [];
  const isWhole = needed.every((field) => field in read) && Object.entries(read).every(isOfItsKind);
  return isWhole ? (read as unknown as RelayMessage) : null;
}

function isOfItsKind([field, value]: [string, unknown]): boolean {
  const kind = KINDS.find(([names]) => names.test(field))?.[1];
  return kind === undefined || (typeof value === kind && value !== null);
}
