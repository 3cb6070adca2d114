/** What a route below `/api/admin` is given, and how it changes things. Knows no framework. */
import type { Caller } from '../../auth/console-callers.ts';
import type { PageRequest } from '../../store/records.ts';
import type { AnswerOf, CheckedBody, CheckedQuery, ParamOf, RouteName } from '../api/routes.ts';

/** The tenant that the path names; the caller may see it. */
export interface TenantInPath {
  id: string;
  slug: string;
  name: string;
  status: 'active' | 'suspended';
}

/** What goes into the audit, beside who and when. */
export interface Change {
  /** Such as `origins.replace`. */
  action: string;
  target: string;
  /** Never holds a secret. */
  payload?: unknown;
  /** In another chain than that of the tenant in the path; null is the relay's own. */
  chain?: string | null;
  /** Where it is not the caller who did it. */
  actor?: string;
}

export interface Ask<K extends RouteName = RouteName> {
  caller: Caller;
  tenant: 'tenant' extends ParamOf<K> ? TenantInPath : undefined;
  params: Record<ParamOf<K>, string>;
  query: CheckedQuery<K>;
  body: CheckedBody<K>;
  /** Of `after` and `limit`. */
  page: PageRequest;
  address: string;
  /** The page's, where a browser asks. */
  origin: string | undefined;
  /** Aborts when the caller has gone. */
  signal: AbortSignal;
  /** Signs the browser in, or (undefined) out. */
  setCookie: (secret: string | undefined) => void;
  /**
   * Holds the request's If-Match against what is there now.
   *
   * @throws {RelayError} `changed-meanwhile`.
   */
  match: (current: AnswerOf<K>) => void;
  /**
   * Does `work`, its audit entry, and the memory of an answer that may be asked for again, as one:
   * all or nothing. Waits for nothing but the store. At most once a request, and its result is the
   * answer.
   */
  change: <T extends AnswerOf<K>>(what: Change | ((answer: T) => Change), work: () => Promise<T>) => Promise<T>;
}

export type Handler<K extends RouteName> = (ask: Ask<K>) => Promise<AnswerOf<K>>;
/** The part of the table that one file serves. */
export type Handlers<K extends RouteName = RouteName> = { [Name in K]: Handler<Name> };
