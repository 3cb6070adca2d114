/** Every line that a conversation writes says whose it is, and within a turn which. */
import { afterEach, expect, it } from 'vitest';
import { createLog } from '../log.ts';
import { openPage } from './testing/page-client.ts';
import * as talk from './testing/conversation.ts';
import { GOOD_TOKEN } from './testing/relay-under-test.ts';

const lines: Record<string, unknown>[] = [];
const log = createLog({
  level: 'debug',
  destination: { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
});
afterEach(() => talk.relay.stop());

it('names request, session and tenant on each line, and the turn while there is one', async () => {
  await talk.admit({ deps: { log } });
  const page = await openPage(talk.relay.url, GOOD_TOKEN, { headers: { 'x-request-id': 'edge-1' } });
  await page.received('session.created');
  page.send({ type: 'session.start', turn: 'auto' });
  await page.settled();
  talk.provider.bridge.emit({ type: 'provider.up', generation: 1 });
  page.send({ type: 'user.text', text: 'canary words' });
  await page.received('turn.started');
  page.socket.terminate();
  await page.closed;
  await talk.page.settled();
  const about = lines.filter(({ request }) => request === 'edge-1');
  expect(about.map(({ event, turn }) => [event, turn])).toEqual([
    ['session started', undefined],
    ['a page is away', 'turn_1'],
  ]);
  for (const line of about) expect(line).toMatchObject({ tenant: 'ten_1', session: expect.stringMatching(/^ses_/) });
  talk.clock.advance(120_000);
  const last = lines.find(({ event, request }) => event === 'session ended' && request === 'edge-1');
  expect(last).not.toHaveProperty('turn');
  expect(JSON.stringify(lines)).not.toMatch(/canary|good/);
});
