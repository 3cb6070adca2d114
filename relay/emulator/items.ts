/**
 * Items of a conversation: how they are checked when a client makes them, how they look on the
 * wire, and what the emulator itself remembers of them. Knows no order; `conversation.ts` does.
 */
import * as check from './check.ts';
import { encodeAudio, firstMs, joined, samplesToMs } from './pcm.ts';
import { ProtocolError, isObject, newId, type Fields } from './protocol.ts';
import type { AudioFormat } from './session-config.ts';

export interface Part extends Fields {
  type: string;
  text?: string;
  transcript?: string | null;
}

/** A word the assistant says, and when it has been said, in milliseconds from the item's first sample. */
export interface SpokenWord {
  text: string;
  endMs: number;
}

export interface Item {
  id: string;
  type: string;
  status: 'in_progress' | 'completed' | 'incomplete';
  role?: 'user' | 'assistant' | 'system';
  content?: Part[];
  phase?: string;
  call_id?: string;
  name?: string;
  arguments?: string;
  output?: string;
  /** Fields of item types that are only stored (mcp_…). */
  extra?: Fields;
  memory: Memory;
}

/** What the emulator knows beyond the wire. */
export interface Memory {
  /** Words for the brain: typed, recognised, or said and not truncated. */
  text: string;
  /** False when `text` only describes a sound. */
  isKnown: boolean;
  /** The rule that made this item speak. */
  rule?: string;
  /** Sound of the item, up to {@link audioMs}; released for old items. */
  audio: Int16Array[];
  audioMs: number;
  words: SpokenWord[];
  truncatedAtMs: number | null;
}

export function emptyMemory(text = ''): Memory {
  return { text, isKnown: true, audio: [], audioMs: 0, words: [], truncatedAtMs: null };
}

/** The real server takes no longer ones: a UUID is refused. */
const id = check.text(32);
const status = check.oneOf('completed', 'incomplete', 'in_progress');
const textPart = (type: string): check.Check =>
  check.byType({ [type]: check.fields({ type: check.string, text: check.string }, 'text') });
const userPart = check.byType({
  input_text: check.fields({ type: check.string, text: check.string }, 'text'),
  input_audio: check.fields(
    { type: check.string, audio: check.string, transcript: check.nullable(check.string) },
    'audio',
  ),
  input_image: check.fields(
    { type: check.string, image_url: check.string, detail: check.oneOf('auto', 'low', 'high') },
    'image_url',
  ),
});
/** The real server asks for the text first, whatever the type of the part. */
const assistantPart: check.Check = (value, param) => {
  if (isObject(value) && value['type'] === 'output_audio' && !('text' in value)) throw check.missing(`${param}.text`);
  textPart('output_text')(value, param);
};
const common = { id, object: check.oneOf('realtime.item'), type: check.string, status, phase: check.string };
const message: check.Check = (value, param) => {
  const role = isObject(value) ? value['role'] : undefined;
  if (role === undefined) throw check.missing(`${param}.role`);
  check.oneOf('user', 'assistant', 'system')(role, `${param}.role`);
  const part = role === 'user' ? userPart : role === 'system' ? textPart('input_text') : assistantPart;
  check.fields({ ...common, role: check.string, content: check.listOf(part) }, 'content')(value, param);
};
const call = { ...common, name: check.string, call_id: id, arguments: check.string };
const KINDS: Record<string, check.Check> = {
  message,
  function_call: check.fields(call, 'name', 'arguments'),
  function_call_output: check.fields({ ...common, call_id: id, output: check.string }, 'call_id', 'output'),
  mcp_approval_response: check.anyObject,
  mcp_list_tools: check.anyObject,
  mcp_call: check.anyObject,
  mcp_approval_request: check.anyObject,
};
const clientItem = check.byType(KINDS);
const inputItem = check.byType({ ...KINDS, item_reference: check.fields({ type: check.string, id }, 'id') });

