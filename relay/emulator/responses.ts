/**
 * The responses of one session: one at a time in the conversation, any number outside it. Checks
 * what a client asks for, lets the brain plan it, runs it, and applies what was set to go wrong.
 */
import { answer, type Output, type Plan } from './brain.ts';
import * as check from './check.ts';
import type { Conversation } from './conversation.ts';
import type { FaultKnobs } from './faults.ts';
import { checkInputItem, itemOfClient, type Item, type Memory } from './items.ts';
import { ProtocolError, newId, type Fields, type Send } from './protocol.ts';
import { ResponseRun } from './response-run.ts';
import type { Rules } from './rules.ts';
import * as config from './session-config.ts';
import type { Voice } from './speech.ts';
import type { Timers } from './timers.ts';
import { inputTokens, type Tokens } from './usage.ts';

const RATE_LIMIT_AFTER_MS = 43;
const TOKENS_A_MINUTE = 400_000;
const KEPT_RECORDS = 200;

const metadata: check.Check = (value, param) => {
  check.anyObject(value, param);
  const pairs = Object.entries(value as Fields);
  if (pairs.length > 16) throw check.invalidValue(param, `Invalid '${param}': at most 16 pairs.`);
  for (const [name, text] of pairs) {
    check.text(64)(name, `${param}.${name}`);
    check.text(512)(text, `${param}.${name}`);
  }
};
const checkResponse = check.fields({
  conversation: check.oneOf('auto', 'none'),
  input: check.listOf(checkInputItem),
  instructions: check.nullable(check.string),
  output_modalities: config.modalities,
  audio: check.fields({ output: check.fields({ voice: config.voice, format: config.format }) }),
  tools: config.tools,
  tool_choice: config.toolChoice,
  max_output_tokens: config.maxOutputTokens,
  metadata: check.nullable(metadata),
  prompt: config.prompt,
  reasoning: config.reasoning,
  parallel_tool_calls: check.boolean,
});

/** What a `response.create` may say, once checked. */
interface Wanted {
  conversation?: 'auto' | 'none';
  input?: (Fields & { type: string; id?: string })[];
  instructions?: string | null;
  output_modalities?: ('audio' | 'text')[];
  audio?: { output?: { voice?: config.Voice; format?: config.AudioFormat } };
  tools?: config.Tool[];
  tool_choice?: config.ToolChoice;
  max_output_tokens?: number | 'inf';
  metadata?: Fields | null;
}

export interface ResponseParts {
  send: Send;
  timers: Timers;
  faults: FaultKnobs;
  voice: Voice;
  rules: Rules;
  conversation: Conversation;
  config: () => config.SessionConfig;
  /** How much faster than it plays sound is sent, where no fault says otherwise. */
  pace: number;
  hear: (base64: string) => Memory;
  /** A fault cuts the connection. */
  drop: (code: number) => void;
  onStarted: () => void;
  /** A response of the conversation has ended; what it said plays for `leftMs` more. */
  onEnded: (leftMs: number) => void;
}

/** A response that was asked for or has run: what `/emulator/state` tells of it. */
export interface ResponseRecord {
  id: string;
  rule: string;
  status: string;
  isInConversation: boolean;
  metadata: Fields | null;
}

export class Responses {
  readonly records: ResponseRecord[] = [];
  readonly #parts: ResponseParts;
  readonly #running = new Map<string, ResponseRun>();
  #active: ResponseRun | null = null;
  readonly #answered = new Set<string>();
  #readBefore: Tokens = { text: 0, audio: 0 };
  #tokensLeft = TOKENS_A_MINUTE;

  constructor(parts: ResponseParts) {
    this.#parts = parts;
  }

  /** Whether a response of the conversation is running or about to. */
  get isActive(): boolean {
    return this.#active !== null;
  }

