/** What can go wrong in a call, as codes that pages can switch on. The words for people are in `labels/`. */
export const ERROR_CODES = [
  'MIC_DENIED',
  'MIC_DISMISSED',
  'MIC_NOT_FOUND',
  'MIC_IN_USE',
  'POLICY_BLOCKED',
  'INSECURE_CONTEXT',
  'CSP_WORKLET',
  'AUTOPLAY',
  'ORIGIN_DENIED',
  'TOKEN_EXPIRED',
  'QUOTA',
  'NETWORK',
  'PROTOCOL',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** The one thing a person can do next: try the same again, go on by typing, or reload the page. */
export type Recovery = 'retry' | 'text' | 'reload';

const RECOVERY: Record<ErrorCode, Recovery> = {
  MIC_DENIED: 'retry',
  MIC_DISMISSED: 'retry',
  MIC_NOT_FOUND: 'text',
  MIC_IN_USE: 'retry',
  POLICY_BLOCKED: 'text',
  INSECURE_CONTEXT: 'text',
  CSP_WORKLET: 'text',
  AUTOPLAY: 'retry',
  ORIGIN_DENIED: 'retry',
  TOKEN_EXPIRED: 'retry',
  QUOTA: 'retry',
  NETWORK: 'retry',
  PROTOCOL: 'reload',
};

export class CallError extends Error {
  override readonly name = 'CallError';
  readonly code: ErrorCode;

  /** `message` is for developers; people read the label of `code`. */
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  /** What the widget offers next, and what a page with its own interface should offer. */
  get recovery(): Recovery {
    return RECOVERY[this.code];
  }
}
