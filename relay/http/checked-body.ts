/** A JSON body that is small enough and fits its schema, or a problem that names every wrong field. */
import { bodyLimit } from 'hono/body-limit';
import { validator } from 'hono-openapi';
import type { GenericSchema } from 'valibot';
import { RelayError } from '../errors.ts';

/** @param maxBytes - A longer body is `too-large`. */
export function smallBody(maxBytes: number) {
  return bodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw new RelayError('too-large', `the body is longer than ${maxBytes} bytes`);
    },
  });
}

/** For `c.req.valid('json')`; also describes the body in the OpenAPI document. */
export function checkedBody<const S extends GenericSchema>(schema: S) {
  return validator('json', schema, (result) => {
    if (result.success) return;
    const problems = result.error.map((issue) => ({
      at: (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.') || 'body',
      // Valibot's own words end in the value that was received; a value may be a secret.
      message: issue.message.replace(/ but received .*$/s, ''),
    }));
    throw new RelayError('bad-request', 'the body does not fit its schema', { problems });
  });
}