  /** @throws {ProtocolError} when the request is wrong, or the conversation has an active response. */
  create(request: unknown = {}): void {
    checkResponse(request, 'response');
    const wanted = request as Wanted;
    const isInConversation = wanted.conversation !== 'none';
    if (isInConversation && this.#active !== null) {
      throw new ProtocolError(
        'conversation_already_has_active_response',
        `Conversation already has an active response in progress: ${this.#active.id}. ` +
          'Wait until the response is finished before creating a new one.',
      );
    }
    const { conversation, faults, rules } = this.#parts;
    const session = this.#parts.config();
    const items = wanted.input === undefined ? conversation.items : this.#given(wanted.input);
    const tools = wanted.tools ?? session.tools;
    const instructions = wanted.instructions ?? null;
    const code = faults.takeError();
    const toolChoice = wanted.tool_choice ?? session.tool_choice;
    const plan: Plan =
      code === null
        ? answer(rules, { items, tools, toolChoice, instructions, answered: this.#answered })
        : { rule: 'fault', outputs: [], fail: code };
    if (isInConversation) for (const output of plan.answers ?? []) this.#answered.add(output);
    const input = inputTokens(instructions ?? session.instructions, tools, items);
    this.#run(wanted, isInConversation && faults.current.preamble ? withPreamble(plan, rules.preamble) : plan, input);
  }

  /** @throws {ProtocolError} when there is nothing to cancel. */
  cancel(id?: string): void {
    const run = id === undefined ? this.#active : this.#running.get(id);
    // Before `created` nobody can name it, and a bare cancel passes it by, as on the real server.
    if (run?.isCreated !== true) {
      throw new ProtocolError('response_cancel_not_active', 'Cancellation failed: no active response found');
    }
    run.cancel('client_cancelled');
  }

  /** The user began to speak over it. */
  interrupt(): void {
    this.#active?.cancel('turn_detected');
  }

  /** The socket is gone. */
  abandon(): void {
    for (const run of this.#running.values()) run.abandon();
    this.#running.clear();
    this.#active = null;
  }

  #given(input: NonNullable<Wanted['input']>): Item[] {
    return input.map((item, index) => {
      if (item.type !== 'item_reference') return itemOfClient(item, `response.input[${index}]`, this.#parts.hear);
      return this.#parts.conversation.toRetrieve(item.id);
    });
  }

  #run(wanted: Wanted, plan: Plan, input: Tokens): void {
    const { conversation, faults, timers, send, voice } = this.#parts;
    const session = this.#parts.config();
    const isInConversation = wanted.conversation !== 'none';
    const id = newId('resp');
    const drop = faults.takeDrop();
    let deltas = 0;
    let firstDeltaAt: number | null = null;
    const record: ResponseRecord = {
      ...{ id, rule: plan.rule, status: 'in_progress', isInConversation },
      metadata: wanted.metadata ?? null,
    };
    this.records.push(record);
    if (this.records.length > KEPT_RECORDS) this.records.shift();
    const run = new ResponseRun(
      {
        id,
        plan,
        input,
        conversation: isInConversation ? conversation : null,
        modality: (wanted.output_modalities ?? session.output_modalities)[0] ?? 'audio',
        format: wanted.audio?.output?.format ?? session.audio.output.format,
        voice: wanted.audio?.output?.voice ?? session.audio.output.voice,
        maxOutputTokens: wanted.max_output_tokens ?? session.max_output_tokens,
        metadata: wanted.metadata ?? null,
        inputBefore: isInConversation ? this.#readBefore : { text: 0, audio: 0 },
        createdMs: faults.current['created-ms'],
        firstDeltaMs: faults.current['first-audio-ms'],
        pace: () => faults.current.pace ?? this.#parts.pace,
        padding: () => faults.takeOversize(),
        onDelta: () => {
          firstDeltaAt ??= timers.now();
          deltas += 1;
          if (drop !== null && deltas > drop.afterDeltas) this.#parts.drop(drop.code);
        },
      },
      {
        send,
        timers,
        voice,
        onDone: (ended, status) => {
          record.status = status;
          this.#running.delete(id);
          this.#meter(input);
          if (!isInConversation) return;
          this.#active = null;
          const saidMs = ended.items.reduce((sum, { memory }) => sum + memory.audioMs, 0);
          this.#parts.onEnded(Math.max(0, (firstDeltaAt ?? timers.now()) + saidMs - timers.now()));
          // The client may have asked for the next one while it was told of this one's end.
          if (faults.current.duplicate > 0 && !this.isActive && faults.takeDuplicate()) this.#run({}, plan, input);
        },
      },
    );
    this.#running.set(id, run);
    if (isInConversation) {
      this.#active = run;
      this.#readBefore = input;
    }
    this.#parts.onStarted();
    run.start();
  }

  #meter(input: Tokens): void {
    const { timers, send } = this.#parts;
    this.#tokensLeft = Math.max(0, this.#tokensLeft - input.text - input.audio);
    timers.after(
      60_000,
      () => (this.#tokensLeft = Math.min(TOKENS_A_MINUTE, this.#tokensLeft + input.text + input.audio)),
    );
    timers.after(RATE_LIMIT_AFTER_MS, () => {
      const reset_seconds = ((TOKENS_A_MINUTE - this.#tokensLeft) * 60) / TOKENS_A_MINUTE;
      const tokens = { name: 'tokens', limit: TOKENS_A_MINUTE, remaining: this.#tokensLeft, reset_seconds };
      send({ type: 'rate_limits.updated', rate_limits: [tokens] });
    });
  }
}

/** The answer in two items, as newer models give it: a remark first, then the answer itself. */
function withPreamble(plan: Plan, preamble: string): Plan {
  const answered = plan.outputs.map((output): Output =>
    output.is === 'speech' ? { ...output, phase: 'final_answer' } : output,
  );
  return plan.outputs.length === 0
    ? plan
    : { ...plan, outputs: [{ is: 'speech', text: preamble, phase: 'commentary' }, ...answered] };
}
