/**
 * The one error class and the one table of what can go wrong. `code` is all that leaves the
 * relay; `message` is for the log and never holds a token, a transcript, a key or sound.
 */
import { CLOSE, type CloseCode } from '#wire';

export interface Fault {
  /** HTTP status of the answer. */
  http: number;
  /** Close code on a socket; absent where the socket stays open. */
  close?: CloseCode;
  /** Whether trying the same again, later, may work. */
  retryable: boolean;
  /** What the caller is told, in one sentence that says what to do. */
  advice: string;
}

export const FAULTS = {
  'bad-request': {
    http: 400,
    close: CLOSE.protocol,
    retryable: false,
    advice: 'Correct the request; "at" names the field.',
  },
  'token-missing': {
    http: 401,
    close: CLOSE.unauthorized,
    retryable: false,
    advice: 'Send a session token as subprotocol or as the first message.',
  },
  'token-invalid': {
    http: 401,
    close: CLOSE.unauthorized,
    retryable: false,
    advice: 'Get a new session token; this one was refused.',
  },
  'token-expired': {
    http: 401,
    close: CLOSE['token-expired'],
    retryable: true,
    advice: 'Get a new session token; this one is too old.',
  },
  'token-revoked': {
    http: 401,
    close: CLOSE.revoked,
    retryable: false,
    advice: 'This token, key or tenant was revoked.',
  },
  'auth-required': { http: 401, retryable: false, advice: 'Send an operator token or API key as bearer token.' },
  'sign-in-refused': {
    http: 401,
    retryable: false,
    advice: 'Check e-mail address and password, or ask for a new link: one works once and for a day.',
  },
  'origin-refused': {
    http: 403,
    close: CLOSE.origin,
    retryable: false,
    advice: "Add this page's origin to the tenant's allowed origins.",
  },
  'key-unknown': {
    http: 403,
    close: CLOSE.unauthorized,
    retryable: false,
    advice: 'Check the publishable key in the tenant attribute.',
  },
  forbidden: { http: 403, retryable: false, advice: 'This key may not do that.' },
  'not-found': { http: 404, retryable: false, advice: 'There is nothing at this address.' },
  conflict: { http: 409, retryable: false, advice: 'Something with this name exists already.' },
  'changed-meanwhile': {
    http: 412,
    retryable: false,
    advice: 'Somebody changed it meanwhile; read it again and repeat the change.',
  },
  'version-missing': { http: 428, retryable: false, advice: 'Send If-Match with the ETag of what you change.' },
  'too-large': { http: 413, close: CLOSE.protocol, retryable: false, advice: 'Send less at once.' },
  'rate-limited': { http: 429, close: CLOSE.busy, retryable: true, advice: 'Wait as long as Retry-After says.' },
  'quota-used-up': { http: 429, close: CLOSE.quota, retryable: false, advice: "The tenant's budget is used up." },
  busy: { http: 503, close: CLOSE.busy, retryable: true, advice: 'Wait as long as Retry-After says.' },
  draining: { http: 503, close: CLOSE.drain, retryable: true, advice: 'This instance is stopping; connect again.' },
  'handshake-slow': {
    http: 408,
    close: CLOSE.busy,
    retryable: true,
    advice: 'The handshake took too long; try again.',
  },
  protocol: {
    http: 400,
    close: CLOSE.protocol,
    retryable: false,
    advice: 'The widget and the relay do not speak the same protocol version.',
  },
  'slow-consumer': {
    http: 503,
    close: CLOSE.slow,
    retryable: true,
    advice: 'The connection is too slow for sound; connect again.',
  },
  'upstream-lost': {
    http: 503,
    close: CLOSE['upstream-lost'],
    retryable: true,
    advice: 'The model is unreachable; connect again.',
  },
  'upstream-refused': {
    http: 503,
    close: CLOSE['upstream-lost'],
    retryable: false,
    advice: "The model provider refused the relay's credentials or model; tell the operator.",
  },
  'longest-session': {
    http: 400,
    close: CLOSE['longest-session'],
    retryable: false,
    advice: 'The longest session has passed; start a new one.',
  },
  internal: { http: 500, close: CLOSE['upstream-lost'], retryable: true, advice: 'Something went wrong on our side.' },
} as const satisfies Record<string, Fault>;

export type FaultCode = keyof typeof FAULTS;

/** One field that was wrong, in words for whoever sent it. Never repeats the value. */
export interface FieldProblem {
  at: string;
  message: string;
}

export class RelayError extends Error {
  override readonly name = 'RelayError';
  readonly code: FaultCode;
  /** Seconds after which a retry makes sense, for `Retry-After`. */
  readonly retryAfterS: number | undefined;
  /** The field that was wrong, where one was. */
  readonly at: string | undefined;
  /** Every field that was wrong, where a whole document was checked. Leaves the relay in a problem document. */
  readonly problems: readonly FieldProblem[];

  constructor(
    code: FaultCode,
    message: string,
    options: { cause?: unknown; retryAfterS?: number; at?: string; problems?: readonly FieldProblem[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterS = options.retryAfterS;
    this.problems = options.problems ?? [];
    this.at = options.at ?? this.problems[0]?.at;
  }

  get fault(): Fault {
    return FAULTS[this.code];
  }
}
