/**
 * Who a page may meet in a mock call. A persona says what it does when a call opens, when it begins,
 * and when the person says something; how that reaches the widget is not its business.
 */
import { CallError, ERROR_CODES, type ErrorCode } from '../errors.ts';
import type { CallConfig } from '../index.ts';

/** What a function of the page answered, as the model would read it. */
export interface ToolAnswer {
  output: string;
  failed: boolean;
}

/** What is known when a call opens. */
export interface Opening {
  /** What stands behind the `?` of `src`. */
  readonly params: URLSearchParams;
  /** What the element opened the call with: mode, turn, context, tools and so on. */
  readonly config: CallConfig;
}

/** What a persona can do. All times are milliseconds of the mock call's own clock. */
export interface Scene extends Opening {
  /** Says it, word by word; resolves when all was heard. */
  say(text: string): Promise<void>;
  wait(ms: number): Promise<void>;
  /** The short sound that fills a long thought. */
  reflex(): Promise<void>;
  /** Policy says this in place of an answer. */
  refuse(text: string): Promise<void>;
  /** A person takes over. */
  handOver(reason: string): void;
  /** Calls a function of the page; resolves with what it answered. */
  tool(name: string, args: Record<string, unknown>): Promise<ToolAnswer>;
  /** The person breaks in. */
  userSays(words: string): Promise<void>;
  userCoughs(): Promise<void>;
  /** The connection is lost and comes back. */
  loses(gapMs: number): Promise<void>;
  breaks(code: ErrorCode): void;
}

export interface Persona {
  /** Before the call is open; throws what it fails with. */
  opens?(opening: Opening): void | Promise<void>;
  /** The call is open and nobody said anything yet. */
  begins?(scene: Scene): Promise<void>;
  /** The person said this. */
  answers(scene: Scene, words: string): Promise<void>;
}

const STORY =
  'Once there was a keeper of a light at the end of a long pier. Every evening he climbed ninety steps, ' +
  'trimmed the wick, and wrote the hour into a book. One night the sea was so still that the light had ' +
  'nobody to warn, and he sat down and told it a story instead.';

const HOURS = 'We are open from nine to six, and on Saturdays until two.';

/** What only a call by voice can fail with. */
const OF_VOICE: readonly ErrorCode[] = [
  ...(['MIC_DENIED', 'MIC_DISMISSED', 'MIC_NOT_FOUND', 'MIC_IN_USE'] as const),
  ...(['POLICY_BLOCKED', 'INSECURE_CONTEXT', 'CSP_WORKLET', 'AUTOPLAY'] as const),
];

function answer(words: string): string {
  if (/\b(hello|hi|hey|hallo|bonjour|hola)\b/i.test(words)) return 'Hello! How can I help?';
  if (/\b(open|hours?|when)\b/i.test(words)) return HOURS;
  return `You said: ${words}`;
}

const number = ({ params }: Opening, name: string, otherwise: number) => {
  const value = Number(params.get(name) ?? Number.NaN);
  return Number.isFinite(value) ? value : otherwise;
};

/** Something that happens while the answer goes on, if the call lasts so long. */
const beside = (act: Promise<void>) => void act.catch(() => undefined);

function codeOf({ params }: Opening): ErrorCode {
  const code = ERROR_CODES.find((one) => one === params.get('code')?.toUpperCase().replaceAll('-', '_'));
  if (!code) throw new CallError('PROTOCOL', `mock:fails takes ?code= one of ${ERROR_CODES.join(', ')}`);
  return code;
}

export const PERSONAS: Readonly<Record<string, Persona>> = {
  /** Answers whatever is said. */
  greeter: { answers: (scene, words) => scene.say(answer(words)) },

  /** Speaks first. */
  host: {
    begins: (scene) => scene.say('Welcome! What can I do for you?'),
    answers: (scene, words) => scene.say(answer(words)),
  },

  /** A long answer with captions, for interruptions of the test's own. */
  story: { answers: (scene) => scene.say(STORY) },

  /** Is interrupted `?at=` milliseconds into its answer, and then answers that. */
  interrupted: {
    async answers(scene, words) {
      if (words === 'Stop, please.') return scene.say('All right.');
      beside(scene.wait(number(scene, 'at', 1_500)).then(() => scene.userSays('Stop, please.')));
      await scene.say(STORY);
    },
  },

  /** Is paused by a cough `?at=` milliseconds into its answer, and goes on. */
  coughed: {
    async answers(scene) {
      beside(scene.wait(number(scene, 'at', 800)).then(() => scene.userCoughs()));
      await scene.say(HOURS);
    },
  },

  /** Fills a thought of `?after=` milliseconds with a reflex. */
  slow: {
    async answers(scene, words) {
      const afterMs = number(scene, 'after', 4_000);
      await scene.wait(Math.min(600, afterMs));
      await scene.reflex();
      await scene.wait(Math.max(0, afterMs - 1_100));
      await scene.say(answer(words));
    },
  },

  /** Calls the function `?tool=` (otherwise the first that is offered) with `?args=` (JSON), and says what it answered. */
  caller: {
    async answers(scene) {
      const name = scene.params.get('tool') ?? scene.config.tools[0]?.name;
      if (name === undefined) return scene.say('This page offers no functions.');
      const args = JSON.parse(scene.params.get('args') ?? '{}') as Record<string, unknown>;
      const { output, failed } = await scene.tool(name, args);
      await scene.say(failed ? `That did not work: ${output}` : `It says: ${output}`);
    },
  },

  /** Policy speaks in its place. */
  refuser: { answers: (scene) => scene.refuse('I cannot help with that.') },

  /** Hands the conversation to a person. */
  handover: {
    async answers(scene) {
      scene.handOver('asked_for_a_person');
      await scene.say('I am passing you on to a colleague.');
    },
  },

  /** Loses the connection for `?gap=` milliseconds before it answers. */
  reconnecting: {
    async answers(scene, words) {
      await scene.loses(number(scene, 'gap', 1_000));
      await scene.say(answer(words));
    },
  },

  /** Fails with `?code=`: before the call is open, or (`?when=call`) when something is said. */
  fails: {
    opens(opening) {
      const code = codeOf(opening);
      const isOfVoice = OF_VOICE.includes(code) && opening.config.mode === 'text';
      if (opening.params.get('when') !== 'call' && !isOfVoice) {
        throw new CallError(code, `the mock call was told to fail with ${code}`);
      }
    },
    async answers(scene, words) {
      if (scene.params.get('when') === 'call') scene.breaks(codeOf(scene));
      else await scene.say(answer(words));
    },
  },
};
