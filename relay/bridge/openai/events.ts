/**
 * Reads what the provider sends. Three outcomes, none of them an exception: an event that the
 * bridge acts upon, one that it has no use for (unknown ones too: the protocol grows), or one
 * that claims a known type and is not it. Only the fields that are used are looked at, and
 * everything that can have a harmless stand-in has one. Knows no socket and no state.
 */
import * as v from 'valibot';

const id = v.pipe(v.string(), v.minLength(1), v.maxLength(256));
const word = v.fallback(v.nullish(v.string()), null);
const ms = v.fallback(v.pipe(v.number(), v.finite(), v.minValue(0)), 0);
const tokens = v.fallback(v.pipe(v.number(), v.finite(), v.minValue(0)), 0);

const Item = v.object({
  id,
  type: v.string(),
  role: word,
  status: word,
  call_id: word,
  name: word,
  arguments: word,
});
export type Item = v.InferOutput<typeof Item>;

const InputDetails = v.fallback(
  v.object({
    text_tokens: tokens,
    audio_tokens: tokens,
    cached_tokens_details: v.fallback(v.object({ text_tokens: tokens, audio_tokens: tokens }), {
      text_tokens: 0,
      audio_tokens: 0,
    }),
  }),
  { text_tokens: 0, audio_tokens: 0, cached_tokens_details: { text_tokens: 0, audio_tokens: 0 } },
);
const OutputDetails = v.fallback(v.object({ text_tokens: tokens, audio_tokens: tokens }), {
  text_tokens: 0,
  audio_tokens: 0,
});
/** A bill that cannot be read must not cost the response its end. */
const Usage = v.fallback(
  v.nullish(
    v.object({
      type: word,
      seconds: v.fallback(v.nullish(v.number()), null),
      output_tokens: tokens,
      input_token_details: InputDetails,
      output_token_details: OutputDetails,
    }),
  ),
  null,
);
export type Usage = NonNullable<v.InferOutput<typeof Usage>>;

const Response = v.object({
  id,
  status: v.fallback(v.picklist(['in_progress', 'completed', 'cancelled', 'incomplete', 'failed']), 'failed'),
  status_details: v.fallback(
    v.nullish(v.object({ reason: word, error: v.fallback(v.nullish(v.object({ code: word, type: word })), null) })),
    null,
  ),
  metadata: v.fallback(v.nullish(v.record(v.string(), v.string())), null),
  conversation_id: v.fallback(v.optional(v.nullable(v.string())), undefined),
  usage: Usage,
});
export type Response = v.InferOutput<typeof Response>;

const type = <const T extends string>(name: T) => v.literal(name);
const part = { response_id: id, item_id: id };

const SCHEMAS = [
  v.object({ type: type('session.created') }),
  v.object({ type: type('session.updated') }),
  v.object({ type: type('conversation.item.added'), previous_item_id: word, item: Item }),
  v.object({ type: type('conversation.item.done'), item: Item }),
  v.object({ type: type('conversation.item.deleted'), item_id: id }),
  v.object({ type: type('conversation.item.input_audio_transcription.delta'), item_id: id, delta: v.string() }),
  v.object({
    type: type('conversation.item.input_audio_transcription.completed'),
    item_id: id,
    transcript: v.fallback(v.string(), ''),
    usage: Usage,
  }),
  v.object({ type: type('conversation.item.input_audio_transcription.failed'), item_id: id }),
  v.object({ type: type('input_audio_buffer.speech_started'), item_id: id, audio_start_ms: ms }),
  v.object({ type: type('input_audio_buffer.speech_stopped'), item_id: id, audio_end_ms: ms }),
  v.object({ type: type('input_audio_buffer.committed'), item_id: id, previous_item_id: word }),
  v.object({ type: type('input_audio_buffer.cleared') }),
  v.object({ type: type('response.created'), response: Response }),
  v.object({ type: type('response.done'), response: Response }),
  v.object({ type: type('response.output_item.added'), response_id: id, item: Item }),
  v.object({ type: type('response.output_item.done'), response_id: id, item: Item }),
  v.object({ type: type('response.output_audio.delta'), ...part, delta: v.string() }),
  v.object({ type: type('response.output_audio_transcript.delta'), ...part, delta: v.string() }),
  v.object({ type: type('response.output_audio_transcript.done'), ...part, transcript: v.fallback(v.string(), '') }),
  v.object({ type: type('response.output_text.delta'), ...part, delta: v.string() }),
  v.object({ type: type('response.output_text.done'), ...part, text: v.fallback(v.string(), '') }),
  v.object({
    type: type('error'),
    error: v.object({
      type: word,
      code: word,
      message: v.fallback(v.string(), ''),
      param: word,
      event_id: word,
    }),
  }),
] as const;

export type ServerEvent = v.InferOutput<(typeof SCHEMAS)[number]>;
export type ServerEventOf<T extends ServerEvent['type']> = Extract<ServerEvent, { type: T }>;

const SCHEMA_OF: ReadonlyMap<string, (typeof SCHEMAS)[number]> = new Map(
  SCHEMAS.map((schema) => [schema.entries.type.literal, schema]),
);

export type Reading =
  | { is: 'known'; event: ServerEvent }
  | { is: 'ignored'; of: string }
  /** `at` names the first field that was wrong. */
  | { is: 'malformed'; of: string; at: string };

/** Reads one parsed frame. Never throws. */
export function readServerEvent(raw: unknown): Reading {
  const of = typeof raw === 'object' && raw !== null && 'type' in raw ? raw.type : undefined;
  if (typeof of !== 'string') return { is: 'malformed', of: typeof raw, at: 'type' };
  const schema = SCHEMA_OF.get(of);
  if (schema === undefined) return { is: 'ignored', of: of.slice(0, 80) };
  const result = v.safeParse(schema, raw, { abortEarly: true });
  if (result.success) return { is: 'known', event: result.output };
  return { is: 'malformed', of, at: v.getDotPath(result.issues[0]) ?? 'type' };
}
