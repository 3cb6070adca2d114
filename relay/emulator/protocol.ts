/**
 * The words of OpenAI's Realtime protocol (GA dialect) that every part of the emulator shares:
 * ids, events, errors. Knows no socket and no session.
 */
import { randomBytes } from 'node:crypto';

/** One event to the client; `event_id` is added where it is sent. */
export type ServerEvent = { type: string } & Record<string, unknown>;
/** One event of the client, parsed but not yet checked. */
export type ClientEvent = { type: string; event_id?: string } & Record<string, unknown>;
/** How a client's event is answered. */
export type Send = (event: ServerEvent) => void;

export type Fields = Record<string, unknown>;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A new id in OpenAI's manner: `item_` and 21 letters or digits. */
export function newId(prefix: string): string {
  let id = `${prefix}_`;
  for (const byte of randomBytes(21)) id += ALPHABET[byte % ALPHABET.length] ?? 'A';
  return id;
}

/** Characters that make deltas of equal length differ on the wire, as the real server pads text deltas. */
export function obfuscation(): string {
  return randomBytes(1 + Math.floor(Math.random() * 10)).toString('hex');
}

/** What the client is told in an `error` event; the session stays open. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: string;
  /** The field that was wrong, as a path ("session.audio.input.format.rate"). */
  readonly param: string | null;
  readonly type: string;

  constructor(code: string, message: string, param: string | null = null, type = 'invalid_request_error') {
    super(message);
    this.code = code;
    this.param = param;
    this.type = type;
  }
}

/** The `error` event for `problem`; `eventId` is the client's own, echoed so that it can tell which event failed. */
export function errorEvent(problem: ProtocolError, eventId: string | null): ServerEvent {
  const { type, code, message, param } = problem;
  return { type: 'error', error: { type, code, message, param, event_id: eventId } };
}

/** Refusals after which the socket is closed, with their close codes. The reason is `type.code`. */
export const FATAL = {
  invalid_api_key: { close: 3000, message: 'Incorrect API key provided. The emulator was started with another key.' },
  missing_model: { close: 4000, message: 'You must provide a model parameter.' },
  beta_api_shape_disabled: {
    close: 4000,
    message: 'The Realtime Beta API is no longer supported. Remove the OpenAI-Beta header and use the GA API.',
  },
  model_not_found: { close: 4004, message: 'The model does not exist or you do not have access to it.' },
} as const;

export const MODELS = [
  'gpt-realtime-2.1',
  'gpt-realtime-2.1-mini',
  'gpt-realtime-2',
  'gpt-realtime-1.5',
  'gpt-realtime',
  'gpt-realtime-mini',
] as const;

/** Whether `model` is one of {@link MODELS}, or a dated version of one. */
export function isKnownModel(model: string): boolean {
  const undated = model.replace(/-\d{4}-\d{2}-\d{2}$/, '');
  return MODELS.some((known) => known === undated);
}

/** Whether `value` is a plain JSON object. */
export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
