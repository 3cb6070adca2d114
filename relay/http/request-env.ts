/** What Node's server hands to every route. */
import type { HttpBindings } from '@hono/node-server';

export interface RelayEnv {
  /** Absent where a test asks the app without a server. */
  Bindings: Partial<HttpBindings>;
}
