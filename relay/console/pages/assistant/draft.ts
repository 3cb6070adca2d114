/**
 * An assistant as it stands in the editor: lists are lines, JSON is text, every field has a value.
 * Pure; says what a save has to send, which is what was changed and no more, so that two people who
 * change different things do not undo each other.
 */
import type { AnswerOf, BodyOf } from '../../../http/api/routes.ts';
import { ApiProblem } from '../../api.ts';

export type Assistant = AnswerOf<'assistant'>;
export type Choices = AnswerOf<'choices'>;
export type Knob = Choices['knobs'][number];
export type Change = BodyOf<'putAssistant'>;
type Policy = Assistant['policy'];
type Topic = NonNullable<Policy['topics']>[number];
type Moderation = NonNullable<Policy['moderation']>;
export type Action = NonNullable<Policy['onDisallowed']>;
export type TopicAction = Topic['action'];
export type Heard = NonNullable<Topic['on']>;
export type When = NonNullable<Policy['required']>[number]['when'];
export type PiiKind = NonNullable<NonNullable<Policy['pii']>['kinds']>[number];
export type KnobValue = boolean | number | string;

export const PII_KINDS: readonly PiiKind[] = ['email', 'card', 'iban', 'phone', 'name'];

export interface TopicDraft {
  name: string;
  /** One a line. */
  words: string;
  on: Heard;
  action: TopicAction;
  disclaimer: string;
  guidance: string;
}

export interface PolicyDraft {
  /** One phrase a line. */
  disallowed: string;
  onDisallowed: Action;
  moderation: {
    input: Record<string, Action>;
    output: Record<string, Action>;
    opening: number;
    holdForInput: boolean;
  };
  topics: TopicDraft[];
  required: { text: string; when: When }[];
  kinds: PiiKind[];
  /** One regular expression a line. */
  names: string;
  refusal: string;
  fallback: string;
  handover: string;
}

export interface Draft {
  name: string;
  model: string;
  voice: string;
  instructions: string;
  locale: string;
  pageTools: boolean;
  /** JSON as it stands in the field. */
  tools: string;
  /** Those that differ from the relay's own. */
  lanes: Record<string, KnobValue>;
  policy: PolicyDraft;
  /** One phrase a line; both empty: the language's own. */
  reflex: { neutral: string; affirmative: string };
}

/** What a field of lines holds: without blanks and without empty lines. */
export const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
const textOf = (lines: readonly string[] | undefined) => (lines ?? []).join('\n');

export function draftOf(assistant: Assistant): Draft {
  const { name, model, voice, instructions, locale, pageTools, tools, lanes, policy, reflex } = assistant;
  const { disallowed, onDisallowed = 'refuse', moderation = {}, topics = [], required = [], pii = {} } = policy;
  return {
    ...{ name, model, voice, instructions, locale, pageTools },
    tools: tools.length === 0 ? '' : JSON.stringify(tools, null, 2),
    lanes: { ...lanes } as Record<string, KnobValue>,
    policy: {
      ...{ disallowed: textOf(disallowed), onDisallowed },
      moderation: {
        input: { ...moderation.input },
        output: { ...moderation.output },
        opening: moderation.opening ?? 0,
        holdForInput: moderation.holdForInput ?? false,
      },
      topics: topics.map(({ words, on = 'both', disclaimer = '', guidance = '', ...topic }) => ({
        ...topic,
        ...{ on, disclaimer, guidance, words: textOf(words) },
      })),
      required: required.map((one) => ({ ...one })),
      kinds: [...(pii.kinds ?? PII_KINDS)],
      names: textOf(pii.names),
      refusal: policy.refusal,
      fallback: policy.fallback,
      handover: policy.handover ?? '',
    },
    reflex: { neutral: textOf(reflex?.neutral), affirmative: textOf(reflex?.affirmative) },
  };
}

const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

/** Whether there is anything to save. */
export const isChanged = (draft: Draft, saved: Draft): boolean => !isSame(draft, saved);

