/** The console's cookie. `__Host-` binds it to this host and to https; browsers refuse that name on plain http. */
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { Credentials } from '../../auth/console-callers.ts';
import type { RelayEnv } from '../request-env.ts';

const NAME = 'vjj';

/** @param isSecure - Whether browsers reach us by https. */
export function consoleCookie(isSecure: boolean) {
  const name = isSecure ? `__Host-${NAME}` : NAME;
  const options = { path: '/', httpOnly: true, sameSite: 'Strict', secure: isSecure } as const;
  return {
    read: (c: Context<RelayEnv>): string | undefined => {
      const value = getCookie(c, name);
      return value !== undefined && /^[\w-]{20,100}$/.test(value) ? value : undefined;
    },
    write(c: Context<RelayEnv>, secret: string | undefined): void {
      if (secret === undefined) deleteCookie(c, name, options);
      // Without a life of its own: the browser forgets it when it closes, the store after twelve hours.
      else setCookie(c, name, secret, options);
    },
  };
}

/** What the request says of its sender. */
export function credentialsOf(c: Context<RelayEnv>, cookie: ReturnType<typeof consoleCookie>): Credentials {
  return { authorization: c.req.header('authorization'), cookie: cookie.read(c) };
}
