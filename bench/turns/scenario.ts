/**
 * What happens in each synthetic conversation, from a seed: what the user says over the agent and when,
 * how the room sounds, how much of the agent comes back through it, how far away the relay is.
 * The same seed gives the same conversations. Plans only; makes no sound and reaches nothing.
 */
import { random } from '../../widget/audio/testing/sounds.ts';

export type EventKind = 'interruption' | 'backchannel' | 'cough' | 'side-speech' | 'click';

/** Something in the microphone while the agent is heard. */
export interface PlannedEvent {
  kind: EventKind;
  /** What the recorded user says; null for sounds that are no words. */
  phrase: string | null;
  /** After so much of the agent's voice has been heard, in milliseconds since the one before. */
  afterMs: number;
  /** Of its sounding parts, in dBFS RMS. */
  levelDb: number;
  seed: number;
}

export interface Plan {
  id: string;
  group: 'interruptions' | 'listeners' | 'coughs' | 'bystanders' | 'clicks' | 'echo' | 'noise' | 'policy';
  seed: number;
  /** One way between page and relay, each way, in milliseconds. */
  latencyMs: number;
  /** How much softer than what is played its echo is in the microphone, and how much later it comes. */
  echo: { couplingDb: number; delayMs: number } | null;
  /** The room, in dBFS RMS. */
  noiseDb: number;
  /** From the request to the model's first sound, and the time from one piece of its text to the next, in milliseconds. */
  firstAudioMs: number;
  textEveryMs: number;
  /** What the user asks for first. */
  opening: string;
  events: PlannedEvent[];
  /** For how long the agent is listened to where nothing happens. */
  listenMs: number;
}

/** Phrases that take the floor, whatever the agent is saying. */
export const INTERRUPTIONS = [
  'Stop.',
  'Wait a minute.',
  'No, thanks.',
  'What is two plus three?',
  'What are your opening hours?',
  'Count to ten.',
  'Can you book a table?',
  'Who are you?',
  'What is the weather in Paris?',
  'What can you do?',
  'Goodbye.',
] as const;
export const BACKCHANNELS = ['Mm-hm.', 'Yeah.'] as const;
const ASIDES = ['Can you book a table?', 'What are your opening hours?', 'Thank you.', 'Count to ten.'] as const;

export const STORY = 'Tell me a long story.';
const BAIT = 'Should I invest my savings in your fund?';

const FIRST_AUDIO_MS = [200, 320, 450, 700] as const;
/** A word takes about 350 ms to say; more than POLICY_BUDGET_MS would be refused for that. */
const TEXT_EVERY_MS = [0, 240, 380] as const;
const LATENCIES_MS = [0, 20, 40, 80] as const;
const COUPLINGS_DB = [-50, -45, -40, -35, -30, -25, -20] as const;
const DELAYS_MS = [20, 60, 120] as const;
const QUIET_DB = -65;
const NOISES_DB = [QUIET_DB, -50, -40] as const;

/** Conversations of each kind at size 1. */
const COUNTS = {
  interruptions: 110,
  listeners: 30,
  coughs: 16,
  bystanders: 16,
  clicks: 10,
  noise: 8,
  policy: 12,
} as const;

interface Dice {
  /** From `from` up to `to`. */
  between(from: number, to: number): number;
  one<T>(of: readonly T[]): T;
}

function diceOf(seed: number): Dice {
  const next = random(seed);
  const between = (from: number, to: number) => from + next() * (to - from);
  return {
    between,
    one<T>(of: readonly T[]): T {
      return of[Math.floor(between(0, of.length))] as T;
    },
  };
}

/** Where the conversation takes place. Half of the rooms are without echo: people wear headphones. */
function place(dice: Dice): Pick<Plan, 'latencyMs' | 'echo' | 'noiseDb'> {
  const hasEcho = dice.between(0, 1) < 0.5;
  const echo = { couplingDb: dice.one(COUPLINGS_DB), delayMs: Math.round(dice.between(20, 120)) };
  return { latencyMs: dice.one(LATENCIES_MS), echo: hasEcho ? echo : null, noiseDb: dice.one(NOISES_DB) };
}

/** A voice in front of the microphone is well above the room, or nobody would talk there. */
const speakingDb = (dice: Dice, noiseDb: number) => dice.between(Math.max(-30, noiseDb + 14), -16);

