/**
 * The schemas by which OpenAI's own agents package reads a server's events, as the judge of every
 * event that the emulator sends. They are not among its exports, so they are loaded by file.
 */
interface Schema {
  safeParse(event: unknown): { success: boolean; error?: { message: string } };
}

const { realtimeServerEventSchema: schema } = (await import(
  new URL('../../../node_modules/@openai/agents-realtime/dist/openaiRealtimeEvents.mjs', import.meta.url).href
)) as { realtimeServerEventSchema: Schema };

/** Events of the protocol that the package has no schema for. */
const UNKNOWN_TO_AGENTS = new Set(['input_audio_buffer.timeout_triggered']);

/** What the package finds wrong with `event`; null when it accepts it. */
export function complaint(event: { type: string }): string | null {
  if (UNKNOWN_TO_AGENTS.has(event.type)) return null;
  const read = schema.safeParse(event);
  return read.success ? null : `${event.type}: ${read.error?.message ?? 'refused'}`;
}
