/**
 * What a session is set to: defaults, the check of a partial update, and the merge. An update
 * is taken whole or not at all. Knows nothing of sound or of a conversation.
 */
import * as check from './check.ts';
import { ProtocolError, isObject, type Fields } from './protocol.ts';

export const VOICES = ['alloy', 'ash', 'ballad', 'coral', 'echo', 'sage', 'shimmer', 'verse', 'marin', 'cedar'];

export type AudioFormat = { type: 'audio/pcm'; rate: 24_000 } | { type: 'audio/pcmu' } | { type: 'audio/pcma' };
export interface ServerVad {
  type: 'server_vad';
  threshold: number;
  prefix_padding_ms: number;
  silence_duration_ms: number;
  idle_timeout_ms: number | null;
  create_response: boolean;
  interrupt_response: boolean;
}
export interface SemanticVad {
  type: 'semantic_vad';
  eagerness: 'low' | 'medium' | 'high' | 'auto';
  create_response: boolean;
  interrupt_response: boolean;
}
export type TurnDetection = ServerVad | SemanticVad;
export type Voice = string | { id: string };
export interface Tool {
  type: string;
  name?: string;
  description?: string;
  parameters?: unknown;
}
export type ToolChoice = 'auto' | 'none' | 'required' | { type: string; name?: string };

/** The effective session, in the shape in which it is sent. */
export interface SessionConfig extends Fields {
  type: 'realtime';
  object: 'realtime.session';
  id: string;
  model: string;
  output_modalities: ('audio' | 'text')[];
  instructions: string;
  tools: Tool[];
  tool_choice: ToolChoice;
  max_output_tokens: number | 'inf';
  /** Seconds since 1970. */
  expires_at: number;
  audio: {
    input: {
      format: AudioFormat;
      transcription: Fields | null;
      noise_reduction: Fields | null;
      turn_detection: TurnDetection | null;
    };
    output: { format: AudioFormat; voice: Voice; speed: number };
  };
}

const PCM: AudioFormat = { type: 'audio/pcm', rate: 24_000 };
const SERVER_VAD: ServerVad = {
  type: 'server_vad',
  threshold: 0.5,
  prefix_padding_ms: 300,
  silence_duration_ms: 500,
  idle_timeout_ms: null,
  create_response: true,
  interrupt_response: true,
};
const SEMANTIC_VAD: SemanticVad = {
  type: 'semantic_vad',
  eagerness: 'auto',
  create_response: true,
  interrupt_response: true,
};

/** Defaults of server turn detection that a started emulator may change. */
export type VadDefaults = Partial<Pick<ServerVad, 'threshold' | 'prefix_padding_ms' | 'silence_duration_ms'>>;

/** A session as it is before the client has said anything. */
export function defaultSession(id: string, model: string, expiresAtS: number, vad: VadDefaults): SessionConfig {
  return {
    type: 'realtime',
    object: 'realtime.session',
    id,
    model,
    output_modalities: ['audio'],
    instructions: '',
    tools: [],
    tool_choice: 'auto',
    max_output_tokens: 'inf',
    tracing: null,
    truncation: 'auto',
    prompt: null,
    expires_at: expiresAtS,
    include: null,
    audio: {
      input: {
        format: PCM,
        transcription: null,
        noise_reduction: null,
        turn_detection: { ...SERVER_VAD, ...vad },
      },
      output: { format: PCM, voice: 'marin', speed: 1 },
    },
  };
}

const rate: check.Check = (value, param) => {
  if (value !== 24_000)
    throw check.invalidValue(param, `Invalid value: ${String(value)}. Supported values are: 24000.`);
};
export const format = check.byType({
  'audio/pcm': check.fields({ type: check.string, rate }, 'rate'),
  'audio/pcmu': check.fields({ type: check.string }),
  'audio/pcma': check.fields({ type: check.string }),
});
export const voice = check.stringOr(check.oneOf(...VOICES), check.fields({ id: check.string }, 'id'));
export const modalities: check.Check = (value, param) => {
  check.listOf(check.oneOf('audio', 'text'))(value, param);
  if ((value as unknown[]).length !== 1) {
    throw check.invalidValue(
      param,
      `Invalid modalities: ${JSON.stringify(value)}. Supported combinations are: ['text'] and ['audio'].`,
    );
  }
};
export const maxOutputTokens = check.stringOr(check.oneOf('inf'), check.number(1, 4096, 'integer'));
export const tools = check.listOf(
  check.byType({
    function: check.fields(
      {
        type: check.string,
        name: check.text(64),
        description: check.string,
        parameters: check.anyObject,
        strict: check.nullable(check.boolean),
      },
      'name',
    ),
    mcp: check.anyObject,
  }),
  128,
);
export const toolChoice = check.stringOr(
  check.oneOf('auto', 'none', 'required'),
  check.byType({
    function: check.fields({ type: check.string, name: check.string }, 'name'),
    mcp: check.anyObject,
  }),
);
export const prompt = check.nullable(
  check.fields({ id: check.string, version: check.anything, variables: check.anything }, 'id'),
);
export const reasoning = check.nullable(
  check.fields({ effort: check.nullable(check.oneOf('minimal', 'low', 'medium', 'high', 'xhigh')) }),
);