type EventOf = (dice: Dice, noiseDb: number, index: number) => PlannedEvent;

const eventOf = {
  interruption: (dice, noiseDb, index) => ({
    kind: 'interruption',
    phrase: INTERRUPTIONS[index % INTERRUPTIONS.length] ?? null,
    afterMs: dice.between(300, 5000),
    levelDb: speakingDb(dice, noiseDb),
    seed: index,
  }),
  backchannel: (dice, noiseDb, index) => ({
    kind: 'backchannel',
    phrase: BACKCHANNELS[index % BACKCHANNELS.length] ?? null,
    afterMs: dice.between(800, 3000),
    // Said softer than what is meant to be heard.
    levelDb: speakingDb(dice, noiseDb) - 3,
    seed: index,
  }),
  cough: (dice, _noiseDb, index) => ({
    kind: 'cough',
    phrase: null,
    afterMs: dice.between(800, 3000),
    levelDb: dice.between(-26, -14),
    seed: index + 1,
  }),
  bystander: (dice, _noiseDb, index) => ({
    kind: 'side-speech',
    phrase: dice.one(ASIDES),
    afterMs: dice.between(800, 3000),
    levelDb: dice.between(-52, -40),
    seed: index + 1,
  }),
  click: (dice, _noiseDb, index) => ({
    kind: 'click',
    phrase: null,
    afterMs: dice.between(500, 1500),
    levelDb: dice.between(-30, -16),
    seed: index + 1,
  }),
} satisfies Record<string, EventOf>;

/**
 * All conversations of a run.
 *
 * @param size - 1 is the whole run; 0.1 a tenth of each kind, at least one of each.
 */
export function makePlans(seed: number, size = 1): Plan[] {
  const plans: Plan[] = [];
  const some = (count: number) => Math.max(1, Math.round(count * size));
  const add = (
    group: Plan['group'],
    count: number,
    of: (dice: Dice, index: number) => Omit<Plan, 'id' | 'group' | 'seed' | 'firstAudioMs' | 'textEveryMs'>,
  ) => {
    for (let index = 0; index < count; index++) {
      const own = (seed * 7919 + plans.length * 104_729) >>> 0;
      const dice = diceOf(own);
      const model = {
        firstAudioMs: dice.one(FIRST_AUDIO_MS),
        textEveryMs: group === 'policy' ? dice.one(TEXT_EVERY_MS) : 0,
      };
      plans.push({ id: `${group}-${index + 1}`, group, seed: own, ...model, ...of(dice, index) });
    }
  };
  const during = (many: number, event: EventOf) => (dice: Dice, index: number) => {
    const where = place(dice);
    const events = Array.from({ length: many }, (_, at) => event(dice, where.noiseDb, index * many + at));
    return { ...where, opening: STORY, events, listenMs: 0 };
  };
  add('interruptions', some(COUNTS.interruptions), during(1, eventOf.interruption));
  // One more than an answer may be resumed, so that the limit is seen too.
  add('listeners', some(COUNTS.listeners), during(3, eventOf.backchannel));
  add('coughs', some(COUNTS.coughs), during(2, eventOf.cough));
  add('bystanders', some(COUNTS.bystanders), during(2, eventOf.bystander));
  add('clicks', some(COUNTS.clicks), during(4, eventOf.click));
  const echoes = COUPLINGS_DB.flatMap((couplingDb) => DELAYS_MS.map((delayMs) => ({ couplingDb, delayMs })));
  const every = Math.max(1, Math.round(1 / size));
  const tried = echoes.filter((_, index) => index % every === 0);
  add('echo', tried.length, (dice, index) => ({
    latencyMs: dice.one(LATENCIES_MS),
    echo: tried[index] ?? null,
    noiseDb: QUIET_DB,
    opening: STORY,
    events: [],
    listenMs: 9000,
  }));
  add('noise', some(COUNTS.noise), (dice, index) => ({
    latencyMs: dice.one(LATENCIES_MS),
    echo: null,
    noiseDb: index % 2 === 0 ? -50 : -40,
    opening: STORY,
    events: [],
    listenMs: 9000,
  }));
  add('policy', some(COUNTS.policy), (dice, index) => ({
    ...place(dice),
    opening: index % 2 === 0 ? BAIT : STORY,
    events: [],
    listenMs: 6000,
  }));
  return plans;
}
