import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readServerEvent } from './events.ts';

const response = { id: 'resp_1', status: 'completed', metadata: null, conversation_id: 'conv_1' };

it('reads an event that it knows and drops what it has no use for', () => {
  const raw = {
    type: 'response.output_audio.delta',
    event_id: 'e',
    response_id: 'r',
    item_id: 'i',
    delta: 'AAA=',
    extra: 1,
  };
  expect(readServerEvent(raw)).toEqual({
    is: 'known',
    event: { type: 'response.output_audio.delta', response_id: 'r', item_id: 'i', delta: 'AAA=' },
  });
});

it.each(['response.later_invention', 'constructor', '__proto__', 'toString'])('ignores an event of type %s', (type) => {
  expect(readServerEvent({ type })).toEqual({ is: 'ignored', of: type });
});

it.each([[null], [3], ['text'], [[]], [{}], [{ type: 7 }]])('reports %j as no event at all', (raw) => {
  expect(readServerEvent(raw)).toMatchObject({ is: 'malformed', at: 'type' });
});

it('names the first field that is wrong', () => {
  expect(readServerEvent({ type: 'response.done', response: { ...response, id: '' } })).toEqual({
    is: 'malformed',
    of: 'response.done',
    at: 'response.id',
  });
  expect(readServerEvent({ type: 'error' })).toMatchObject({ is: 'malformed', at: 'error' });
});

it('does not lose the end of a response over a bill, a status or details that it cannot read', () => {
  const odd = {
    ...response,
    status: 'exploded',
    usage: { input_token_details: 'many' },
    status_details: 5,
    metadata: 4,
  };
  expect(readServerEvent({ type: 'response.done', response: odd })).toMatchObject({
    is: 'known',
    event: { response: { id: 'resp_1', status: 'failed', status_details: null, metadata: null } },
  });
});

it('reads a bill, cached tokens and all, and takes a missing breakdown for none', () => {
  const usage = {
    total_tokens: 9,
    input_token_details: { text_tokens: 4, audio_tokens: 3, cached_tokens_details: { text_tokens: 2 } },
    output_token_details: null,
  };
  expect(readServerEvent({ type: 'response.done', response: { ...response, usage } })).toMatchObject({
    event: {
      response: {
        usage: {
          input_token_details: {
            text_tokens: 4,
            audio_tokens: 3,
            cached_tokens_details: { text_tokens: 2, audio_tokens: 0 },
          },
          output_token_details: { text_tokens: 0, audio_tokens: 0 },
        },
      },
    },
  });
});

it('never throws, whatever JSON can say', () => {
  const type = fc.constantFrom('response.done', 'error', 'conversation.item.added', 'response.created', 'x');
  const loose = fc.record({ type, response: fc.jsonValue(), item: fc.jsonValue(), error: fc.jsonValue() });
  fc.assert(fc.property(fc.oneof(fc.jsonValue(), loose), (raw) => readServerEvent(raw).is.length > 0));
});
