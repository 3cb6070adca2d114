/** The provider's bill of one response or transcription, in our words. Sums nothing and prices nothing. */
import type { BridgeUsage } from '../bridge.ts';
import type { Usage } from './events.ts';

/** Totals by kind include what was cached, as the provider counts. */
export function usageOf(kind: BridgeUsage['kind'], usage: Usage, response?: string): BridgeUsage {
  const { input_token_details: input, output_token_details: output, seconds } = usage;
  return {
    kind,
    ...(response === undefined ? {} : { response }),
    inputTextTokens: input.text_tokens,
    inputAudioTokens: input.audio_tokens,
    cachedTextTokens: input.cached_tokens_details.text_tokens,
    cachedAudioTokens: input.cached_tokens_details.audio_tokens,
    // A transcription is text and comes without a breakdown.
    outputTextTokens: kind === 'transcription' ? usage.output_tokens : output.text_tokens,
    outputAudioTokens: output.audio_tokens,
    ...(seconds === null || seconds === undefined ? {} : { seconds }),
  };
}
