/**
 * What a whole relay keeps of a conversation on its disk, by what the tenant chose: which words, and of sound
 * nothing at all. And that one end user's data goes, also from under a conversation that goes on.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callApi, type ApiRequest } from './cli/api-call.ts';
import { startFleet, type Fleet, type FleetMember } from './continuity/testing/fleet.ts';
import type { ReturningPage } from './continuity/testing/returning-page.ts';
import type { AnswerOf, RouteName } from './http/api/routes.ts';
import type { Relay } from './start.ts';
import { postgresDatabase } from './testing/database.ts';
import { speech } from './testing/speech.ts';

const OPERATOR = 'operator-token-of-the-relay';
const SPOKEN = 'What are your opening hours?';
const HEARD = 'nine in the morning';
const MAIL = 'zanzibar.walrus@canary.example';
const TYPED = `My address is ${MAIL}, quagmire.`;
/** Sound that is found is found by a stretch of so many bytes: a hundredth of a second. */
const STRETCH = 480;

let fleet: Fleet;
let relay: FleetMember & { relay: Relay };
const begin = async (env: Record<string, string> = {}) => {
  fleet = await startFleet({ ADMIN_TOKEN: OPERATOR, LANE_A_ENABLED: 'true', ...env });
  relay = await fleet.here();
};
afterEach(() => fleet.stop(), 60_000);

async function call<K extends RouteName>(name: K, asked: ApiRequest = {}): Promise<AnswerOf<K>> {
  const params = { tenant: 'demo', ...asked.params };
  return (await callApi({ url: relay.url, token: OPERATOR }, name, { ...asked, params })).value as AnswerOf<K>;
}
async function conversation(): Promise<{ page: ReturningPage; said: Int16Array }> {
  const page = fleet.page(relay);
  await page.connect(relay.ws);
  page.start();
  await page.received('provider.changed', ({ up }) => up);
  const said = await speech(SPOKEN);
  await page.say(said);
  await page.received('turn.ended');
  await page.ask(TYPED);
  return { page, said };
}
async function ended(session: string): Promise<AnswerOf<'session'>> {
  for (;;) {
    const row = await call('session', { params: { session } }).catch(() => undefined);
    if (row !== undefined && row.endedAt !== null) return row;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
/** Everything that the relay has written, file by file. */
function disk(): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const root = join(fleet.root, 'data-1');
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) {
      const path = join(entry.parentPath, entry.name);
      files.set(path.slice(root.length + 1), readFileSync(path));
    }
  return files;
}
const holding = (what: string | Buffer) =>
  [...disk()].filter(([, bytes]) => bytes.includes(what)).map(([name]) => name);
/** Stretches of sound, as they are and as text may hold them, of the loudest parts. */
function stretches(samples: Int16Array): (string | Buffer)[] {
  const bytes = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
  const found: (string | Buffer)[] = [];
  for (let at = 0; at + STRETCH <= bytes.length; at += STRETCH * 20) {
    const piece = bytes.subarray(at, at + STRETCH);
    // Silence is everywhere.
    if (new Set(piece).size < 64) continue;
    // Whatever the offset, one of three ways to write it in letters begins with a whole group.
    found.push(piece, ...[0, 1, 2].map((shift) => piece.subarray(shift, shift + 300).toString('base64')));
  }
  return found;
}

