/** Lost connections and pages that come back, in a conversation under test. */
import { page, relay } from './conversation.ts';
import { openPage, type PageClient, type Return } from './page-client.ts';
import { GOOD_TOKEN } from './relay-under-test.ts';

/** Cuts the page's connection; the relay has noticed. */
export async function cut(one: PageClient = page): Promise<void> {
  one.socket.terminate();
  await relay.empty();
}

/** The same page over a new connection. */
export async function back(one: PageClient = page, more: Partial<Return> & { epoch?: number; token?: string } = {}) {
  const { epoch = 1, token = GOOD_TOKEN, ...rest } = more;
  const next = await openPage(relay.url, token, {}, { offer: one.offer('same', epoch), came: one.came, ...rest });
  await next.settled();
  return next;
}

/** A page that was loaded anew in the same tab. */
export async function newPage(one: PageClient = page) {
  const next = await openPage(relay.url, GOOD_TOKEN, {}, { offer: one.offer('new') });
  await next.settled();
  return next;
}
