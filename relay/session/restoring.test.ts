/** A conversation whose relay is gone goes on here; one that lives elsewhere is passed on; a drain lets it go. */
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Found } from '../continuity/continuity.ts';
import {
  admit,
  answer,
  begin,
  bridge,
  clock,
  commands,
  dial,
  expectNothingLeft,
  outcomes,
  page,
  pass,
  provider,
  relay,
  say,
  tell,
  userTurn,
} from './testing/conversation.ts';
import { back, cut } from './testing/coming-back.ts';
import { keptElsewhere, type KeptElsewhere } from './testing/kept-elsewhere.ts';
import { openPage, type PageClient } from './testing/page-client.ts';
import { GOOD_TOKEN, aClip, relayUnderTest, type RelayUnderTest } from './testing/relay-under-test.ts';
import { scriptedProvider, type ScriptedProvider } from './testing/scripted-bridge.ts';
import type { PassOn } from './upgrade.ts';

let kept: KeptElsewhere;
let other: RelayUnderTest | null = null;
let model: ScriptedProvider;
beforeEach(() => {
  kept = keptElsewhere();
});
afterEach(async () => {
  await other?.stop();
  other = null;
  await relay.stop();
});

const started = () => begin({ deps: { continuity: kept } });
const again = aClip('again', 'refusal');
again.text = 'Sorry, the connection was interrupted and I missed that. Could you say it again?';

/** Another instance that shares what is kept; the first one is taken to be dead. */
async function comesElsewhere(
  offer: string,
  options: { token?: string; deps?: object; origin?: string } = {},
): Promise<PageClient> {
  model = scriptedProvider();
  other ??= await relayUnderTest({
    ...{ clock, openBridge: model.open, voiced: [again] },
    deps: { continuity: kept, ...options.deps },
  });
  const headers = options.origin === undefined ? {} : { origin: options.origin };
  return openPage(other.url, options.token ?? GOOD_TOKEN, headers, { offer });
}

describe('what is kept', () => {
  it('begins with the start, and follows every turn, its words and the secrets', async () => {
    await admit({ deps: { continuity: kept } });
    expect([kept.saved.length, kept.told]).toEqual([0, []]);
    await dial({ turn: 'auto', locale: 'en-GB', codecs: ['none'] });
    await say({ type: 'provider.up', generation: 1 });
    const { session } = page.all('session.created')[0]!;
    expect(kept.told).toEqual([`began ${session}`]);
    expect(kept.newest).toMatchObject({
      ...{ version: 1, session, tenant: 'ten_1', subject: 'user', origin: null, epoch: 1, unanswered: null },
      start: { mode: 'auto', locale: 'en-GB', tools: [], codecs: ['none'] },
      formerSecretHash: null,
    });
    await userTurn();
    expect(kept.newest.unanswered).toBe('user_1');
    await answer('r1', 'turn_1', 300);
    await pass(100);
    expect(kept.newest.unanswered).toBe(null);
    const before = kept.newest.secretHash;
    await cut();
    const next = await back();
    expect(kept.newest).toMatchObject({ formerSecretHash: before });
    expect(kept.newest.secretHash).not.toBe(before);
    next.send({ type: 'ack', ...next.came });
    await next.settled();
    expect(kept.newest.formerSecretHash).toBe(null);
    next.send({ type: 'session.end' });
    await expectNothingLeft();
    expect(kept.told.at(-1)).toBe(`ended ${session}`);
  });

  it('is taken by another instance: the conversation ends here with 4011', async () => {
    await started();
    kept.take(page.all('session.created')[0]!.session);
    expect((await page.closed).code).toBe(4011);
    await expectNothingLeft();
  });
});

