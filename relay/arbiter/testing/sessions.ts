/**
 * What property tests draw sessions from. `anyEvents` is noise: every event, small pools of ids, no
 * sense; `chances` decide a session of `conversation.ts`.
 */
import fc from 'fast-check';
import { DEFAULT_CONFIG, type ArbiterConfig, type ArbiterEvent } from '../vocabulary.ts';

export { babble, converse, move, play, wait, type Observed } from './conversation.ts';

type Untimed = ArbiterEvent extends infer E ? (E extends ArbiterEvent ? Omit<E, 't'> : never) : never;

const id = (kind: string) => fc.constantFrom(`${kind}1`, `${kind}2`, `${kind}3`);
/** Fields that the vocabulary lets an event leave out. */
const OPTIONAL = new Set(['level', 'utterances', 'question', 'affirmative']);
const event = (type: ArbiterEvent['type'], fields: Record<string, fc.Arbitrary<unknown>> = {}) => {
  const model: Record<string, fc.Arbitrary<unknown>> = { type: fc.constant(type), ...fields };
  return fc.record(model, { requiredKeys: Object.keys(model).filter((name) => !OPTIONAL.has(name)) });
};
const ms = fc.constantFrom(0, 20, 100, 500, 2000);
const epoch = fc.constantFrom(1, 1, 1, 2, 2, 3, 4);

const untimed: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 8, arbitrary: event('tick') },
  { weight: 1, arbitrary: event('session.started') },
  {
    weight: 5,
    arbitrary: event('user.onset', {
      utterance: id('u'),
      source: fc.constantFrom('widget', 'provider'),
      level: fc.constantFrom(-60, -20),
    }),
  },
  { weight: 5, arbitrary: event('user.offset', { utterance: id('u') }) },
  {
    weight: 4,
    arbitrary: event('user.verdict', {
      utterance: id('u'),
      verdict: fc.constantFrom('interrupt', 'backchannel', 'noise'),
    }),
  },
  { weight: 2, arbitrary: event('user.text', { turn: id('t') }) },
  {
    weight: 5,
    arbitrary: event('turn.committed', {
      turn: id('t'),
      item: id('x'),
      utterances: fc.subarray(['u1', 'u2', 'u3']),
    }),
  },
  { weight: 2, arbitrary: event('turn.dropped', { turn: id('t'), utterances: fc.subarray(['u1', 'u2']) }) },
  { weight: 6, arbitrary: event('response.created', { response: id('r'), turn: id('t') }) },
  { weight: 2, arbitrary: event('response.text', { response: id('r') }) },
  {
    weight: 9,
    arbitrary: event('response.audio', { response: id('r'), item: id('i'), ms, audible: fc.boolean() }),
  },
  { weight: 3, arbitrary: event('response.generated', { response: id('r'), question: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: event('response.done', {
      response: id('r'),
      status: fc.constantFrom('completed', 'completed', 'cancelled', 'incomplete', 'failed'),
    }),
  },
  {
    weight: 2,
    arbitrary: event('response.error', {
      code: fc.constantFrom('response_cancel_not_active', 'conversation_already_has_active_response', 'server_error'),
      response: id('r'),
    }),
  },
  { weight: 1, arbitrary: event('response.error', { code: fc.constantFrom('rate_limit_exceeded') }) },
  {
    weight: 4,
    arbitrary: event('playout', {
      epoch,
      item: id('i'),
      playedMs: fc.constantFrom(0, 10.5, 400, 1999.9, 5000, -1, Number.NaN),
    }),
  },
  { weight: 4, arbitrary: event('playout.drained', { epoch }) },
  {
    weight: 3,
    arbitrary: event('clip.ready', {
      kind: fc.constantFrom('reflex', 'refusal', 'fallback', 'idle'),
      clip: id('c'),
      ms: fc.constantFrom(300, 700),
      affirmative: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: event('clip.ended', { epoch }) },
  { weight: 5, arbitrary: event('policy.cleared', { response: id('r'), upToMs: ms }) },
  { weight: 2, arbitrary: event('policy.blocked', { response: id('r'), reason: fc.constant('topic') }) },
  { weight: 2, arbitrary: event('tool.started', { call: id('k') }) },
  { weight: 2, arbitrary: event('tool.ended', { call: id('k') }) },
  { weight: 2, arbitrary: event('provider.down', { generation: fc.nat(3) }) },
  { weight: 4, arbitrary: event('provider.up', { generation: fc.nat(4) }) },
  { weight: 1, arbitrary: event('widget.down') },
  { weight: 1, arbitrary: event('widget.up', { epoch }) },
  { weight: 1, arbitrary: event('device.suspended') },
  { weight: 1, arbitrary: event('device.resumed') },
);

const between = fc.constantFrom(0, 0, 1, 5, 20, 100, 130, 400, 500, 1000, 5000);

/** Any events in any order, with time going on. */
export const anyEvents: fc.Arbitrary<ArbiterEvent[]> = fc
  .array(fc.tuple(between, untimed), { minLength: 20, maxLength: 80, size: 'max' })
  .map((list) => {
    let t = 0;
    return list.map(([after, one]) => ({ t: (t += after), ...(one as Untimed) }));
  });

export const anyConfig: fc.Arbitrary<ArbiterConfig> = fc
  .record({
    LANE_A_ENABLED: fc.boolean(),
    MIN_DELAY_BEFORE_REFLEX_MS: fc.constantFrom(0, 100),
    PREEMPT_THRESHOLD_MS: fc.constantFrom(0, 300),
    RESUMES_PER_RESPONSE: fc.constantFrom(0, 1, 2),
    POLICY_MODE: fc.constantFrom('strict' as const, 'lenient' as const),
    POLICY_ON_TIMEOUT: fc.constantFrom('closed' as const, 'open' as const),
    REFUSAL_UNINTERRUPTIBLE: fc.boolean(),
    ON_PROVIDER_LOSS: fc.constantFrom('drain' as const, 'stop' as const),
    IDLE_PROMPT_MS: fc.constantFrom(0, 2000),
  })
  .map((knobs) => ({ ...DEFAULT_CONFIG, ...knobs }));

/** What a session is decided by: one number for each thing that chance decides. */
export const chances = fc.array(fc.nat(9999), { minLength: 100, maxLength: 500, size: 'max' });
