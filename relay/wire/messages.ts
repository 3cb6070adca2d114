/**
 * Every text message, both ways. The relay refuses unknown fields and types (it must distrust
 * the page); the widget skips what it does not know (it may be older than the relay).
 * `PROTOCOL.md` shows each with an example, and a test parses every one of them.
 */
import * as v from 'valibot';

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffffffff));
const ms = v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(86_400_000));
const id = v.pipe(v.string(), v.minLength(1), v.maxLength(128));
const level = v.pipe(v.number(), v.finite(), v.minValue(-200), v.maxValue(20));
const name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ -'));
const text = v.pipe(v.string(), v.minLength(1), v.maxLength(8_000));
/** Base64url of 256 bits: opens the session's next connection once. */
const secret = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/, 'must be 43 of A-Z a-z 0-9 _ -'));
const locale = v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]{2,35}$/, 'must be a language tag'));

export const Lane = v.picklist(['A', 'B', 'C']);
export const Owner = v.picklist(['none', 'A', 'B', 'C']);
export const TurnMode = v.picklist(['auto', 'hold', 'toggle']);
export type TurnMode = v.InferOutput<typeof TurnMode>;
export const ClipKind = v.picklist(['reflex', 'refusal', 'fallback', 'idle']);
export type ClipKind = v.InferOutput<typeof ClipKind>;
export const TurnOutcome = v.picklist(['answered', 'superseded', 'refused', 'failed']);
export type TurnOutcome = v.InferOutput<typeof TurnOutcome>;
export const Severity = v.picklist(['low', 'medium', 'high', 'critical']);
/** The seven names that operators see. */
export const StateName = v.picklist([
  'IDLE',
  'LISTENING',
  'A_PLAYING',
  'B_RESPONDING',
  'B_PLAYING',
  'FALLBACK_PLAYING',
  'ENDED',
]);
export type StateName = v.InferOutput<typeof StateName>;

/** A function that the page offers to the model; accepted only where the assistant allows page tools. */
export const PageTool = v.strictObject({
  name,
  description: v.pipe(v.string(), v.maxLength(1_024)),
  parameters: v.record(v.string(), v.unknown()),
});
export type PageTool = v.InferOutput<typeof PageTool>;

export const WidgetMessage = v.variant('type', [
  v.strictObject({ type: v.literal('ping') }),
  v.strictObject({ type: v.literal('auth'), token: v.pipe(v.string(), v.minLength(1), v.maxLength(4_096)) }),
  v.strictObject({
    type: v.literal('session.start'),
    turn: TurnMode,
    locale: v.optional(locale),
    context: v.optional(text),
    tools: v.optional(v.pipe(v.array(PageTool), v.maxLength(32))),
    /** Ways of packing sound that the page can pack and unpack besides PCM16, best first. */
    codecs: v.optional(v.pipe(v.array(name), v.maxLength(8))),
  }),
  v.strictObject({ type: v.literal('session.end') }),
  /** `paused`: the widget's own gate paused at the onset and waits for the relay's word. */
  v.strictObject({
    type: v.literal('user.onset'),
    utterance: id,
    epoch: count,
    level: v.optional(level),
    paused: v.boolean(),
  }),
  /** `ms`: how long the sound itself was; the silence that ended it is not in it. */
  v.strictObject({ type: v.literal('user.offset'), utterance: id, ms: v.optional(ms) }),
  /** `n` rises with each of the page's own turns; one that is said again has the same. */
  v.strictObject({ type: v.literal('user.text'), text, n: v.optional(count) }),
  v.strictObject({ type: v.literal('user.interrupt') }),
  /** Push-to-talk: pressed and let go. Between them the turn is the user's. */
  v.strictObject({ type: v.literal('talk.start'), utterance: id, epoch: count, paused: v.boolean() }),
  v.strictObject({ type: v.literal('talk.end'), utterance: id }),
  /** `last`: the gate is closed and nothing more of its epoch is heard. */
  v.strictObject({ type: v.literal('playout'), epoch: count, item: id, playedMs: ms, last: v.optional(v.boolean()) }),
  v.strictObject({ type: v.literal('playout.drained'), epoch: count, item: id }),
  v.strictObject({ type: v.literal('clip.ended'), epoch: count, clip: id }),
  v.strictObject({ type: v.literal('device.changed'), suspended: v.boolean() }),
  v.strictObject({ type: v.literal('mic.changed'), muted: v.boolean() }),
  v.strictObject({
    type: v.literal('tool.result'),
    call: id,
    output: v.pipe(v.string(), v.maxLength(65_536)),
    failed: v.optional(v.boolean()),
  }),
  v.strictObject({ type: v.literal('context.update'), text, key: v.optional(id) }),
  /** So many of the relay's counted messages and binary frames came; the relay lets go of them. */
  v.strictObject({ type: v.literal('ack'), messages: count, frames: count }),
  /** Speech that the page could not keep while there was no connection; the assistant asks to say it again. */
  v.strictObject({ type: v.literal('speech.lost'), utterance: v.optional(id) }),
  /** The page wants exactly this said, now; policy listens as always. */
  v.strictObject({ type: v.literal('assistant.say'), text, n: v.optional(count) }),
]);
export type WidgetMessage = v.InferOutput<typeof WidgetMessage>;