/** @throws {ProtocolError} naming the field. */
export function checkInputItem(value: unknown, param: string): void {
  inputItem(value, param);
}

/**
 * An item a client makes. `hear` turns the sound of an `input_audio` part into words.
 *
 * @throws {ProtocolError} naming the field.
 */
export function itemOfClient(value: unknown, param: string, hear: (base64: string) => Memory): Item {
  clientItem(value, param);
  const {
    id: givenId,
    type,
    status: _status,
    object: _object,
    ...rest
  } = value as Fields & { type: string; id?: string };
  const item: Item = { id: givenId ?? newId('item'), type, status: 'completed', memory: emptyMemory() };
  if (type.startsWith('mcp_')) return { ...item, extra: rest };
  Object.assign(item, rest);
  if (type === 'function_call') item.call_id ??= newId('call');
  if (item.content !== undefined) {
    item.memory = {
      ...item.memory,
      text: item.content
        .map(({ text = '' }) => text)
        .join(' ')
        .trim(),
    };
    item.content = item.content.map(({ audio, ...part }) => {
      if (typeof audio !== 'string') return part;
      const heard = hear(audio);
      item.memory = { ...heard, text: `${item.memory.text} ${heard.text}`.trim() };
      return { ...part, transcript: part.transcript ?? null };
    });
  }
  return item;
}

/** The item as events carry it: no sound. `content` is left out for calls. */
export function onWire(item: Item): Fields {
  const { memory: _memory, extra, ...rest } = item;
  return { ...structuredClone(rest), object: 'realtime.item', ...extra };
}

/** The item as `retrieve` answers it: with its sound, truncated where it was. */
export function withAudio(item: Item, format: AudioFormat): Fields {
  const wire = onWire(item);
  if (item.memory.audioMs === 0 || item.content === undefined) return wire;
  const audio = encodeAudio(soundOf(item), format);
  return {
    ...wire,
    content: item.content.map((part) => (part.type.endsWith('_audio') ? { ...part, audio } : part)),
  };
}

/** Its samples, no further than it was truncated. */
export function soundOf(item: Item): Int16Array {
  const { audio, truncatedAtMs } = item.memory;
  const whole = joined(audio);
  return truncatedAtMs === null ? whole : firstMs(whole, truncatedAtMs);
}

/** Adds generated sound and keeps the ledger that truncation is checked against. */
export function addSound(item: Item, samples: Int16Array): void {
  item.memory.audio.push(samples);
  item.memory.audioMs += samplesToMs(samples.length);
}

/** The words that were said in full by `ms`. */
export function wordsUntil(words: readonly SpokenWord[], ms: number): string {
  return words
    .filter(({ endMs }) => endMs <= ms)
    .map(({ text }) => text)
    .join('')
    .trim();
}

/**
 * Forgets what was not heard. The transcript goes with it, as the server cannot say which words
 * the client played; the emulator's own memory keeps the words that fit.
 *
 * @throws {ProtocolError} when the item is not model speech, or is shorter than `audioEndMs`.
 */
export function truncate(item: Item, audioEndMs: number): void {
  const { memory, content } = item;
  const isSpeech = item.role === 'assistant' && content?.[0]?.type === 'output_audio';
  if (!isSpeech || memory.audioMs === 0 || audioEndMs === 0) {
    throw new ProtocolError('unsupported_content_type', 'Only model output audio messages can be truncated', 'item_id');
  }
  const heldMs = Math.min(memory.audioMs, memory.truncatedAtMs ?? Infinity);
  if (audioEndMs > heldMs) {
    throw check.invalidValue(
      'audio_end_ms',
      `Audio content of ${Math.floor(heldMs)}ms is already shorter than ${audioEndMs}ms`,
    );
  }
  memory.truncatedAtMs = audioEndMs;
  memory.text = wordsUntil(memory.words, audioEndMs);
  item.content = content.map((part) => ({ type: part.type, transcript: null }));
}
