/**
 * Reading what the relay says. The relay is trusted, so this is no schema: it skips what this version does not know
 * (the relay may be newer), and what would break the page because a field is missing or of another kind. Whether a
 * value makes sense is not asked; a test holds the table to the contract's schema.
 */
import type { RelayMessage } from '#wire';

const SESSION = 'session epoch assistant knobs leadMs longestSessionMs tokenExpiresInMs';

/** The fields that must be there. */
const FIELDS: Record<RelayMessage['type'], string> = {
  pong: '',
  'session.created': SESSION,
  'session.resumed': `${SESSION} kept received`,
  ack: 'messages frames',
  'relay.draining': 'comeBackMs',
  'session.ready': 'codec',
  'provider.changed': 'up',
  'auth.accepted': 'tokenExpiresInMs',
  'clip.added': 'clip kind ms affirmative',
  'item.started': 'item response turn epoch lane fromMs',
  'gate.open': 'epoch lane',
  'gate.close': 'epoch rampMs',
  'gate.pause': 'epoch',
  'gate.resume': 'epoch rewindMs',
  'lane.admit': 'epoch response',
  'clip.play': 'epoch lane clip',
  'lane.owner_changed': 'from to cause epoch t',
  'state.changed': 'state cause t',
  'turn.started': 'turn source t',
  'turn.ended': 'turn outcome firstSentMs',
  'transcript.delta': 'item role text',
  'transcript.done': 'item role text',
  'item.truncated': 'item heardMs',
  'item.deleted': 'item',
  'policy.applied': 'decision reason severity side',
  'policy.escalated': 'reason severity',
  'tool.call': 'call name arguments',
  'tool.cancelled': 'call',
  error: 'code message retryable',
};
/** Fields that may be missing and may not be of another kind. */
const OPTIONAL = ['text', 'upToMs', 'resume', 'config'];

/** A field is of one kind wherever it is. */
const KINDS: [RegExp, string][] = [
  [/^(assistant|knobs|received|firstSentMs|resume|config)$/, 'object'],
  [/^(epoch|t|ms|messages|frames|\w+Ms)$/, 'number'],
  [/^(up|affirmative|retryable)$/, 'boolean'],
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
  if (!read || typeof type !== 'string' || !Object.hasOwn(FIELDS, type)) return null;
  const isGood = (field: string) => isOfKind(field, read[field]);
  const fields = FIELDS[type as RelayMessage['type']].match(/\w+/g) ?? [];
  const isWhole = fields.every(isGood) && OPTIONAL.every((field) => read[field] === undefined || isGood(field));
  return isWhole ? (read as unknown as RelayMessage) : null;
}

function isOfKind(field: string, value: unknown): boolean {
  const kind = KINDS.find(([names]) => names.test(field))?.[1] ?? 'string';
  return typeof value === kind && value !== null;
}