const turnFlags = { type: check.string, create_response: check.boolean, interrupt_response: check.boolean };
const turnDetection = check.byType({
  server_vad: check.fields({
    ...turnFlags,
    threshold: check.number(0, 1),
    prefix_padding_ms: check.number(0, 10_000, 'integer'),
    silence_duration_ms: check.number(0, 10_000, 'integer'),
    idle_timeout_ms: check.nullable(check.number(5_000, 30_000, 'integer')),
  }),
  semantic_vad: check.fields({ ...turnFlags, eagerness: check.oneOf('low', 'medium', 'high', 'auto') }),
});
const partialSession = check.fields({
  type: check.oneOf('realtime'),
  object: check.oneOf('realtime.session'),
  id: check.anything,
  model: check.string,
  output_modalities: modalities,
  instructions: check.nullable(check.string),
  tools: check.nullable(tools),
  tool_choice: check.nullable(toolChoice),
  max_output_tokens: check.nullable(maxOutputTokens),
  tracing: check.nullable(check.stringOr(check.oneOf('auto'), check.anyObject)),
  truncation: check.nullable(check.stringOr(check.oneOf('auto', 'disabled'), check.anyObject)),
  prompt,
  reasoning,
  parallel_tool_calls: check.nullable(check.boolean),
  include: check.nullable(check.listOf(check.oneOf('item.input_audio_transcription.logprobs'))),
  audio: check.fields({
    input: check.fields({
      format,
      transcription: check.nullable(
        check.fields({
          model: check.string,
          delay: check.oneOf('minimal', 'low', 'medium', 'high', 'xhigh'),
          language: check.nullable(check.string),
          prompt: check.nullable(check.string),
        }),
      ),
      noise_reduction: check.nullable(check.fields({ type: check.oneOf('near_field', 'far_field') }, 'type')),
      turn_detection: check.nullable(turnDetection),
    }),
    output: check.fields({ format, voice, speed: check.number(0.25, 1.5) }),
  }),
});

/** What `null` sets a field back to; fields not named here become `null`. */
const CLEARED: Fields = {
  instructions: '',
  tools: [],
  tool_choice: 'auto',
  max_output_tokens: 'inf',
  truncation: 'auto',
};

/**
 * The session after a partial update: absent keeps, `null`, `""` and `[]` clear.
 *
 * @param voiceIsLocked - Once the assistant was heard, its voice stays.
 * @throws {ProtocolError} when any part of `update` is not acceptable; then nothing has changed.
 */
export function updated(
  current: SessionConfig,
  update: unknown,
  voiceIsLocked: boolean,
  vad: VadDefaults,
): SessionConfig {
  if (!isObject(update)) throw check.missing('session');
  if (!('type' in update)) throw check.missing('session.type');
  partialSession(update, 'session');
  if ('model' in update && update['model'] !== current.model) {
    throw check.invalidValue('session.model', `Cannot change the model of a session; it is '${current.model}'.`);
  }
  const { id: _id, object: _object, audio, ...rest } = update;
  const next: Fields = { ...current };
  for (const [name, value] of Object.entries(rest)) next[name] = value ?? CLEARED[name] ?? null;
  const { input = {}, output = {} } = (audio ?? {}) as { input?: Fields; output?: Fields };
  next['audio'] = {
    input: { ...current.audio.input, ...input, ...turnDetectionOf(input, vad) },
    output: { ...current.audio.output, ...output },
  };
  const session = next as SessionConfig;
  const isSameVoice = JSON.stringify(session.audio.output.voice) === JSON.stringify(current.audio.output.voice);
  if (voiceIsLocked && !isSameVoice) {
    throw new ProtocolError(
      'cannot_update_voice',
      "Cannot update a conversation's voice if assistant audio is present.",
      'session.audio.output.voice',
    );
  }
  return session;
}

/** The turn detection of an update with every default filled in, as clients read it back. */
function turnDetectionOf(input: Fields, vad: VadDefaults): { turn_detection?: TurnDetection | null } {
  const wanted = input['turn_detection'] as TurnDetection | null | undefined;
  if (wanted === undefined) return {};
  if (wanted === null) return { turn_detection: null };
  return {
    turn_detection:
      wanted.type === 'server_vad' ? { ...SERVER_VAD, ...vad, ...wanted } : { ...SEMANTIC_VAD, ...wanted },
  };
}
