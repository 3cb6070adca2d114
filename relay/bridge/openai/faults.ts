/**
 * Which of the provider's errors end the bridge, which end a connection and which mean nothing.
 * The table in this folder's README is made from these lists.
 */

/** Dialling again cannot help until an operator changes key, model or budget. */
export const FATAL_CODES: ReadonlySet<string> = new Set([
  'invalid_api_key',
  'invalid_organization',
  'account_deactivated',
  'missing_model',
  'invalid_model',
  'model_not_found',
  'beta_api_shape_disabled',
  'insufficient_quota',
  'billing_hard_limit_reached',
]);

/** What a race between two right decisions looks like from the provider's side; nothing follows from it. */
export const BENIGN_CODES: ReadonlySet<string> = new Set([
  'response_cancel_not_active',
  'input_audio_buffer_commit_empty',
  'item_truncate_invalid_item_id',
  'item_delete_invalid_item_id',
  'unsupported_content_type',
]);

/** The session reached the provider's longest duration: a new one may follow at once. */
export const EXPIRED_CODE = 'session_expired';
export const ALREADY_ACTIVE_CODE = 'conversation_already_has_active_response';

/** Close codes by which the provider refuses key, request or model. */
const FATAL_CLOSES: Record<number, string> = {
  3000: 'invalid_api_key',
  4000: 'invalid_request',
  4004: 'model_not_found',
};
/** HTTP answers to the upgrade that stay the same however often one asks. */
const FATAL_STATUS: ReadonlySet<number> = new Set([400, 401, 403, 404, 405]);

export interface Ending {
  reason: string;
  fatal: boolean;
  /** The provider ended a session that had simply lasted its time: no wait before the next. */
  planned: boolean;
  /** The provider said when to come back, in milliseconds. */
  retryAfterMs?: number;
}

/** Of the fatal reasons, those that are about key, account or money and not about what was asked. */
const ABOUT_CREDENTIAL: ReadonlySet<string> = new Set([
  'invalid_api_key',
  'invalid_organization',
  'account_deactivated',
  'insufficient_quota',
  'billing_hard_limit_reached',
  'http-401',
  'http-403',
]);

/** Whether nobody with this credential will fare any better. */
export function isAboutCredential(reason: string): boolean {
  return ABOUT_CREDENTIAL.has(reason);
}

/**
 * The wait that a `Retry-After` header asks for: seconds, or a date.
 *
 * @param now - wall-clock milliseconds.
 * @returns milliseconds; undefined for what is neither.
 */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // The date form always names its day; anything shorter is no date that a server would send.
  const at = /^[A-Za-z]{3}, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/**
 * What the end of a connection means.
 *
 * @param closeCode - of the socket; 1006 when it never opened or was cut.
 * @param closeReason - as the provider sent it.
 * @param lastError - code of the last `error` event that announced a close, or of the transport's error.
 */
export function endingOf(closeCode: number, closeReason: string, lastError: string | null): Ending {
  if (lastError === EXPIRED_CODE || (closeCode === 1001 && /maximum duration/.test(closeReason))) {
    return { reason: EXPIRED_CODE, fatal: false, planned: true };
  }
  if (lastError !== null && FATAL_CODES.has(lastError)) return { reason: lastError, fatal: true, planned: false };
  const refused = FATAL_CLOSES[closeCode];
  if (refused !== undefined) return { reason: lastError ?? refused, fatal: true, planned: false };
  const status = /^http-(\d+)$/.exec(lastError ?? '')?.[1];
  if (status !== undefined && FATAL_STATUS.has(Number(status))) {
    return { reason: `http-${status}`, fatal: true, planned: false };
  }
  return { reason: lastError ?? `close-${closeCode}`, fatal: false, planned: false };
}

/** The response that the provider says is still active, where its message names one. */
export function activeResponseIn(message: string): string | undefined {
  return /response in progress: ([\w-]+)/.exec(message)?.[1];
}

/** A code or an id of the provider's as it may be logged: one that has words in it is none. */
export function nameable(name: string): string {
  return /^[\w.:-]{1,64}$/.test(name) ? name : '…';
}

/** Names in quotation marks stay; from any other quotation on a message may hold somebody's words. */
const QUOTED = /n't\b|(["'`])[\w.:[\]-]{0,64}\1|["'`].*$/gs;
const NAME = /^(?:n't|(["'`])[\w.:[\]-]*\1)$/;

/** A provider's message as it may be logged: no key, nothing that it quotes but names, not long. */
export function redact(message: string): string {
  return message
    .slice(0, 2_000)
    .replace(QUOTED, (part) => (NAME.test(part) ? part : '…'))
    .replace(/\b(sk|ek|Bearer)[-_ ][\w*.-]+/g, '$1-…')
    .slice(0, 200);
}