describe('a conversation whose relay is gone', () => {
  it('goes on with its memory, at a higher epoch, under its own name', async () => {
    await started();
    await tell({ type: 'user.text', text: 'What is it?' });
    clock.advance(3_000);
    kept.saved.push({ ...kept.newest, unanswered: null, history: [{ is: 'user', id: 'u1', text: 'What is it?' }] });
    const next = await comesElsewhere(page.offer('same', 7));
    const hello = await next.received('session.resumed');
    const { session } = page.all('session.created')[0]!;
    expect(hello).toMatchObject({ kept: 'memory', session, received: { messages: 0, frames: 0 }, epoch: 9 });
    expect(await next.received('gate.close')).toMatchObject({ epoch: 9 });
    expect(model.bridge.setup).toMatchObject({
      history: [{ is: 'user', id: 'u1', text: 'What is it?' }],
      turn: 'auto',
    });
    expect(other!.leases).toBe(1);
    // Turns go on counting; nothing is asked again.
    model.bridge.emit({ type: 'provider.up', generation: 1 });
    next.send({ type: 'user.text', text: 'And this?' });
    expect((await next.received('turn.started')).turn).toBe('turn_1_1');
    expect(kept.newest).toMatchObject({ session, startedAt: expect.any(Number), epoch: 9 });
    next.send({ type: 'session.end' });
    await next.closed;
    await other!.empty();
    expect(kept.told.at(-1)).toBe(`ended ${session}`);
  });

  it('takes what the page typed once, also where the page never learned that it came', async () => {
    await started();
    await tell({ type: 'user.text', text: 'What is it?', n: 1 }, { type: 'assistant.say', text: 'Well.', n: 2 });
    expect(kept.newest.said).toBe(2);
    const next = await comesElsewhere(page.offer('same', 1));
    await next.received('session.resumed');
    const before = model.bridge.commands.length;
    next.send({ type: 'user.text', text: 'What is it?', n: 1 });
    next.send({ type: 'assistant.say', text: 'Well.', n: 2 });
    next.send({ type: 'user.text', text: 'And this?', n: 3 });
    await next.settled();
    const told = model.bridge.commands.slice(before).filter(({ is }) => is === 'user-text');
    expect(told).toMatchObject([{ text: 'And this?' }]);
    expect(kept.newest.said).toBe(3);
  });

  it('takes what a page types that was loaded anew, and counts anew', async () => {
    await started();
    await tell({ type: 'user.text', text: 'What is it?', n: 1 });
    const next = await comesElsewhere(page.offer('new'));
    await next.received('session.resumed');
    next.send({ type: 'user.text', text: 'And this?', n: 1 });
    await next.settled();
    expect(model.bridge.commands).toContainEqual(expect.objectContaining({ is: 'user-text', text: 'And this?' }));
  });

  it('asks the question that had no answer once more, and judges it as any', async () => {
    await started();
    await userTurn();
    kept.saved.push({ ...kept.newest, history: [{ is: 'user', id: 'user_1', text: 'What is it?' }] });
    const next = await comesElsewhere(page.offer('same'));
    await next.received('turn.started');
    model.bridge.emit({ type: 'provider.up', generation: 1 });
    await next.settled();
    expect(model.bridge.commands.filter(({ is }) => is === 'create')).toHaveLength(1);
  });

  it('asks the user to say again what was not written down yet', async () => {
    await started();
    await userTurn();
    expect(kept.newest.unanswered).toBe('user_1');
    const next = await comesElsewhere(page.offer('same'));
    await next.settled();
    model.bridge.emit({ type: 'provider.up', generation: 1 });
    expect((await next.received('clip.play')).clip).toBe('again');
    expect(model.bridge.commands.filter(({ is }) => is === 'create')).toEqual([]);
  });

  it('is given to who is let in for it only, and waits for them', async () => {
    await started();
    const offer = page.offer('same');
    const thief = await comesElsewhere(offer, { token: 'other' });
    expect((await thief.received('session.created')).session).not.toBe(kept.newest.session);
    const foreign = await comesElsewhere(offer, { origin: 'https://evil.example' });
    await foreign.received('session.created');
    const refused = await comesElsewhere(offer, { token: 'bad' });
    expect((await refused.closed).code).toBe(4501);
    const right = await comesElsewhere(offer);
    expect((await right.received('session.resumed')).kept).toBe('memory');
  });

  it('is let go of when nobody comes who is let in', async () => {
    await started();
    const refused = await comesElsewhere(page.offer('same'), { token: 'bad' });
    await refused.closed;
    const { session } = kept.newest;
    expect(kept.told).not.toContain(`left ${session}`);
    clock.advance(60_000);
    expect(kept.told).toContain(`left ${session}`);
  });

  it('is let go of when the instance stops before anybody came', async () => {
    await started();
    const refused = await comesElsewhere(page.offer('same'), { token: 'bad' });
    await refused.closed;
    await other!.stop();
    other = null;
    expect(kept.told).toContain(`left ${kept.newest.session}`);
  });

  it('is a new one where nothing can be found out', async () => {
    await started();
    kept.found = () => Promise.reject(new Error('the store is away'));
    const next = await comesElsewhere(page.offer('same'));
    await next.received('session.created');
  });
});