/** The knobs with one set; what the relay has anyway is not stored. */
export function withKnob(
  lanes: Draft['lanes'],
  { name, value: standard }: Knob,
  value: KnobValue | undefined,
): Draft['lanes'] {
  const { [name]: _, ...rest } = lanes;
  return value === undefined || value === standard ? rest : { ...rest, [name]: value };
}

/** What was changed since `base`, put on what another has saved since. */
export function rebased(draft: Draft, base: Draft, newest: Draft): Draft {
  const mine = Object.entries(draft).filter(([field, value]) => !isSame(value, base[field as keyof Draft]));
  return { ...newest, ...(Object.fromEntries(mine) as Partial<Draft>) };
}

/**
 * What a save sends: the fields that differ from what is saved.
 *
 * @throws {ApiProblem} where the tools are no JSON, as the relay would say it.
 */
export function changeOf(draft: Draft, saved: Draft): Change {
  const isMine = (field: keyof Draft) => !isSame(draft[field], saved[field]);
  const plain = (['name', 'model', 'voice', 'instructions', 'locale', 'pageTools'] as const).filter(isMine);
  return {
    ...Object.fromEntries(plain.map((field) => [field, draft[field]])),
    ...(isMine('tools') && { tools: toolsOf(draft.tools) }),
    ...(isMine('lanes') && { lanes: draft.lanes }),
    ...(isMine('policy') && { policy: policyOf(draft.policy) }),
    ...(isMine('reflex') && { reflex: reflexOf(draft.reflex) }),
  };
}

/** What makes an older version the newest again. */
export function restorationOf(old: Assistant): Change {
  const { name, model, voice, instructions, locale, tools, pageTools, lanes, policy, reflex = null } = old;
  return { name, model, voice, instructions, locale, tools, pageTools, lanes, policy, reflex };
}

function toolsOf(text: string): NonNullable<Change['tools']> {
  const wrong = (message: string) => new ApiProblem(400, 'bad-request', message, [{ at: 'tools', message }]);
  if (text.trim() === '') return [];
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (error) {
    throw wrong(`are no JSON: ${(error as SyntaxError).message}`);
  }
  if (!Array.isArray(read)) throw wrong('must be a list, in [ ]');
  // What each must be is the relay's to say.
  return read as NonNullable<Change['tools']>;
}

function reflexOf({ neutral, affirmative }: Draft['reflex']): Change['reflex'] {
  const phrases = { neutral: linesOf(neutral), affirmative: linesOf(affirmative) };
  return phrases.neutral.length + phrases.affirmative.length === 0 ? null : phrases;
}

function policyOf(draft: PolicyDraft): Policy {
  const { onDisallowed, topics, required, kinds, refusal, fallback } = draft;
  const moderation = moderationOf(draft.moderation);
  const names = linesOf(draft.names);
  const pii = { ...(kinds.length < PII_KINDS.length && { kinds }), ...(names.length > 0 && { names }) };
  const handover = draft.handover.trim();
  return {
    disallowed: linesOf(draft.disallowed),
    ...(onDisallowed !== 'refuse' && { onDisallowed }),
    ...(Object.keys(moderation).length > 0 && { moderation }),
    ...(topics.length > 0 && { topics: topics.map(topicOf) }),
    ...(required.length > 0 && { required }),
    ...(Object.keys(pii).length > 0 && { pii }),
    ...{ refusal, fallback },
    ...(handover !== '' && { handover }),
  };
}
function moderationOf({ input, output, opening, holdForInput }: PolicyDraft['moderation']): Moderation {
  return {
    ...(Object.keys(input).length > 0 && { input }),
    ...(Object.keys(output).length > 0 && { output }),
    ...(opening !== 0 && { opening }),
    ...(holdForInput && { holdForInput }),
  };
}
function topicOf({ name, words, on, action, ...said }: TopicDraft): Topic {
  const disclaimer = said.disclaimer.trim();
  const guidance = said.guidance.trim();
  return {
    ...{ name, words: linesOf(words), action },
    ...(on !== 'both' && { on }),
    ...(disclaimer !== '' && { disclaimer }),
    ...(guidance !== '' && { guidance }),
  };
}
