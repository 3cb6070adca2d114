/** Who may not come back to a conversation: wrong, used and late secrets, and other people. */
import { afterEach, describe, expect, it } from 'vitest';
import { admit, begin, clock, expectNothingLeft, page, relay } from './testing/conversation.ts';
import { cut, back } from './testing/coming-back.ts';
import { openPage } from './testing/page-client.ts';
import { GOOD_TOKEN } from './testing/relay-under-test.ts';

afterEach(() => relay.stop());

describe('who may not come back', () => {
  const wrong = (offer: string) => {
    const [prefix, session, secret, ...rest] = offer.split('.');
    const other = secret!.startsWith('A') ? 'B' : 'A';
    return [prefix, session, other + secret!.slice(1), ...rest].join('.');
  };

  async function expectNewSession(offer: string, options: { token?: string; origin?: string } = {}): Promise<void> {
    const thief = await openPage(
      relay.url,
      options.token ?? GOOD_TOKEN,
      options.origin === undefined ? {} : { origin: options.origin },
      { offer },
    );
    const created = await thief.received('session.created');
    expect(created.session).not.toBe(page.all('session.created')[0]!.session);
    expect(thief.all('session.resumed')).toEqual([]);
    expect(relay.asked.at(-1)?.isRenewal).toBeUndefined();
    thief.send({ type: 'session.end' });
    await thief.closed;
  }

  it.each<[string, (offer: string) => string]>([
    ['a wrong secret', wrong],
    ['an unknown session', (offer) => offer.replace('ses_', 'ses_x')],
    ['a form that is none', (offer) => `${offer}.1`],
    ['counts that are none', (offer) => offer.replace(/\.\d+$/, '.99999999999')],
    ['a secret that is too short', (offer) => offer.replace(/\.[\w-]{43}\./, '.short.')],
  ])('with %s gets a session of their own, with its own place; the right page still comes back', async (_, change) => {
    await begin();
    await cut();
    await expectNewSession(change(page.offer('same')));
    expect((await (await back()).received('session.resumed')).kept).toBe('all');
  });

  it('as another subject, or from another origin', async () => {
    await begin();
    await cut();
    await expectNewSession(page.offer('same'), { token: 'other' });
    await expectNewSession(page.offer('same'), { origin: 'https://evil.example' });
    expect((await (await back()).received('session.resumed')).kept).toBe('all');
  });

  it('with a secret that was used, once its page has shown that it has the next', async () => {
    await begin();
    const used = page.offer('same');
    await cut();
    const next = await back();
    next.send({ type: 'ack', ...next.came });
    await next.settled();
    await expectNewSession(used);
    expect(next.socket.readyState).toBe(next.socket.OPEN);
  });

  it('may use a secret again whose successor never came', async () => {
    await begin();
    await cut();
    const lost = await openPage(relay.url, GOOD_TOKEN, {}, { offer: page.offer('same'), came: page.came });
    lost.socket.terminate();
    await relay.empty();
    expect((await (await back()).received('session.resumed')).kept).toBe('all');
  });

  it('too late', async () => {
    await begin();
    await cut();
    clock.advance(60_000);
    await expectNewSession(page.offer('same'));
    await expectNothingLeft();
  });

  it('to a session that had not started', async () => {
    await admit();
    await cut();
    await expectNewSession(page.offer('same'));
  });

  it('with a token that is refused is refused', async () => {
    await begin();
    await cut();
    const next = await openPage(relay.url, 'bad', {}, { offer: page.offer('same') });
    expect((await next.closed).code).toBe(4501);
    expect(relay.door.live).toBe(1);
  });

  it('acknowledging what was never sent breaks the protocol', async () => {
    await admit();
    page.send({ type: 'ack', messages: 1_000, frames: 0 });
    expect((await page.closed).code).toBe(4505);
    await expectNothingLeft();
  });
});
