import { describe, expect, it } from 'vitest';
import { scrubEvent, scrubMessage, scrubSpan } from './scrub.ts';

describe('what leaves of a message', () => {
  it.each([
    ["Cannot read properties of undefined (reading 'lane')", "Cannot read properties of undefined (reading 'lane')"],
    ["Cannot set properties of null (setting 'at') by 'me'", "Cannot set properties of null (setting 'at') by […]"],
    [`Unexpected token 'h', "hello there" is not valid JSON`, 'Unexpected token […], […] is not valid JSON'],
    [
      'duplicate key value violates unique constraint "people_pkey"',
      'duplicate key value violates unique constraint […]',
    ],
    ['connect ECONNREFUSED 10.0.0.5:6379', 'connect ECONNREFUSED [address]'],
    ['connect ECONNREFUSED ::1:6379', 'connect ECONNREFUSED [address]'],
    ['no route to https://voice.example.com/x?token=1 from ann@example.org', 'no route to [url] from [mail]'],
    ['Bearer abc.def was refused', '[secret] was refused'],
    ['at 12:30 it stopped after 3.5 s', 'at 12:30 it stopped after 3.5 s'],
  ])('%s', (text, clean) => {
    expect(scrubMessage(text)).toBe(clean);
  });

  it('is short', () => {
    expect(scrubMessage('ab '.repeat(500))).toHaveLength(201);
  });
});

describe('what leaves of an event', () => {
  it('names files below the program, and not where that is', () => {
    const filenames = [
      ...['/srv/app/dist/relay/session/session.js', 'file:///opt/x/node_modules/ws/lib/websocket.js', 'node:net'],
      ...['C:\\Users\\ann\\thing.js', undefined],
    ];
    const frames = filenames.map((filename) => ({
      ...(filename !== undefined && { filename, abs_path: filename }),
      vars: { token: 'x' },
    }));
    const event = scrubEvent({ type: undefined, exception: { values: [{ stacktrace: { frames } }] } });
    expect(event.exception?.values?.[0]?.stacktrace?.frames).toEqual([
      { filename: 'dist/relay/session/session.js' },
      { filename: 'node_modules/ws/lib/websocket.js' },
      { filename: 'node:net' },
      { filename: 'thing.js' },
      {},
    ]);
  });

  it('holds no tag that is no id, and stands without an exception', () => {
    const tags = { session: 'ses_1', turn: 'what he said', status: 500, instance: null, other: 'x' };
    expect(scrubEvent({ type: undefined, tags }).tags).toEqual({ session: 'ses_1', status: '500' });
    expect(scrubEvent({ type: undefined }).exception).toEqual({ values: [] });
  });
});

it('takes from a span what is not a number, a flag or an id', () => {
  const span = scrubSpan({
    ...{ trace_id: 'a', span_id: 'b', name: 'turn', start_timestamp: 1, status: 'ok', is_segment: true },
    attributes: { 'vjj.lane': 'B', 'vjj.ok': true, 'vjj.text': 'two words', 'http.url': 'x', 'vjj.list': ['a'] },
    links: [],
  });
  expect(span.attributes).toEqual({ 'vjj.lane': 'B', 'vjj.ok': true });
  expect(span.links).toBeUndefined();
});
