/** What happens when two things happen at once: the moments at which clients get it wrong. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PUSH_TO_TALK, TEXT, TRANSCRIBED, bench, type Bench, type SeenEvent } from './testing/session-bench.ts';
import { silence, toldEar, tone } from './testing/sounds.ts';

const LISTENING = {
  audio: { input: { turn_detection: { type: 'server_vad', create_response: false, interrupt_response: false } } },
};

describe('races', () => {
  it('a cancellation before response.created is refused, and the response still comes', async () => {
    const { type, send, until, events } = bench();
    type('Thanks');
    send({ type: 'response.create' });
    send({ type: 'response.cancel' });
    expect(events.at(-1)?.['error'].code).toBe('response_cancel_not_active');
    const { response } = await until('response.done');
    expect(response.status).toBe('completed');
  });

  it('speech before response.created cancels it as soon as it is created', async () => {
    const { type, send, append, until, order } = bench();
    type('Thanks');
    order();
    send({ type: 'response.create' });
    append(tone(200));
    const { response } = await until('response.done');
    expect(response).toMatchObject({ status: 'cancelled', status_details: { reason: 'turn_detected' }, output: [] });
    expect(order()).toEqual(['input_audio_buffer.speech_started', 'response.created', 'response.done']);
  });

  it('a second cancellation of the same response is refused', async () => {
    const { type, send, until, events } = bench();
    type('Tell me a long story');
    send({ type: 'response.create' });
    const { response } = await until('response.created');
    send({ type: 'response.cancel', response_id: response.id });
    expect(events.at(-1)?.['response'].output).toEqual([]);
    send({ type: 'response.cancel', response_id: response.id });
    expect(events.at(-1)?.['error'].code).toBe('response_cancel_not_active');
  });

  it('a bare cancellation and an interruption leave responses outside the conversation alone', async () => {
    const { send, append, until, run, events } = bench();
    send({
      type: 'response.create',
      response: { conversation: 'none', input: [], instructions: 'Say only: One moment.' },
    });
    const { response } = await until('response.created');
    await until('response.output_audio.delta');
    send({ type: 'response.cancel' });
    append(tone(200));
    expect(events.some(({ type }) => type === 'response.done')).toBe(false);
    send({ type: 'response.cancel', response_id: response.id });
    expect((await until('response.done'))['response'].status).toBe('cancelled');
    await run(100);
  });

  it('sound does not cut off an answer when interrupt_response is off; the turn stays without a reply', async () => {
    const turn_detection = { type: 'server_vad', interrupt_response: false };
    const { type, send, append, until, events } = bench({}, { audio: { input: { turn_detection } } });
    type('Tell me a long story');
    send({ type: 'response.create' });
    await until('response.output_audio.delta');
    append(tone(500), silence(600));
    expect(events.at(-1)?.type).toBe('conversation.item.done');
    expect((await until('response.done'))['response'].status).toBe('completed');
    expect(events.filter(({ type: kind }) => kind === 'response.created')).toHaveLength(1);
  });

  it('a commit by hand in mid-speech takes the item id of that speech and silences its end', async () => {
    const { append, send, events, order } = bench({}, LISTENING);
    append(tone(400));
    const started = events.find(({ type }) => type === 'input_audio_buffer.speech_started');
    send({ type: 'input_audio_buffer.commit' });
    order();
    append(tone(400), silence(2000));
    // What is said after the commit is a segment of its own.
    expect(order()).toEqual([
      ...['input_audio_buffer.speech_started', 'input_audio_buffer.speech_stopped', 'input_audio_buffer.committed'],
      ...['conversation.item.added', 'conversation.item.done'],
    ]);
    expect(events.filter(({ type }) => type === 'input_audio_buffer.speech_started')).toHaveLength(2);
    expect(events.find(({ type }) => type === 'input_audio_buffer.committed')?.['item_id']).toBe(started?.['item_id']);
  });

  it('a commit by hand followed by quiet never tells the end of that speech', () => {
    const { append, send, order } = bench({}, LISTENING);
    append(tone(400));
    send({ type: 'input_audio_buffer.commit' });
    order();
    append(silence(2000));
    expect(order()).toEqual([]);
  });

  it('a cleared buffer ends the speech in it without a word', () => {
    const { append, send, order } = bench({}, LISTENING);
    append(tone(400));
    order();
    send({ type: 'input_audio_buffer.clear' });
    append(silence(1000));
    expect(order()).toEqual(['input_audio_buffer.cleared']);
  });

  it('a tool output while a response is active is kept, and answered by the next', async () => {
    const tools = [{ type: 'function', name: 'weather' }];
    const { type, send, until } = bench({}, { tools, ...TEXT });
    type('How is the weather?');
    send({ type: 'response.create' });
    const [call] = (await until('response.done'))['response'].output;
    expect(call.arguments).toBe('{}');
    send({ type: 'response.create', response: { tool_choice: 'none' } });
    await until('response.created');
    send({
      type: 'conversation.item.create',
      item: { type: 'function_call_output', call_id: call.call_id, output: 'dry.' },
    });
    await until('response.done');
    send({ type: 'response.create' });
    await until('response.output_text.done');
    expect((await until('response.output_text.done'))['text']).toBe('Here is the weather report: dry.');
  });

  it('an item that is deleted or truncated while it is spoken goes on, but not into memory', async () => {
    const { type, send, until, run, session, events } = bench();
    type('Tell me a long story');
    send({ type: 'response.create' });
    const { item } = await until('response.output_item.added');
    await until('response.output_audio.delta');
    send({ type: 'conversation.item.truncate', item_id: item.id, content_index: 0, audio_end_ms: 100 });
    await run(500);
    expect(session.report().items.at(-1)).toMatchObject({ remembered: '', truncated_at_ms: 100 });
    send({ type: 'conversation.item.delete', item_id: item.id });
    send({ type: 'response.cancel' });
    expect(events.slice(-5).map(({ type: kind }) => kind)).not.toContain('conversation.item.done');
    expect(events.at(-1)?.['response'].output).toHaveLength(1);
  });

  it('expiry in the middle of speech leaves no timer behind', async () => {
    const { type, send, append, until, faults, clock, closes } = bench({}, TRANSCRIBED);
    type('Tell me a long story');
    append(tone(300));
    send({ type: 'response.create' });
    faults.set({ expire: 1 });
    await until('error');
    expect([closes[0]?.code, clock.pending]).toEqual([1001, 0]);
    send({ type: 'response.create' });
    expect(closes).toHaveLength(1);
  });

  it('a socket that closes while the voice still works hears no more of it', async () => {
    let finish = (_: Int16Array): void => undefined;
    const speaking = new Promise<Int16Array>((spoken) => (finish = spoken));
    const { type, send, run, session, events, clock } = bench({ voice: { speak: () => speaking } });
    type('Thanks');
    send({ type: 'response.create' });
    await run(300);
    session.end(1000, '');
    const before = events.length;
    finish(tone(100));
    await run(1000);
    expect([events.length, clock.pending]).toEqual([before, 0]);
  });
});

type Act = (own: Bench) => void | Promise<void>;
const lastItem = ({ events }: Bench): unknown =>
  events.findLast(({ type }) => type === 'conversation.item.added')?.['item'].id ?? 'none';
const ACTS: Record<string, Act> = {
  type: ({ type }) => type('Tell me a long story'),
  call: ({ type }) => type('What is the weather in Rome?'),
  create: ({ send }) => send({ type: 'response.create' }),
  aside: ({ send }) =>
    send({ type: 'response.create', response: { conversation: 'none', instructions: 'Say only: Hm.' } }),
  cancel: ({ send }) => send({ type: 'response.cancel' }),
  speak: ({ append }) => append(tone(300)),
  hush: ({ append }) => append(silence(600)),
  commit: ({ send }) => send({ type: 'input_audio_buffer.commit' }),
  clear: ({ send }) => send({ type: 'input_audio_buffer.clear' }),
  hold: ({ send }) => send({ type: 'session.update', session: { type: 'realtime', ...PUSH_TO_TALK } }),
  release: ({ send }) => {
    const audio = { input: { turn_detection: { type: 'server_vad' } } };
    send({ type: 'session.update', session: { type: 'realtime', audio } });
  },
  write: ({ send }) => send({ type: 'session.update', session: { type: 'realtime', ...TEXT } }),
  remove: (own) => own.send({ type: 'conversation.item.delete', item_id: lastItem(own) }),
  first: ({ send }) => {
    const item = { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Be kind.' }] };
    send({ type: 'conversation.item.create', item, previous_item_id: 'root' });
  },
  truncate: (own) =>
    own.send({ type: 'conversation.item.truncate', item_id: lastItem(own), content_index: 0, audio_end_ms: 150 }),
  wait: ({ run }) => run(30),
  rest: ({ run }) => run(700),
};

/** Replays what was told of the conversation into a list of ids, and checks each step of the chain. */
function chainOf(events: SeenEvent[]): string[] {
  const ids: string[] = [];
  for (const { type, item, item_id: id, previous_item_id: previous } of events) {
    if (type === 'conversation.item.added') {
      ids.splice(previous === null ? 0 : ids.indexOf(previous) + 1, 0, item.id);
      if (previous !== null) expect(ids).toContain(previous);
    } else if (type === 'conversation.item.deleted') ids.splice(ids.indexOf(id), 1);
  }
  return ids;
}