describe('a conversation that lives elsewhere', () => {
  const elsewhere: Found = { is: 'elsewhere', instance: 'ins_2', url: 'http://10.0.0.2' };

  it('is passed on, with the socket', async () => {
    await started();
    kept.found = () => Promise.resolve(elsewhere);
    const asked: unknown[] = [];
    const passOn: PassOn = (_request, socket: Duplex, _head, owner) => {
      asked.push(owner);
      socket.end('HTTP/1.1 418 Elsewhere\r\nContent-Length: 0\r\n\r\n');
      return Promise.resolve(true);
    };
    await expect(comesElsewhere(page.offer('same'), { deps: { passOn } })).rejects.toThrow('418');
    expect(asked).toEqual([{ instance: 'ins_2', url: 'http://10.0.0.2' }]);
    expect([other!.door.pending, other!.asked]).toEqual([0, []]);
  });

  it('goes on here when that instance does not answer', async () => {
    await started();
    const { newest } = kept;
    kept.found = (_session, _hash, dead) =>
      Promise.resolve(dead === 'ins_2' ? { is: 'left', checkpoint: newest } : elsewhere);
    const next = await comesElsewhere(page.offer('same'), { deps: { passOn: () => Promise.resolve(false) } });
    expect((await next.received('session.resumed')).kept).toBe('memory');
  });

  it('is not passed on twice, and not without a way', async () => {
    await started();
    kept.found = () => Promise.resolve(elsewhere);
    const passOn: PassOn = () => Promise.reject(new Error('must not be asked'));
    const next = await comesElsewhere(page.offer('same'), { deps: { passOn, isPassedOn: () => true } });
    await next.received('session.created');
    await other!.stop();
    other = null;
    await (await comesElsewhere(page.offer('same'))).received('session.created');
  });
});

describe('a drain', () => {
  it('tells when to come back, within a spread, and lets the conversation go before it closes', async () => {
    await begin({ deps: { continuity: kept, random: () => 0.75 } });
    const { session } = page.all('session.created')[0]!;
    const drained = relay.door.drain(60_000);
    expect((await page.closed).code).toBe(4001);
    await drained;
    expect(page.all('relay.draining')).toEqual([{ type: 'relay.draining', comeBackMs: 1_500 }]);
    expect(kept.told).toEqual([`began ${session}`, `left ${session}`]);
    await expectNothingLeft();
  });

  it('ends no answer in the middle, and takes in a page that loses its connection meanwhile', async () => {
    await started();
    await userTurn();
    await answer('r1', 'turn_1', 3_000);
    const drained = relay.door.drain(60_000);
    const next = await back();
    expect((await next.received('session.resumed')).kept).toBe('all');
    expect(next.all('relay.draining')).toEqual([]);
    bridge.emit({ type: 'response.generated', response: 'r1', text: 'So.' });
    bridge.emit({ type: 'response.done', response: 'r1', status: 'completed' });
    await next.settled();
    next.send({ type: 'playout.drained', epoch: 1, item: 'item_of_r1' });
    expect((await next.closed).code).toBe(4001);
    await drained;
    expect(next.all('turn.ended').map(({ outcome }) => outcome)).toEqual(['answered']);
    expect([outcomes(), commands('cancel')]).toEqual([[], []]);
    expect(provider.bridges).toHaveLength(1);
  });

  it('ends what waits for its page at once, so that it can go on elsewhere', async () => {
    await started();
    await userTurn();
    await cut();
    await relay.door.drain(60_000);
    expect(kept.told.at(-1)).toBe(`left ${kept.newest.session}`);
    const next = await comesElsewhere(page.offer('same'));
    expect((await next.received('session.resumed')).kept).toBe('memory');
  });
});
