/** A JSON body that is small enough and fits its schema, or a problem that names every wrong field. */
import { createMiddleware } from 'hono/factory';
import { validator } from 'hono-openapi';
import type { GenericSchema } from 'valibot';
import { RelayError, type FieldProblem } from '../errors.ts';

/**
 * The framework's own limit makes a new request of every body whose length is not told, which this
 * server's requests do not allow: a DELETE, or a body in chunks, would be a fault of ours.
 *
 * @param maxBytes - A longer body is `too-large`.
 */
export function smallBody(maxBytes: number) {
  return createMiddleware(async (c, next) => {
    const told = c.req.header('transfer-encoding') === undefined ? c.req.header('content-length') : undefined;
    if (told !== undefined && Number(told) > maxBytes) throw tooLarge(maxBytes);
    const isUnknown = told === undefined && !['GET', 'HEAD'].includes(c.req.method);
    if (isUnknown && c.req.raw.body !== null)
      Object.assign(c.req.bodyCache, { text: Promise.resolve(await readAtMost(c.req.raw.body, maxBytes)) });
    await next();
  });
}

const tooLarge = (maxBytes: number) => new RelayError('too-large', `the body is longer than ${maxBytes} bytes`);

async function readAtMost(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    size += piece.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
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
