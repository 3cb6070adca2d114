/** A JSON body that is small enough and fits its schema, or a problem that names every wrong field. */
import { bodyLimit } from 'hono/body-limit';
import { validator } from 'hono-openapi';
import type { GenericSchema } from 'valibot';
import { RelayError, type FieldProblem } from '../errors.ts';

/** @param maxBytes - A longer body is `too-large`. */
export function smallBody(maxBytes: number) {
  return bodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw new RelayError('too-large', `the body is longer than ${maxBytes} bytes`);
    },
  });
}

interface Issue {
  message: string;
  path?: readonly (PropertyKey | { readonly key: unknown })[] | undefined;
}

/** @param whole - The name of the whole, where no field of it is wrong. */
export function fieldProblems(issues: readonly Issue[], whole: string): FieldProblem[] {
  return issues.map((issue) => ({
    at: (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.') || whole,
    // Valibot's own words end in the value that was received; a value may be a secret.
    message: issue.message.replace(/ but received .*$/s, ''),
  }));
}

/** For `c.req.valid('json')`; also describes the body in the OpenAPI document. */
export function checkedBody<const S extends GenericSchema>(schema: S) {
  return validator('json', schema, (result) => {
    if (!result.success)
      throw new RelayError('bad-request', 'the body does not fit its schema', {
        problems: fieldProblems(result.error, 'body'),
      });
  });
}
