/**
 * Every route below `/api/admin`, once: the relay serves this table, the OpenAPI document and
 * docs/api.md are printed from it, tests walk it, and the console and `vjj` call by it. A route
 * that is not here does not exist.
 */
import type * as v from 'valibot';
import { ASSISTANT_ROUTES } from './assistant-routes.ts';
import { RECORD_ROUTES } from './record-routes.ts';
import { RELAY_ROUTES } from './relay-routes.ts';
import { TENANT_ROUTES } from './tenant-routes.ts';

export type { Access, RouteSpec } from './route-spec.ts';

export const ROUTES = { ...RELAY_ROUTES, ...TENANT_ROUTES, ...ASSISTANT_ROUTES, ...RECORD_ROUTES };

export type Routes = typeof ROUTES;
export type RouteName = keyof Routes;

type Parts<P extends string> = P extends `${infer Head}/${infer Rest}` ? Parts<Head> | Parts<Rest> : P;
type Name<P extends string> = P extends `:${infer N}` ? N : never;
/** Names of the parameters in a route's path. */
export type ParamOf<K extends RouteName> = Name<Parts<Routes[K]['path']>>;
type Output<S> = S extends v.GenericSchema ? v.InferOutput<S> : undefined;
type Input<S> = S extends v.GenericSchema ? v.InferInput<S> : undefined;
type Field<K extends RouteName, F extends 'query' | 'body' | 'answer'> =
  Routes[K] extends Record<F, infer S> ? S : undefined;

/** What a caller may send, and gets. */
export type QueryOf<K extends RouteName> = Input<Field<K, 'query'>>;
export type BodyOf<K extends RouteName> = Input<Field<K, 'body'>>;
export type AnswerOf<K extends RouteName> = Output<Field<K, 'answer'>>;
/** What the relay works with, checked. */
export type CheckedQuery<K extends RouteName> = Output<Field<K, 'query'>>;
export type CheckedBody<K extends RouteName> = Output<Field<K, 'body'>>;

/**
 * The path of a route with its parameters filled in, from the root of the site.
 *
 * @throws {RangeError} when a parameter is missing.
 */
export function pathOf(name: RouteName, params: Readonly<Record<string, string>> = {}): string {
  return `/api/admin${ROUTES[name].path.replaceAll(/:(\w+)/g, (_, part: string) => {
    const value = params[part];
    if (value === undefined || value === '') throw new RangeError(`${name} needs ${part}`);
    return encodeURIComponent(value);
  })}`;
}