function checkDeltas(events: SeenEvent[]): void {
  const said = new Map<string, string>();
  for (const event of events) {
    const { type, response_id: response, item_id: item, output_index: output, content_index: content } = event;
    if (!type.startsWith('response.') || response === undefined || item === undefined) continue;
    const isCall = type.startsWith('response.function_call');
    expect([typeof output, isCall ? 'number' : typeof content]).toEqual(['number', 'number']);
    const key = `${type.replace(/\.(delta|done)$/, '')} ${response} ${item} ${output}`;
    if (type.endsWith('.delta')) said.set(key, (said.get(key) ?? '') + String(event['delta']));
    const whole = event['transcript'] ?? event['text'] ?? event['arguments'];
    if (type.endsWith('.done') && typeof whole === 'string') expect(whole).toBe(said.get(key) ?? '');
  }
}

describe('over any order of what a client does', () => {
  it('ids are unique, each response ends once, deltas add up, the chain is whole, and nothing is left running', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...Object.keys(ACTS)), { maxLength: 30 }), async (names) => {
        const tools = [{ type: 'function', name: 'get_weather' }];
        const own = bench({ ear: toldEar('Thank you', 'Hello'), pace: 20 }, { ...TRANSCRIBED, tools });
        for (const name of names) await ACTS[name]?.(own);
        await own.run(4000);
        const { events, session, clock } = own;
        expect(new Set(events.map(({ event_id: id }) => id)).size).toBe(events.length);
        const idsOf = (wanted: string): string[] =>
          events.filter(({ type }) => type === wanted).map(({ response }) => response.id);
        expect(idsOf('response.done').sort()).toEqual(idsOf('response.created').sort());
        for (const { type, response } of events) if (type === 'response.done') expect(response.usage).toBeTruthy();
        checkDeltas(events);
        expect(chainOf(events)).toEqual(session.report().items.map(({ id }) => id));
        session.end(1000, '');
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('the same sound gives the same turns however it is cut into pieces', () => {
    const whole = [silence(230), tone(500), silence(120), tone(300), silence(900), tone(450), silence(700)];
    const heard = (sizes: number[]): unknown[] => {
      const { append, events } = bench({}, LISTENING);
      const samples = whole.flatMap((sound) => [...sound]);
      for (let from = 0, turn = 0; from < samples.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? samples.length;
        append(Int16Array.from(samples.slice(from, from + size)));
        from += size;
      }
      return events.flatMap(({ audio_start_ms: start, audio_end_ms: end }) => start ?? end ?? []);
    };
    const expected = heard([1_000_000]);
    expect(expected).toHaveLength(4);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 700, max: 9000 }), { minLength: 1, maxLength: 5 }), (sizes) => {
        expect(heard(sizes)).toEqual(expected);
      }),
      { numRuns: 15 },
    );
  });
});
