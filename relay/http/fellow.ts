/** `POST /fellow`: what one instance asks another. For everybody else there is no such path. */
import { Hono } from 'hono';
import { RelayError } from '../errors.ts';
import { smallBody } from './checked-body.ts';
import type { RelayEnv } from './request-env.ts';

const LONGEST_QUESTION_BYTES = 4_096;

export interface FellowDeps {
  path: string;
  /** Whether a fellow instance asked that. */
  isAsked: (header: (name: string) => string | undefined, body: string) => boolean;
  answer: (question: unknown) => Promise<unknown>;
}

export function fellowRoutes({ path, isAsked, answer }: FellowDeps) {
  return new Hono<RelayEnv>().post(path, smallBody(LONGEST_QUESTION_BYTES), async (c) => {
    const body = await c.req.text();
    if (!isAsked((name) => c.req.header(name), body)) throw new RelayError('not-found', 'no fellow instance');
    c.header('Cache-Control', 'no-store');
    return c.json({ answer: await answer(JSON.parse(body)) });
  });
}