describe('of a conversation the relay keeps', () => {
  beforeEach(() => begin(), 60_000);

  it.each([
    ['off', { words: false, mail: false }],
    ['redacted', { words: true, mail: false }],
    ['full', { words: true, mail: true }],
  ] as const)(
    'with transcripts "%s" that much in words, and no sound whatsoever',
    async (transcripts, keeps) => {
      await call('changeTenant', { body: { settings: { transcripts } } });
      const { page, said } = await conversation();
      const heard = page.heard.slice();
      // What of it is kept for another relay while it lives is sealed, whatever the tenant chose.
      for (const file of holding(HEARD)) expect([keeps.words, file]).toEqual([true, expect.stringContaining('vjj.db')]);
      page.send({ type: 'session.end' });
      const row = await ended(page.session);
      const texts = row.turnRows.flatMap(({ userText, heardText, unheardText }) => [userText, heardText, unheardText]);
      const all = texts.filter((text) => text !== null).join('\n');
      if (!keeps.words) expect(all).toBe('');
      else expect(all).toContain('quagmire');
      expect(all.includes(MAIL)).toBe(keeps.mail);
      // Figures are kept in any case.
      expect(row.turnRows.length).toBeGreaterThanOrEqual(2);
      expect(row.turnRows[0]?.figures).toMatchObject({ first_b_ms: expect.any(Number) });

      await relay.relay.stop(0);
      expect(holding('quagmire').length > 0).toBe(keeps.words);
      expect(holding(MAIL).length > 0).toBe(keeps.mail);
      for (const name of holding('quagmire')) expect(name).toMatch(/^vjj\.db(-wal)?$/);

      const names = [...disk().keys()].map((name) => name.replace(/\/.*/, '/…').replace(/-(wal|shm)$/, ''));
      expect(['audit/…', 'clips/…', 'master.key', 'spool/…', 'vjj.db', 'vjj.db.lock']).toEqual(
        expect.arrayContaining([...new Set(names)]),
      );
      const sounds = [said, ...heard].flatMap(stretches);
      expect(sounds.length).toBeGreaterThan(40);
      for (const [name, bytes] of disk())
        for (const sound of sounds) expect(bytes.includes(sound), `sound in ${name}`).toBe(false);
    },
    60_000,
  );
});

describe.each(['SQLite', 'Postgres'] as const)('one end user on %s', (kind) => {
  beforeEach(async () => {
    await begin(kind === 'SQLite' ? {} : { DATABASE_URL: await postgresDatabase() });
    await call('changeTenant', { body: { settings: { transcripts: 'full' } } });
  }, 60_000);

  it('is handed out and erased while they talk: the conversation ends, and nothing of it is left but figures', async () => {
    const [{ page }, other] = await Promise.all([conversation(), conversation()]);
    const { subject } = await call('session', { params: { session: page.session } });
    const [mine] = (await call('exportSubject', { body: { subject } })).rows;
    expect(mine).toMatchObject({ id: page.session, subject, endedAt: null });
    expect(JSON.stringify(mine)).toContain(MAIL);

    expect(await call('eraseSubject', { body: { subject } })).toMatchObject({ sessions: 1, live: 1 });
    await page.until(() => page.closes.length > 0, 4_000);
    expect(page.closes.map(({ code }) => code)).toEqual([4504]);
    const row = await ended(page.session);
    expect(row).toMatchObject({ subject: '', comment: null });
    expect(row.turnRows.length).toBeGreaterThanOrEqual(2);
    for (const turn of row.turnRows) expect(turn).toMatchObject({ userText: null, heardText: null, unheardText: null });
    // What it cost is still known, as figures of nobody, as soon as they are written.
    const costs = async () => {
      const { cost, usage } = await call('session', { params: { session: page.session } });
      return [cost, usage.reduce((sum, one) => sum + one.cost, 0)];
    };
    await vi.waitFor(async () => {
      const [cost, used] = await costs();
      expect(used).toBeGreaterThan(0);
      expect(cost).toBe(used);
    }, 20_000);
    expect(await call('exportSubject', { body: { subject } })).toMatchObject({ rows: [], deliveries: [] });
    const audit = JSON.stringify(await call('audit'));
    expect(audit).toContain('subject.erase');
    expect(audit).not.toContain(subject);

    // Somebody else's goes on as if nothing had been.
    expect(other.page.closes).toEqual([]);
    await other.page.ask(SPOKEN);
    const [theirs] = (await call('sessions', { query: { search: other.page.session } })).rows;
    expect(theirs?.subject).not.toBe('');
    other.page.send({ type: 'session.end' });
    await ended(other.page.session);
    await call('eraseSubject', { body: { subject: theirs?.subject } });
    await relay.relay.stop(0);
    // Also not where a database keeps what it has deleted.
    expect(holding(MAIL)).toEqual([]);
    expect(holding(HEARD)).toEqual([]);
  }, 60_000);
});
