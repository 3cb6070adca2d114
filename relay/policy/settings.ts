/**
 * What a tenant may set of an assistant's policy: checked when it is written, stored with the
 * assistant's version, completed with defaults when a session begins. Knows no store.
 */
import * as v from 'valibot';
import type { FieldProblem } from '../errors.ts';
import { ACTIONS, CATEGORIES, type Action } from './decisions.ts';
import { comparable } from './phrases.ts';
import { PII_KINDS, namePattern } from './redact.ts';

/** Longest text that a clip or the model is to say, in characters. */
const LONGEST_SPOKEN = 400;
const MOST_PHRASES = 500;

const Phrase = v.pipe(
  v.string(),
  v.maxLength(200, 'must have at most 200 characters'),
  v.check((text) => comparable(text) !== '', 'holds no word'),
);
const Phrases = v.pipe(v.array(Phrase), v.maxLength(MOST_PHRASES, `must be at most ${MOST_PHRASES}`));
const Spoken = v.pipe(
  v.string(),
  v.maxLength(LONGEST_SPOKEN, `must have at most ${LONGEST_SPOKEN} characters`),
  v.check((text) => comparable(text) !== '', 'holds no word'),
);
const ActionName = v.picklist(ACTIONS, `must be one of ${ACTIONS.join(', ')}`);
const Categories = v.pipe(
  v.record(v.picklist(CATEGORIES, 'is no category of moderation'), ActionName),
  v.check(
    (actions) =>
      Object.entries(actions).every(([category, action]) => !category.startsWith('self-harm') || action === 'escalate'),
    'self-harm is always escalated',
  ),
);
const Topic = v.pipe(
  v.strictObject({
    /** Stands in the record and in what is told of a violation. */
    name: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'must be 1 to 40 of a-z 0-9 -')),
    words: v.pipe(Phrases, v.minLength(1, 'must hold a word')),
    /** Whose words are looked at; both without it. */
    on: v.optional(v.picklist(['input', 'output', 'both'])),
    /** `disclaim`: the answer is given and the disclaimer is said with it. */
    action: v.picklist([...ACTIONS, 'disclaim'], `must be one of ${[...ACTIONS, 'disclaim'].join(', ')}`),
    disclaimer: v.optional(Spoken),
    /** With `rewrite`: what the model is told to do instead. */
    guidance: v.optional(Spoken),
  }),
  v.forward(
    v.check(({ action, disclaimer }) => action !== 'disclaim' || disclaimer !== undefined, 'is what disclaim says'),
    ['disclaimer'],
  ),
);
const Required = v.strictObject({
  text: Spoken,
  when: v.picklist(['first_answer', 'every_answer']),
});
const Name = v.pipe(
  v.string(),
  v.rawCheck(({ dataset, addIssue }) => {
    const pattern = dataset.typed ? namePattern(dataset.value) : '';
    if (typeof pattern === 'string' && pattern !== '') addIssue({ message: pattern });
  }),
);

export const PolicySettings = v.strictObject({
  /** Never said by the agent; compared without case, punctuation and diacritics. */
  disallowed: Phrases,
  /** What follows when one is; `refuse` without it. */
  onDisallowed: v.optional(ActionName),
  /** By category. Moderation runs on a side that names at least one. */
  moderation: v.optional(
    v.strictObject({
      input: v.optional(Categories),
      output: v.optional(Categories),
      /**
       * Characters at the beginning of an answer that are heard on the phrases' word alone while the
       * first verdict is on its way; 0 without it. Saves a slow endpoint's time; a few words are all it risks.
       */
      opening: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(60))),
      /**
       * Whether an answer waits for the ruling on its question; false without it, and the ruling cuts what it
       * forbids. A provider whose transcripts come late makes answers that wait late, or refused.
       */
      holdForInput: v.optional(v.boolean()),
    }),
  ),
  topics: v.optional(v.pipe(v.array(Topic), v.maxLength(50, 'must be at most 50'))),
  required: v.optional(v.pipe(v.array(Required), v.maxLength(5, 'must be at most 5'))),
  pii: v.optional(
    v.strictObject({
      /** What is taken out of text before it is stored or sent; all kinds without it. */
      kinds: v.optional(v.array(v.picklist(PII_KINDS))),
      /** Regular expressions of names. */
      names: v.optional(v.pipe(v.array(Name), v.maxLength(20, 'must be at most 20'))),
    }),
  ),
  /** Said in place of a blocked answer. */
  refusal: Spoken,
  /** Said when the model fails. */
  fallback: Spoken,
  /** Said when a person takes over. */
  handover: v.optional(Spoken),
});
/** As it is stored. */
export type PolicyDocument = v.InferOutput<typeof PolicySettings>;
export type Topic = v.InferOutput<typeof Topic>;
export type Required = v.InferOutput<typeof Required>;

/** With every default in its place. */
export interface Policy {
  disallowed: readonly string[];
  onDisallowed: Action;
  moderation: Record<'input' | 'output', Readonly<Partial<Record<string, Action>>>> & {
    opening: number;
    holdForInput: boolean;
  };
  topics: readonly Topic[];
  required: readonly Required[];
  pii: { kinds: readonly (typeof PII_KINDS)[number][]; names: readonly RegExp[] };
  refusal: string;
  fallback: string;
  handover: string;
}

export const DEFAULT_HANDOVER = 'I am connecting you to a person.';

/** Every mistake in a policy, each with its place below `at`; empty when there is none. */
export function checkPolicy(policy: unknown, at = 'policy'): FieldProblem[] {
  const read = v.safeParse(PolicySettings, policy);
  if (read.success) return [];
  return read.issues.map((issue) => {
    const path = v.getDotPath(issue);
    return { at: path === null ? at : `${at}.${path}`, message: issue.message };
  });
}

/** One for all conversations of an assistant's version. */
const completed = new WeakMap<PolicyDocument, Policy>();

/** @param policy - Passed {@link checkPolicy} when it was written; it does not change afterwards. */
export function completePolicy(policy: PolicyDocument): Policy {
  const known = completed.get(policy) ?? withDefaults(policy);
  completed.set(policy, known);
  return known;
}

function withDefaults(policy: PolicyDocument): Policy {
  const { disallowed, onDisallowed = 'refuse', moderation = {}, topics = [], required = [], pii = {} } = policy;
  const names = (pii.names ?? []).map(namePattern).filter((pattern) => typeof pattern !== 'string');
  return {
    moderation: {
      input: moderation.input ?? {},
      output: moderation.output ?? {},
      opening: moderation.opening ?? 0,
      holdForInput: moderation.holdForInput ?? false,
    },
    pii: { kinds: pii.kinds ?? PII_KINDS, names },
    refusal: policy.refusal,
    fallback: policy.fallback,
    handover: policy.handover ?? DEFAULT_HANDOVER,
    ...{ disallowed, onDisallowed, topics, required },
  };
}
