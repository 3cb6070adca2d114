/** Errors of a call, whichever copy of this script they come from. */
import { CallError, type ErrorCode } from '../errors.ts';

/** The same as one of ours where another copy of this script threw it (a page may have two, tests have their own); null for anything else. */
export function callErrorOf(error: unknown): CallError | null {
  if (error instanceof CallError) return error;
  if (!(error instanceof Error) || error.name !== 'CallError') return null;
  const { code } = error as unknown as { code: ErrorCode };
  return new CallError(code, error.message, { cause: error });
}
