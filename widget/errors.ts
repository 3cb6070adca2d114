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

export class CallError extends Error {
  override readonly name = 'CallError';
  readonly code: ErrorCode;

  /** `message` is for developers; people read the label of `code`. */
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
