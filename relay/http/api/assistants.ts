/** Assistants: immutable versions of who answers, and how. */
import type { ArbiterConfig } from '#arbiter';
import { PageTool } from '#wire';
import * as v from 'valibot';
import { Count, Label, Text, Time } from './common.ts';

const Action = v.picklist(
  ['rewrite', 'refuse', 'escalate', 'cancel_output'],
  'must be one of rewrite, refuse, escalate, cancel_output',
);
const Spoken = Text(400);
const Phrases = v.pipe(v.array(Text(200)), v.maxLength(500, 'must be at most 500'));
/** By category of the provider's moderation, such as `hate` or `self-harm`. */
const Categories = v.record(v.string(), Action);

/** The policy as it is stored. What each part may hold is checked again, in full, when it is written. */
export const Policy = v.strictObject({
  disallowed: Phrases,
  onDisallowed: v.optional(Action),
  moderation: v.optional(
    v.strictObject({
      input: v.optional(Categories),
      output: v.optional(Categories),
      opening: v.optional(v.pipe(Count, v.maxValue(60, 'must be at most 60'))),
      holdForInput: v.optional(v.boolean()),
    }),
  ),
  topics: v.optional(
    v.array(
      v.strictObject({
        name: Text(40),
        words: Phrases,
        on: v.optional(v.picklist(['input', 'output', 'both'])),
        action: v.picklist(['rewrite', 'refuse', 'escalate', 'cancel_output', 'disclaim']),
        disclaimer: v.optional(Spoken),
        guidance: v.optional(Spoken),
      }),
    ),
  ),
  required: v.optional(v.array(v.strictObject({ text: Spoken, when: v.picklist(['first_answer', 'every_answer']) }))),
  pii: v.optional(
    v.strictObject({
      kinds: v.optional(v.array(v.picklist(['email', 'card', 'iban', 'phone', 'name']))),
      names: v.optional(v.array(Text(300))),
    }),
  ),
  refusal: Spoken,
  fallback: Spoken,
  handover: v.optional(Spoken),
});

const flag = v.optional(v.boolean('must be true or false'));
const amount = v.optional(v.number('must be a number'));
/** Knobs of the arbiter that differ from the relay's own; the ranges are in the answer of `choices`. */
export const Lanes = v.strictObject({
  ...{ LANE_A_ENABLED: flag, MIN_DELAY_BEFORE_REFLEX_MS: amount, PREEMPT_THRESHOLD_MS: amount },
  ...{ EXPECTED_FIRST_AUDIO_MS: amount, MAX_REFLEX_DURATION_MS: amount, TRANSITION_GAP_MS: amount },
  ...{ INTERRUPT_DECISION_MS: amount, TURN_DECISION_MS: amount, INTERRUPT_MIN_SPEECH_MS: amount },
  ...{ BACKCHANNEL_BOUNDARY_MS: amount, RESUME_REWIND_MS: amount, RESUMES_PER_RESPONSE: amount },
  ...{ ECHO_LEVEL_DB: amount, ECHO_GUARD_MS: amount, POLICY_BUDGET_MS: amount, REFUSAL_UNINTERRUPTIBLE: flag },
  POLICY_MODE: v.optional(v.picklist(['strict', 'lenient'], 'must be strict or lenient')),
  POLICY_ON_TIMEOUT: v.optional(v.picklist(['closed', 'open'], 'must be closed or open')),
  ON_PROVIDER_LOSS: v.optional(v.picklist(['drain', 'stop'], 'must be drain or stop')),
  ...{ IDLE_PROMPT_MS: amount, CREATE_TIMEOUT_MS: amount, FIRST_AUDIO_TIMEOUT_MS: amount, STALL_MS: amount },
  ...{ DONE_TIMEOUT_MS: amount, TOOL_TIMEOUT_MS: amount, MAX_USER_TURN_MS: amount, DRAIN_SLACK_MS: amount },
  WIDGET_GRACE_MS: amount,
} satisfies Record<keyof ArbiterConfig, v.GenericSchema>);

const fields = {
  name: Label,
  model: v.pipe(Text(100), v.minLength(1, 'must not be empty')),
  voice: v.pipe(Text(50), v.minLength(1, 'must not be empty')),
  instructions: Text(20_000),
  locale: v.pipe(
    v.string('must be a text'),
    v.regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/, 'must be a tag such as en-US'),
  ),
  tools: v.pipe(v.array(PageTool), v.maxLength(32, 'must be at most 32')),
  pageTools: v.boolean(),
  lanes: Lanes,
  policy: Policy,
  /** Lane A's phrases; those of the language without it. Null in a change takes them away. */
  reflex: v.optional(v.nullable(v.strictObject({ neutral: v.array(Text(100)), affirmative: v.array(Text(100)) }))),
};

/** One version. */
export const Assistant = v.object({
  id: v.string(),
  version: Count,
  ...fields,
  reflex: v.optional(v.strictObject({ neutral: v.array(v.string()), affirmative: v.array(v.string()) })),
});
/** What is absent stays as it was (a change), or is as for a new tenant (a new one). */
export const AssistantChange = v.partial(v.strictObject(fields));
export const NewAssistant = v.strictObject({ ...AssistantChange.entries, name: Label });

export const AssistantSummary = v.object({
  id: v.string(),
  version: Count,
  name: v.string(),
  voice: v.string(),
  locale: v.string(),
  createdAt: Time,
});
export const VersionSummary = v.object({ version: Count, createdAt: Time });

export const VoicePreview = v.strictObject({
  /** The assistant's own without it. */
  voice: v.optional(v.pipe(Text(50), v.minLength(1, 'must not be empty'))),
  /** A sentence; one in the assistant's language without it. */
  text: v.optional(v.pipe(Text(200), v.minLength(1, 'must not be empty'))),
});
/** A session token for a call from the console's own page. */
export const TestToken = v.object({
  token: v.string(),
  /** Seconds. */
  expiresIn: v.number(),
});

/** What an editor offers. */
export const Choices = v.object({
  models: v.array(v.string()),
  voices: v.array(v.string()),
  locales: v.array(v.string()),
  moderationCategories: v.array(v.string()),
  knobs: v.array(
    v.object({
      name: v.string(),
      /** Of the relay: what an assistant has that does not set it. Absent: unset. */
      value: v.optional(v.union([v.boolean(), v.number(), v.string()])),
      means: v.string(),
      /** For a number. */
      min: v.optional(v.number()),
      max: v.optional(v.number()),
      /** For one of several. */
      options: v.optional(v.array(v.string())),
    }),
  ),
  webhookEvents: v.array(v.string()),
});
