/**
 * The script that a page loads: registers the element if nobody has, so that loading it twice is
 * harmless, and exports what pages and types need. On a server it registers nothing.
 */
import { VoiceJibJab } from './voice-jib-jab.ts';

VoiceJibJab.define();

declare global {
  interface HTMLElementTagNameMap {
    'voice-jib-jab': VoiceJibJab;
  }
}

export { READY_STATES, VoiceJibJab, type ReadyState, type StartMode, type StartOptions } from './voice-jib-jab.ts';
export { CallError, ERROR_CODES, type ErrorCode, type Recovery } from './errors.ts';
export * from './events.ts';
export type { ConsentState } from './consent.ts';
export type { Call, CallConfig, CallEvent, CallRequest, CallStats, OpenCall } from './call/call.ts';
export type { TranscriptEntry, TranscriptWord, WordState } from './call/transcript.ts';
export type { InterruptedBy, LaneOwner, Phase, TurnMetrics } from './call/conversation.ts';
export type { SupportVerdict } from './call/support.ts';
export type { ToolArguments, ToolContext, ToolDefinition, ToolHandler, ToolOffer } from './call/tools.ts';
export type { Labels } from './labels/labels.ts';
