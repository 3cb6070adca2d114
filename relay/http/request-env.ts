/** What Node's server hands to every route. */
import type { HttpBindings } from '@hono/node-server';
import type { Caller } from '../auth/console-callers.ts';

export interface RelayEnv {
  /** Absent where a test asks the app without a server. */
  Bindings: Partial<HttpBindings>;
  Variables: {
    /** Who asks, where a step before the route has found out. */
    caller?: Caller;
    /** The request's id, for the log. */
    request?: string;
  };
}