/** What a page knows of its session from the first message on. */
const session = {
  session: id,
  epoch: count,
  assistant: v.object({ name: v.string(), locale: v.string() }),
  /** How far ahead of playout the relay sends, in milliseconds. */
  leadMs: ms,
  longestSessionMs: ms,
  tokenExpiresInMs: ms,
  /** What the widget's own detector must know to pause on its own. */
  knobs: v.object({ echoLevelDb: level, echoGuardMs: ms, transitionGapMs: ms }),
  /** All knobs of the arbiter as they hold for this session, for those who look. */
  config: v.optional(v.record(v.string(), v.union([v.pipe(v.number(), v.finite()), v.string(), v.boolean()]))),
  /** How to come back: the secret opens one connection, within so many milliseconds after this one was lost. */
  resume: v.optional(v.object({ secret, windowMs: ms })),
};

/**
 * What a resumed session kept. `all`: both directions go on where they were. `unplayed`: a new page; what had not been
 * played comes again. `memory`: the conversation goes on with what it remembers, sound under way is lost.
 */
export const Kept = v.picklist(['all', 'unplayed', 'memory']);
export type Kept = v.InferOutput<typeof Kept>;

export const RelayMessage = v.variant('type', [
  v.object({ type: v.literal('pong') }),
  /** The token was accepted. `epoch` is the one the widget starts with, its gate closed. */
  v.object({ type: v.literal('session.created'), ...session }),
  /** The session goes on. `received`: the page's counted messages and frames that had come; it sends what followed. */
  v.object({
    type: v.literal('session.resumed'),
    ...session,
    kept: Kept,
    received: v.object({ messages: count, frames: count }),
  }),
  /** So many of the page's counted messages and binary frames came; the page lets go of them. */
  v.object({ type: v.literal('ack'), messages: count, frames: count }),
  /** This instance stops: 4001 follows, and so long the page waits before it comes back. */
  v.object({ type: v.literal('relay.draining'), comeBackMs: ms }),
  /** The answer to `codecs`: from now on both sides may send frames packed so. */
  v.object({ type: v.literal('session.ready'), codec: v.picklist(['pcm16', 'opus']) }),
  /** The provider answers (again), or does not. Speech is kept meanwhile. */
  v.object({ type: v.literal('provider.changed'), up: v.boolean() }),
  v.object({ type: v.literal('auth.accepted'), tokenExpiresInMs: ms }),
  /** Binary frames of epoch 0 follow, the last one flagged; the widget keeps them. */
  v.object({
    type: v.literal('clip.added'),
    clip: id,
    kind: ClipKind,
    ms,
    affirmative: v.boolean(),
    text: v.optional(v.string()),
  }),
  /** The binary frames of `epoch` and `lane` that follow belong to `item`, from `fromMs` on. */
  v.object({
    type: v.literal('item.started'),
    item: id,
    response: id,
    turn: id,
    epoch: count,
    lane: Lane,
    fromMs: ms,
  }),
  v.object({ type: v.literal('gate.open'), epoch: count, lane: Lane }),
  v.object({ type: v.literal('gate.close'), epoch: count, rampMs: ms }),
  v.object({ type: v.literal('gate.pause'), epoch: count }),
  v.object({ type: v.literal('gate.resume'), epoch: count, rewindMs: ms }),
  v.object({ type: v.literal('lane.admit'), epoch: count, response: id, upToMs: v.optional(ms) }),
  v.object({ type: v.literal('clip.play'), epoch: count, lane: v.picklist(['A', 'C']), clip: id }),
  /** `t`: milliseconds since the session was created, on the relay's clock. */
  v.object({
    type: v.literal('lane.owner_changed'),
    from: Owner,
    to: Owner,
    cause: v.string(),
    epoch: count,
    t: ms,
  }),
  v.object({ type: v.literal('state.changed'), state: StateName, cause: v.string(), t: ms }),
  v.object({ type: v.literal('turn.started'), turn: id, source: v.picklist(['speech', 'text']), t: ms }),
  v.object({
    type: v.literal('turn.ended'),
    turn: id,
    outcome: TurnOutcome,
    /** From the committed end of turn to each lane's first audible frame sent, in milliseconds. */
    firstSentMs: v.object({ A: v.optional(ms), B: v.optional(ms), C: v.optional(ms) }),
  }),
  /** Words as they come; `done` replaces all that came before for this item. */
  v.object({ type: v.literal('transcript.delta'), item: id, role: v.picklist(['user', 'agent']), text: v.string() }),
  v.object({ type: v.literal('transcript.done'), item: id, role: v.picklist(['user', 'agent']), text: v.string() }),
  /** The model remembers only `heardMs` of this item; the words after it were never heard. */
  v.object({ type: v.literal('item.truncated'), item: id, heardMs: ms }),
  v.object({ type: v.literal('item.deleted'), item: id }),
  /** Policy stepped in; `reason` is a code. `side`: whose words it was about. */
  v.object({
    type: v.literal('policy.applied'),
    decision: v.picklist(['allow', 'rewrite', 'refuse', 'cancel_output']),
    reason: v.string(),
    severity: Severity,
    side: v.picklist(['input', 'output']),
  }),
  /** Policy asks for a person: the tenant is told, and the user hears that somebody takes over. */
  v.object({ type: v.literal('policy.escalated'), reason: v.string(), severity: Severity }),
  v.object({ type: v.literal('tool.call'), call: id, name: v.string(), arguments: v.string() }),
  v.object({ type: v.literal('tool.cancelled'), call: id }),
  v.object({ type: v.literal('error'), code: v.string(), message: v.string(), retryable: v.boolean() }),
]);
export type RelayMessage = v.InferOutput<typeof RelayMessage>;

export type ReadMessage<T> = { ok: true; message: T } | { ok: false; at: string };

const FIELD = /^[\w.]{1,64}$/;

/** Parses one text frame. `at` names the first field that was wrong, or `json`. */
export function readMessage<const S extends v.GenericSchema>(schema: S, data: string): ReadMessage<v.InferOutput<S>> {
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    return { ok: false, at: 'json' };
  }
  const result = v.safeParse(schema, json, { abortEarly: true });
  if (result.success) return { ok: true, message: result.output };
  const at = v.getDotPath(result.issues[0]) ?? 'type';
  // The name of a field that nobody knows is a stranger's text, too.
  return { ok: false, at: FIELD.test(at) ? at : 'a field' };
}
