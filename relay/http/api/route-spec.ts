/** What the table of routes says of each. */
import type * as v from 'valibot';

/**
 * Who may: `anyone` without signing in; `signed-in` whoever is known; `viewer`, `admin` of the
 * tenant in the path (the operator is both, everywhere, and an admin is a viewer); `operator` alone.
 */
export type Access = 'anyone' | 'signed-in' | 'viewer' | 'admin' | 'operator';

export interface RouteSpec {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/api/admin`; parameters as `:name`. */
  path: string;
  access: Access;
  summary: string;
  query?: v.GenericSchema;
  body?: v.GenericSchema;
  /** Absent: 204, or sound where `sound` says so. */
  answer?: v.GenericSchema;
  /** 200 with an answer and 204 without one, if not said. */
  status?: 200 | 201 | 202;
  /** The answer is `audio/wav`. */
  sound?: true;
  /** `given`: the answer has an ETag. `asked`: the change takes If-Match; `required`: and is refused without it. */
  etag?: 'given' | 'asked' | 'required';
  /** Problems beside those that follow from the rest. */
  problems?: readonly string[];
}

/** Keeps the literal types of a part of the table. */
export const routes = <const T extends Record<string, RouteSpec>>(table: T): T => table;
