/**
 * The arbiter's fixed words: events in, effects out, knobs. Plain JSON, the same in state, in
 * case files, in the audit log and on the wire. Times are milliseconds on a monotonic clock.
 */

export type Lane = 'A' | 'B' | 'C';
export type Owner = 'none' | Lane;
export type Verdict = 'interrupt' | 'backchannel' | 'noise';
export type Outcome = 'answered' | 'superseded' | 'refused' | 'failed';
export type ClipKind = 'reflex' | 'refusal' | 'fallback' | 'idle';
/** How a provider's response ended. */
export type DoneStatus = 'completed' | 'cancelled' | 'incomplete' | 'failed';

type At = { t: number };

export type ArbiterEvent = At &
  (
    | { type: 'session.started' }
    | { type: 'session.ended' }
    | { type: 'user.onset'; utterance: string; source: 'widget' | 'provider'; level?: number }
    | { type: 'user.offset'; utterance: string }
    | { type: 'user.verdict'; utterance: string; verdict: Verdict }
    | { type: 'user.text'; turn: string }
    | { type: 'turn.committed'; turn: string; item?: string; utterances?: string[] }
    | { type: 'turn.dropped'; turn: string; utterances?: string[] }
    | { type: 'response.created'; response: string; turn: string }
    | { type: 'response.text'; response: string }
    | { type: 'response.audio'; response: string; item: string; ms: number; audible: boolean }
    | { type: 'response.generated'; response: string; question?: boolean }
    | { type: 'response.done'; response: string; status: DoneStatus }
    | { type: 'response.error'; code: string; response?: string }
    | { type: 'playout'; epoch: number; item: string; playedMs: number }
    | { type: 'playout.drained'; epoch: number; item?: string }
    | { type: 'clip.ready'; kind: ClipKind; clip: string; ms?: number; affirmative?: boolean }
    | { type: 'clip.ended'; epoch: number; clip?: string }
    | { type: 'policy.cleared'; response: string; upToMs: number }
    | { type: 'policy.blocked'; response: string; reason: string }
    | { type: 'tool.started'; call: string }
    | { type: 'tool.ended'; call: string }
    | { type: 'provider.down'; generation: number }
    | { type: 'provider.up'; generation: number }
    | { type: 'widget.down' }
    | { type: 'widget.up'; epoch?: number }
    | { type: 'device.suspended' }
    | { type: 'device.resumed' }
    | { type: 'tick' }
  );

export type Cause =
  | 'b_audible'
  | 'reflex'
  | 'onset'
  | 'interrupt'
  | 'decide'
  | 'text'
  | 'commit'
  | 'policy'
  | 'policy_timeout'
  | 'fallback'
  | 'idle'
  | 'drained'
  | 'drained_inferred'
  | 'clip_ended'
  | 'clip_timeout'
  | 'cap'
  | 'silent'
  | 'error'
  | 'timeout'
  | 'provider_lost'
  | 'widget_lost'
  | 'ended';

/** In the order in which one step gives them. */
export type Effect =
  | { type: 'gate.close'; epoch: number; rampMs: number }
  | { type: 'gate.pause'; epoch: number }
  | { type: 'gate.resume'; epoch: number; rewindMs: number }
  | { type: 'response.cancel'; response: string }
  | { type: 'item.truncate'; item: string; audioEndMs: number }
  | { type: 'item.delete'; item: string }
  | { type: 'input.clear' }
  | { type: 'owner.changed'; from: Owner; to: Owner; cause: Cause }
  | { type: 'audit'; cause: string; [field: string]: unknown }
  | { type: 'turn.outcome'; turn: string; outcome: Outcome }
  | { type: 'gate.open'; epoch: number; lane: Lane }
  | { type: 'lane.admit'; response: string; epoch: number; upToMs?: number }
  | { type: 'clip.play'; epoch: number; lane: 'A' | 'C'; clip: string }
  | { type: 'response.create'; turn: string }
  | { type: 'metric'; name: string; value: number }
  | { type: 'stale'; event: ArbiterEvent['type'] };

/** The knobs; what each means is in the README of this folder. */
export interface ArbiterConfig {
  LANE_A_ENABLED: boolean;
  MIN_DELAY_BEFORE_REFLEX_MS: number;
  PREEMPT_THRESHOLD_MS: number;
  /** Unset and no turn yet = expected late. */
  EXPECTED_FIRST_AUDIO_MS?: number;
  MAX_REFLEX_DURATION_MS: number;
  TRANSITION_GAP_MS: number;
  INTERRUPT_DECISION_MS: number;
  TURN_DECISION_MS: number;
  INTERRUPT_MIN_SPEECH_MS: number;
  BACKCHANNEL_BOUNDARY_MS: number;
  RESUME_REWIND_MS: number;
  RESUMES_PER_RESPONSE: number;
  ECHO_LEVEL_DB: number;
  ECHO_GUARD_MS: number;
  POLICY_MODE: 'strict' | 'lenient';
  POLICY_BUDGET_MS: number;
  POLICY_ON_TIMEOUT: 'closed' | 'open';
  REFUSAL_UNINTERRUPTIBLE: boolean;
  ON_PROVIDER_LOSS: 'drain' | 'stop';
  /** 0 is off. */
  IDLE_PROMPT_MS: number;
  CREATE_TIMEOUT_MS: number;
  FIRST_AUDIO_TIMEOUT_MS: number;
  STALL_MS: number;
  DONE_TIMEOUT_MS: number;
  TOOL_TIMEOUT_MS: number;
  MAX_USER_TURN_MS: number;
  DRAIN_SLACK_MS: number;
  WIDGET_GRACE_MS: number;
}

export const DEFAULT_CONFIG: ArbiterConfig = {
  LANE_A_ENABLED: true,
  MIN_DELAY_BEFORE_REFLEX_MS: 100,
  PREEMPT_THRESHOLD_MS: 300,
  MAX_REFLEX_DURATION_MS: 2000,
  TRANSITION_GAP_MS: 10,
  INTERRUPT_DECISION_MS: 500,
  TURN_DECISION_MS: 2000,
  INTERRUPT_MIN_SPEECH_MS: 120,
  BACKCHANNEL_BOUNDARY_MS: 1000,
  RESUME_REWIND_MS: 120,
  RESUMES_PER_RESPONSE: 2,
  ECHO_LEVEL_DB: -45,
  ECHO_GUARD_MS: 3000,
  POLICY_MODE: 'strict',
  POLICY_BUDGET_MS: 400,
  POLICY_ON_TIMEOUT: 'closed',
  REFUSAL_UNINTERRUPTIBLE: false,
  ON_PROVIDER_LOSS: 'drain',
  IDLE_PROMPT_MS: 0,
  CREATE_TIMEOUT_MS: 5000,
  FIRST_AUDIO_TIMEOUT_MS: 10000,
  STALL_MS: 10000,
  DONE_TIMEOUT_MS: 5000,
  TOOL_TIMEOUT_MS: 30000,
  MAX_USER_TURN_MS: 60000,
  DRAIN_SLACK_MS: 1000,
  WIDGET_GRACE_MS: 5000,
};

/** The classic names of what the arbiter does, for people. */
export type StateName =
  'IDLE' | 'LISTENING' | 'A_PLAYING' | 'B_RESPONDING' | 'B_PLAYING' | 'FALLBACK_PLAYING' | 'ENDED';
