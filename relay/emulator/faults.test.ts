/** Each knob of the fault table: what it makes go wrong, how often, and that the README tells of it. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { FAULTS, FaultKnobs, faultOfFlag } from './faults.ts';
import { PUSH_TO_TALK, TEXT, bench } from './testing/session-bench.ts';
import { silence, toldEar, tone } from './testing/sounds.ts';

describe('the table of faults', () => {
  it('is the table in the README', async () => {
    const readme = await readFile(new URL('./README.md', import.meta.url), 'utf8');
    const told = readme
      .split('\n')
      .map((line) => /^\| `([a-z-]+)` +\| (.*?) +\| (.*?) +\|$/.exec(line)?.slice(1))
      .filter((row) => row !== undefined);
    expect(told).toEqual(Object.entries(FAULTS).map(([name, { takes, does }]) => [name, takes, does]));
  });

  it('reads values from flags as from JSON', () => {
    const knobs = new FaultKnobs();
    for (const flag of ['pace=2.5', 'preamble=true', 'drop=1011', 'transcript=late', 'expire=0'])
      knobs.set(faultOfFlag(flag));
    expect(knobs.current).toMatchObject({ pace: 2.5, preamble: true, drop: '1011', transcript: 'late', expire: 0 });
    knobs.set({ preamble: false, transcript: 300, drop: null });
    expect(knobs.current).toMatchObject({ preamble: false, transcript: '300', drop: null });
    knobs.clear('pace');
    expect(knobs.current.pace).toBeNull();
  });

  it.each(['pace', '=2', 'pace=', 'pace=-1', 'drop=1000', 'preamble=yes', 'transcript=soon', 'error=A B', 'typo=1'])(
    'refuses %s and changes nothing',
    (flag) => {
      const knobs = new FaultKnobs();
      const before = knobs.current;
      expect(() => knobs.set({ oversize: 7, ...faultOfFlag(flag) })).toThrow(RangeError);
      expect(knobs.current).toEqual(before);
    },
  );

  it('fails as many responses as it was told to', () => {
    const knobs = new FaultKnobs();
    knobs.set({ error: 'server_error:2' });
    expect([knobs.takeError(), knobs.takeError(), knobs.takeError()]).toEqual(['server_error', 'server_error', null]);
  });
});

describe('what the emulator is told to get wrong', () => {
  it.each(['insufficient_quota', 'rate_limit_exceeded', 'server_error', 'odd_code'])(
    'fails the next response with %s, and only that',
    async (error) => {
      const { type, send, until, faults } = bench({}, TEXT);
      faults.set({ error });
      type('Thanks');
      send({ type: 'response.create' });
      const { response } = await until('response.done');
      expect(response).toMatchObject({ status: 'failed', output: [], status_details: { error: { code: error } } });
      send({ type: 'response.create' });
      expect((await until('response.done'))['response'].status).toBe('completed');
    },
  );

  it.each([
    ['early', ['completed', 'created', 'done']],
    ['late', ['created', 'completed', 'done']],
    ['failed', ['created', 'failed', 'done']],
    ['none', ['created', 'done']],
    ['0', ['completed', 'created', 'done']],
  ])('tells a transcript %s', async (transcript, expected) => {
    const transcription = { model: 'whisper-1' };
    const { append, until, run, faults, events } = bench(
      { ear: toldEar('Thank you') },
      { audio: { input: { transcription } } },
    );
    faults.set({ transcript });
    append(tone(500), silence(600));
    const done = await until('response.done');
    await run(100);
    const told = events.filter(({ type }) =>
      /transcription\.(completed|failed)$|^response\.(created|done)$/.test(type),
    );
    expect(told.map(({ type }) => type.split('.').at(-1)).sort()).toEqual([...expected].sort());
    const at = told.findIndex(({ type }) => type.includes('transcription'));
    if (transcript === 'early' || transcript === '0') expect(at).toBe(0);
    if (transcript === 'late') expect(told[at]?.['usage']).toEqual({ type: 'duration', seconds: 1 });
    if (transcript === 'late') expect(events.indexOf(told[at]!)).toBeGreaterThan(events.indexOf(done));
  });

  it('tells a late transcript also when no response comes', async () => {
    const { append, send, until, faults } = bench(
      { ear: toldEar('Thank you') },
      { audio: { input: { turn_detection: null, transcription: { model: 'gpt-transcribe' } } } },
    );
    faults.set({ transcript: 'late' });
    append(tone(500));
    send({ type: 'input_audio_buffer.commit' });
    expect(await until('conversation.item.input_audio_transcription.completed')).toMatchObject({
      transcript: 'Thank you',
      usage: { type: 'tokens', input_tokens: 5, total_tokens: 8 },
    });
  });

  it('answers twice when told to', async () => {
    const { type, send, until, faults } = bench({}, TEXT);
    faults.set({ duplicate: 1 });
    type('Thanks');
    send({ type: 'response.create', response: { metadata: { turn: '1' } } });
    expect((await until('response.done'))['response'].metadata).toEqual({ turn: '1' });
    expect((await until('response.done'))['response'].metadata).toBeNull();
    send({ type: 'response.create' });
    await until('response.done');
  });

  it('pads one delta beyond what a client may expect', async () => {
    const { type, send, until, faults } = bench({}, TEXT);
    faults.set({ oversize: 2_000_000 });
    type('Thanks');
    send({ type: 'response.create' });
    expect((await until('response.output_text.delta'))['obfuscation']).toHaveLength(2_000_000);
    expect((await until('response.output_text.delta'))['obfuscation'].length).toBeLessThan(50);
  });

  it('commits later than asked, so that a response in a hurry misses the turn', async () => {
    const { append, send, until, order, faults } = bench({}, { ...PUSH_TO_TALK, ...TEXT });
    faults.set({ 'commit-race': 5000 });
    append(tone(300));
    order();
    send({ type: 'input_audio_buffer.commit' });
    send({ type: 'response.create' });
    await until('response.done');
    expect(order()).not.toContain('input_audio_buffer.committed');
    await until('input_audio_buffer.committed');
  });

  it.each([
    ['1011:2', { code: 1011, reason: 'dropped by a fault' }],
    ['1006', { code: 1006, reason: '' }],
  ])('drops the connection in mid-answer: %s', async (drop, close) => {
    const { type, send, until, run, faults, closes, events, clock } = bench();
    faults.set({ drop });
    type('Tell me a long story');
    send({ type: 'response.create' });
    await until('response.output_audio.delta');
    await run(1000);
    expect(closes).toEqual([close]);
    expect(events.some(({ type: kind }) => kind === 'response.done')).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('expires a session, with the error and the close code of the real server', async () => {
    const { until, faults, closes, clock, run } = bench();
    await run(5000);
    faults.set({ expire: 8 });
    const { error } = await until('error');
    expect(error).toMatchObject({ code: 'session_expired', event_id: null });
    expect(closes).toEqual([{ code: 1001, reason: 'Your session hit the maximum duration of 60 minutes.' }]);
    expect([clock.now(), clock.pending]).toEqual([8000, 0]);
  });

  it('fails a response whose voice fails', async () => {
    const { type, send, until } = bench({ voice: { speak: () => Promise.reject(new Error('hoarse')) } });
    type('Thanks');
    send({ type: 'response.create' });
    const { response } = await until('response.done');
    expect(response).toMatchObject({ status: 'failed', output: [{ status: 'incomplete' }] });
  });
});
