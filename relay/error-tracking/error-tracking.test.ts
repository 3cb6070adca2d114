/** Errors that nobody expected reach whoever takes Sentry's envelopes, and nothing else does. */
import { trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RelayError } from '../errors.ts';
import { createLog, type Log } from '../log.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { MOST_A_MINUTE, openErrorTracking, type ErrorTracking, type ErrorTrackingOptions } from './error-tracking.ts';
import { startReceiver, type Receiver } from './testing/receiver.ts';

let receiver: Receiver;
let tracking: ErrorTracking | undefined;
let lines: Record<string, unknown>[];
let log: Log;
const clock = virtualClock();
beforeEach(async () => {
  receiver = await startReceiver();
  lines = [];
  log = createLog({
    level: 'info',
    destination: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
});
afterEach(async () => {
  await tracking?.close?.();
  tracking = undefined;
  await receiver.close();
});

async function open(options: Partial<ErrorTrackingOptions> = {}): Promise<Log> {
  tracking = await openErrorTracking({
    ...{ dsn: receiver.dsn, environment: 'staging', tracesSampleRate: 0, hasOwnSpans: false, log, clock },
    ...options,
  });
  return tracking.watched(log);
}

describe('error tracking', () => {
  it('loads nothing where no address is given', async () => {
    let loaded = 0;
    const load = () => {
      loaded += 1;
      return import('@sentry/node');
    };
    expect(await open({ dsn: undefined, load })).toBe(log);
    expect(tracking?.close).toBeUndefined();
    expect([loaded, lines]).toEqual([0, []]);
  });

  it('says which package is missing, and how to get it; the relay goes on', async () => {
    const missing = Object.assign(new Error("Cannot find package '@sentry/node'"), { code: 'ERR_MODULE_NOT_FOUND' });
    expect(await open({ load: () => Promise.reject(missing) })).toBe(log);
    expect(lines).toMatchObject([
      {
        level: 'warn',
        event: 'errors are not reported',
        reason: expect.stringContaining('npm install @sentry/node@11'),
      },
    ]);
    await open({ load: () => Promise.reject(new SyntaxError('broken')) });
    expect(lines[1]).toMatchObject({ level: 'warn', reason: 'it cannot be loaded', error: { name: 'SyntaxError' } });
  });

  it('says that an address is none', async () => {
    expect(await open({ dsn: 'https://example.com' })).toBe(log);
    expect(lines).toMatchObject([{ level: 'warn', reason: expect.stringContaining('https://KEY@HOST/PROJECT') }]);
  });

  it('reports what nobody expected, with ids, release and environment, and where in the program', async () => {
    const watched = await open();
    const session = watched.child({ session: 'ses_1', tenant: 'tnt_1' }).child(() => ({ turn: 'trn_7' }));
    session.error('a session failed', {
      error: new TypeError('a part is missing', { cause: new Error('its own cause') }),
    });
    const [item] = await receiver.arrived('event');
    expect(item?.body).toMatchObject({
      level: 'error',
      environment: 'staging',
      release: expect.stringMatching(/^voice-jib-jab@/),
      tags: { event: 'a session failed', session: 'ses_1', tenant: 'tnt_1', turn: 'trn_7' },
      exception: {
        values: [
          { type: 'Error', value: 'its own cause' },
          {
            ...{ type: 'TypeError', value: 'a part is missing' },
            stacktrace: {
              frames: expect.arrayContaining([
                expect.objectContaining({ filename: expect.stringMatching(/^relay\/error-tracking/) }),
              ]),
            },
          },
        ],
      },
    });
    expect(lines).toMatchObject([
      { event: 'errors are reported' },
      { level: 'error', event: 'a session failed', session: 'ses_1', turn: 'trn_7' },
    ]);
  });

  it('leaves refusals, outages and everything below an error to the log', async () => {
    const watched = await open();
    watched.error('request failed', { error: new RelayError('busy', 'the database does not answer') });
    watched.error('the database is away', { database: 'x' });
    watched.warn('a page goes on without Opus', { error: new Error('no codec') });
    watched.info('relay started');
    watched.debug('nothing', { error: new Error('of note') });
    watched.error('request failed', {
      error: new RelayError('internal', 'unexpected', { cause: new Error('the one') }),
    });
    const [item] = await receiver.arrived('event');
    expect(JSON.stringify(item?.body)).toContain('the one');
    expect(receiver.items).toHaveLength(1);
  });

  it('sends no token, key, transcript, address, header, body, variable, breadcrumb or console line', async () => {
    const watched = await open();
    // What a reporter with its own defaults would pick up.
    const planted = [
      ...['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln', 'sk-live-abcdefgh12345678', 'vjj_0123456789abcdef'],
      ...['my card ends in four two', 'ann@example.org', '203.0.113.77', '2001:db8::77', 'hunter2hunter2'],
    ];
    process.stdout.write('');
    await fetch(`http://127.0.0.1:${new URL(receiver.dsn).port}/warm-up?token=hunter2hunter2`, { method: 'HEAD' });
    const [jwt, key, own, words, mail, v4, v6, password] = planted;
    const thrown = Object.assign(
      new SyntaxError(
        `Unexpected token 'm', "${words}" is not valid JSON; ${jwt} ${key} ${own} ${mail} ${v4}:443 ${v6} ` +
          `https://user:${password}@db.example.com/x?token=${jwt}`,
        { cause: Object.assign(new Error(`connect ECONNREFUSED ${v4}:5432 by “${words}”`), { address: v4 }) },
      ),
      { headers: { authorization: `Bearer ${jwt}` }, body: words, transcript: words },
    );
    watched.child({ session: 'ses_2', address: v4!, origin: `https://${v4}` }).error('request failed', {
      ...{ error: thrown, reason: words!, path: `/api/${mail}`, code: `not an id: ${words}` },
    });
    watched.error('relay crashed', { error: words });
    const items = await receiver.arrived('event', 2);
    const sent = items.map(({ body }) => JSON.stringify(body)).join('\n');
    for (const one of planted) expect(sent).not.toContain(one);
    expect(sent).not.toMatch(/breadcrumbs|"user"|"request"|"extra"|server_name|"modules"|"vars"|context_line|abs_path/);
    expect(items.map(({ body }) => Object.keys(body).sort())).toEqual(
      Array(2).fill([
        'contexts',
        'environment',
        'event_id',
        'exception',
        'level',
        'platform',
        'release',
        'sdk',
        'tags',
        'timestamp',
      ]),
    );
    expect(items[0]?.body['tags']).toEqual({ event: 'request failed', session: 'ses_2' });
    expect(sent).toContain('string was thrown');
  });

  it('stops at a bound each minute, and says how many it left out', async () => {
    const watched = await open();
    for (let n = 0; n < MOST_A_MINUTE + 5; n++) watched.error('request failed', { error: new Error(`number ${n}`) });
    expect(await receiver.arrived('event', MOST_A_MINUTE)).toHaveLength(MOST_A_MINUTE);
    clock.advance(60_000);
    watched.error('request failed', { error: new Error('a minute later') });
    expect(await receiver.arrived('event', MOST_A_MINUTE + 1)).toHaveLength(MOST_A_MINUTE + 1);
    expect(lines.at(-1)).toMatchObject({ level: 'warn', count: 5 });
  });

  it('sends spans of conversations, scrubbed, where nobody else exports them', async () => {
    await open({ tracesSampleRate: 1 });
    const span = trace.getTracer('voice-jib-jab').startSpan('lane.b');
    span.setAttributes({
      'vjj.turn': 'trn_7',
      'vjj.count': 3,
      'vjj.words': 'my card ends in four two',
      'user.email': 'ann',
    });
    span.end();
    await tracking?.close?.();
    const [item] = await receiver.arrived('span');
    const text = JSON.stringify(item?.body);
    expect(text).toContain('lane.b');
    expect(text).toContain('trn_7');
    expect(text).not.toMatch(/four two|ann|user\./);
  });
});
