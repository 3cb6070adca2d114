/**
 * Socket close codes. 4000–4499 come back (with a hint when), 4500–4999 are final.
 * The reason string of a close is the code's name here; nothing else is put there.
 */
export const CLOSE = {
  drain: 4001,
  'upstream-lost': 4008,
  slow: 4009,
  'token-expired': 4010,
  moved: 4011,
  busy: 4029,
  unauthorized: 4501,
  origin: 4502,
  quota: 4503,
  revoked: 4504,
  protocol: 4505,
  'longest-session': 4506,
} as const;

export type CloseName = keyof typeof CLOSE;
export type CloseCode = (typeof CLOSE)[CloseName];

/** The conversation is over by the user's or the relay's own wish. */
export const CLOSE_NORMAL = 1000;

/** Whether a widget that was closed with `code` may come back on its own. */
export function mayReconnect(code: number): boolean {
  if (code >= 4500 && code <= 4999) return false;
  return code !== CLOSE_NORMAL;
}

/** The name of a close code of ours, or undefined for any other. */
export function closeName(code: number): CloseName | undefined {
  return (Object.keys(CLOSE) as CloseName[]).find((name) => CLOSE[name] === code);
}
