/**
 * What a response would have cost: a token for each 100 ms of the user's sound, for each 50 ms of
 * the assistant's, for each four letters; the whole conversation again each time, most of it cached.
 */
import type { Item } from './items.ts';
import type { SessionConfig } from './session-config.ts';

export interface Tokens {
  text: number;
  audio: number;
}

export function textTokens(text: string): number {
  return Math.ceil(text.length / 4);
}

export function userAudioTokens(ms: number): number {
  return Math.ceil(ms / 100);
}

export function assistantAudioTokens(ms: number): number {
  return Math.ceil(ms / 50);
}

/** Tokens that a response reads. */
export function inputTokens(instructions: string, tools: SessionConfig['tools'], items: readonly Item[]): Tokens {
  const tokens = { text: textTokens(instructions), audio: 0 };
  if (tools.length > 0) tokens.text += textTokens(JSON.stringify(tools));
  for (const { memory, role, arguments: args = '', name = '', output = '' } of items) {
    const heldMs = Math.min(memory.audioMs, memory.truncatedAtMs ?? Infinity);
    tokens.audio += role === 'user' ? userAudioTokens(heldMs) : assistantAudioTokens(heldMs);
    tokens.text += textTokens(args + name + output) + (role === 'user' && heldMs > 0 ? 0 : textTokens(memory.text));
  }
  return tokens;
}

/** What was read last time is cached, in steps of 64 tokens. */
function cachedShare(now: number, before: number): number {
  return Math.floor(Math.min(now, before) / 64) * 64;
}

/** `response.done`'s usage. `before` is what the previous response of the conversation read. */
export function usageOf(input: Tokens, output: Tokens, before: Tokens): Record<string, unknown> {
  const cached = { text: cachedShare(input.text, before.text), audio: cachedShare(input.audio, before.audio) };
  const inputSum = input.text + input.audio;
  const outputSum = output.text + output.audio;
  return {
    total_tokens: inputSum + outputSum,
    input_tokens: inputSum,
    output_tokens: outputSum,
    input_token_details: {
      text_tokens: input.text,
      audio_tokens: input.audio,
      image_tokens: 0,
      cached_tokens: cached.text + cached.audio,
      cached_tokens_details: { text_tokens: cached.text, audio_tokens: cached.audio, image_tokens: 0 },
    },
    output_token_details: { text_tokens: output.text, audio_tokens: output.audio },
  };
}
