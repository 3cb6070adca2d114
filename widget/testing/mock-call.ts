/**
 * A call without a relay, a microphone, a sound or a network. It tells the widget what a relay and
 * an ear would tell it, in the same order; who answers what is a persona's business. Nothing in it
 * is random, and its only time is its own clock.
 */
import { CallError, type ErrorCode } from '../errors.ts';
import type { Call, CallEvent, CallRequest, CallStats } from '../index.ts';
import { MockClock, type Speed } from './mock-clock.ts';
import type { Persona, Scene, ToolAnswer } from './personas.ts';

/** What is heard is told this often. */
const STEP_MS = 100;
/** How long a word takes to say. */
const WORD_MS = 320;
const FRAMES_A_STEP = 5;
const CONNECT_MS = 120;
/** From an onset to the decision that it was an interruption. */
const DECIDE_MS = 240;
const REFLEX_MS = 500;

/** What the element asked of the call. */
export interface Asked {
  what:
    | 'sendText'
    | 'say'
    | 'interrupt'
    | 'updateContext'
    | 'talk'
    | 'answerTool'
    | 'setMicMuted'
    | 'setOutput'
    | 'setInput'
    | 'setSinkId'
    | 'end';
  with: unknown;
}

export interface MockCallOptions {
  persona: Persona;
  /** What stands behind the `?` of `src`. */
  params?: URLSearchParams;
  speed?: Speed;
}

/** An answer on its way: its turn, and what of it is heard. */
interface Answer {
  turn: string;
  abort: AbortController;
  item: string | null;
  heardMs: number;
  isAudible: boolean;
}

/** Why an answer stopped, so that nobody takes it for a fault of the persona's. */
class Superseded extends Error {}

export class MockCall implements Call {
  readonly stats: CallStats = { framesSent: 0, framesReceived: 0, roundTripMs: null, pauseMs: null, reconnects: 0 };
  readonly levels = { in: 0, out: 0 };
  /** Everything that was asked of it, in order. */
  readonly asked: Asked[] = [];
  readonly params: URLSearchParams;
  readonly #persona: Persona;
  readonly #clock: MockClock;
  #request: CallRequest | null = null;
  #epoch = 1;
  #count = 0;
  #turns = 0;
  #answer: Answer | null = null;
  #isHeld = false;
  #utterance: string | null = null;
  readonly #tools = new Map<string, (answer: ToolAnswer) => void>();

  constructor({ persona, params = new URLSearchParams(), speed = 1 }: MockCallOptions) {
    this.#persona = persona;
    this.params = params;
    this.#clock = new MockClock(speed);
  }

  // What the element sees.

  readonly openCall = async (request: CallRequest): Promise<Call> => {
    this.#request = request;
    request.early(this);
    await this.#clock.wait(CONNECT_MS, request.signal);
    await this.#persona.opens?.({ params: this.params, config: request.config });
    this.stats.roundTripMs = 20;
    const { locale } = request.config;
    this.#tell({
      type: 'session.created',
      session: 'mock-session',
      epoch: this.#epoch,
      assistant: { name: this.params.get('name') ?? 'Ada', locale },
      leadMs: 400,
      longestSessionMs: 3_600_000,
      tokenExpiresInMs: 600_000,
      knobs: { echoLevelDb: -45, echoGuardMs: 3_000, transitionGapMs: 10 },
    });
    const { persona, signal } = { persona: this.#persona, signal: request.signal };
    // After the element knows that the call is open.
    if (persona.begins)
      void this.#clock.wait(0, signal).then(() => this.#run((scene) => persona.begins?.(scene)), ignore);
    return this;
  };
  waveform(input: Float32Array<ArrayBuffer>, output: Float32Array<ArrayBuffer>): void {
    for (let index = 0; index < input.length; index += 1) {
      const wave = Math.sin(index / 3) * Math.abs(Math.sin(this.#clock.nowMs / 80));
      input[index] = this.levels.in * wave;
      output[index] = this.levels.out * wave;
    }
  }
  sendText(text: string): void {
    this.#ask('sendText', text);
    this.#tell({ type: 'sent', message: { type: 'user.text', text } });
    this.#cut('text');
    this.#hear(text, 'text');
  }
  say(text: string): void {
    this.#ask('say', text);
    this.#cut('text');
    void this.#run((scene) => scene.say(text));
  }
  interrupt(): void {
    this.#ask('interrupt', null);
    this.#tell({ type: 'sent', message: { type: 'user.interrupt' } });
    this.#cut('interrupt');
  }
  updateContext(text: string, key?: string): void {
    this.#ask('updateContext', { text, key });
  }
  talk(isPressed: boolean): void {
    this.#ask('talk', isPressed);
    if (isPressed) {
      this.#onset();
      this.#cut('onset');
    } else {
      this.#offset();
      this.#hear(this.params.get('heard') ?? 'What are your opening hours?', 'speech');
    }
  }
  answerTool(call: string, output: string, failed: boolean): void {
    this.#ask('answerTool', { call, output, failed });
    this.#tools.get(call)?.({ output, failed });
    this.#tools.delete(call);
  }
  setMicMuted(muted: boolean, policy: 'silence' | 'release'): Promise<void> {
    this.#ask('setMicMuted', { muted, policy });
    return Promise.resolve();
  }
  setOutput(options: { muted: boolean; volume: number }): void {
    this.#ask('setOutput', options);
  }
  setInput(deviceId: string): Promise<void> {
    this.#ask('setInput', deviceId);
    this.#tell({ type: 'mic.opened' });
    return Promise.resolve();
  }
  setSinkId(sinkId: string): Promise<void> {
    this.#ask('setSinkId', sinkId);
    return Promise.resolve();
  }
  end(): void {
    this.#ask('end', null);
  }

  // What a test can do.

  /** With `speed=manual`: lets so much of the call's time pass. */
  advance(ms: number): Promise<void> {
    return this.#clock.advance(ms);
  }
  /** The person says this aloud; over an answer it interrupts. Resolves when it was said. */
  async userSays(words: string): Promise<void> {
    this.#onset();
    const lengthMs = Math.max(DECIDE_MS, wordsIn(words).length * WORD_MS);
    await this.#wait(DECIDE_MS);
    this.#cut('onset');
    await this.#wait(lengthMs - DECIDE_MS);
    this.#offset();
    this.#hear(words, 'speech');
  }
  /** A cough, or an "mm-hm": pauses the answer, which then goes on. Resolves when it goes on. */
  async userCoughs(): Promise<void> {
    this.#onset();
    await this.#wait(DECIDE_MS);
    this.#offset();
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#tell({ type: 'gate.resume', epoch: this.#epoch, rewindMs: 0 });
  }
  /** The call is over because of this. */
  breaks(code: ErrorCode): void {
    this.#answer?.abort.abort(new Superseded());
    this.#live.fail(new CallError(code, `the mock call was told to fail with ${code}`));
  }
  /** The connection is lost, and back after `gapMs`. Resolves when it is back. */
  async loses(gapMs: number): Promise<void> {
    this.#tell({ type: 'link.down', attempt: 1 });
    await this.#wait(gapMs);
    this.stats.reconnects += 1;
    this.#tell({ type: 'link.up', gapMs });
  }

  // How it works.

  /** Passes time, whoever is heard. */
  #wait(ms: number): Promise<void> {
    return this.#clock.wait(ms, this.#live.signal);
  }

  #hear(words: string, source: 'speech' | 'text'): void {
    const persona = this.#persona;
    void this.#run((scene) => persona.answers(scene, words), { words, source });
  }

  /** One turn: what the person said, if anything, and what comes of it. */
  async #run(
    act: (scene: Scene) => Promise<void> | undefined,
    said?: { words: string; source: 'speech' | 'text' },
  ): Promise<void> {
    this.#answer?.abort.abort(new Superseded());
    this.#turns += 1;
    const turn = `mock-turn-${this.#turns}`;
    const answer: Answer = { turn, abort: new AbortController(), item: null, heardMs: 0, isAudible: false };
    this.#answer = answer;
    const t = this.#clock.nowMs;
    if (said) {
      this.#tell(
        { type: 'turn.started', turn, source: said.source, t },
        { type: 'transcript.done', item: `${turn}-user`, role: 'user', text: said.words },
      );
    }
    this.#tell({ type: 'state.changed', state: 'B_RESPONDING', cause: 'commit', t });
    try {
      await act(this.#sceneOf(answer));
      this.#ends(answer, 'answered');
    } catch (error) {
      if (this.#live.signal.aborted || error instanceof Superseded) return;
      this.#ends(answer, 'failed');
      if (error instanceof CallError) this.#live.fail(error);
      else throw error;
    }
  }

  /** What a persona can do, within its answer. */
  #sceneOf(answer: Answer): Scene {
    const wait = (ms: number) => this.#clock.wait(ms, this.#within(answer));
    return {
      ...{ params: this.params, config: this.#live.config, wait },
      say: (text) => this.#speak(text, answer),
      reflex: async () => {
        this.#tell(
          { type: 'clip.play', epoch: this.#epoch, lane: 'A', clip: 'mock-reflex' },
          this.#owns('none', 'A', 'reflex'),
        );
        await wait(REFLEX_MS);
        this.#tell(this.#owns('A', 'none', 'drained'));
      },
      refuse: async (text) => {
        const clip = 'mock-refusal';
        const ms = wordsIn(text).length * WORD_MS;
        this.#tell(
          {
            type: 'policy.applied',
            decision: 'refuse',
            reason: 'disallowed_phrase',
            severity: 'medium',
            side: 'output',
          },
          { type: 'clip.added', clip, kind: 'refusal', ms, affirmative: false, text },
          { type: 'clip.play', epoch: this.#epoch, lane: 'C', clip },
          this.#owns('none', 'C', 'policy'),
        );
        await wait(ms);
        this.#tell(this.#owns('C', 'none', 'drained'));
      },
      handOver: (reason) => this.#tell({ type: 'policy.escalated', reason, severity: 'high' }),
      tool: (name, args) => this.#call(name, args, answer),
      userSays: (words) => this.userSays(words),
      userCoughs: () => this.userCoughs(),
      loses: (gapMs) => this.loses(gapMs),
      breaks: (code) => this.breaks(code),
    };
  }
  #within(answer: Answer): AbortSignal {
    return AbortSignal.any([answer.abort.signal, this.#live.signal]);
  }

  #call(name: string, args: Record<string, unknown>, answer: Answer): Promise<ToolAnswer> {
    this.#count += 1;
    const call = `mock-tool-${this.#count}`;
    return new Promise((resolve, reject) => {
      this.#tools.set(call, resolve);
      answer.abort.signal.addEventListener('abort', () => {
        if (!this.#tools.delete(call)) return;
        this.#tell({ type: 'tool.cancelled', call });
        reject(answer.abort.signal.reason);
      });
      this.#tell({ type: 'tool.call', call, name, arguments: JSON.stringify(args) });
    });
  }

  async #speak(text: string, answer: Answer): Promise<void> {
    this.#count += 1;
    const item = (answer.item = `mock-item-${this.#count}`);
    const { turn } = answer;
    const epoch = this.#epoch;
    const totalMs = wordsIn(text).length * WORD_MS;
    const signal = this.#within(answer);
    await this.#clock.wait(STEP_MS, signal);
    this.#tell(
      { type: 'item.started', item, response: `${turn}-response`, turn, epoch, lane: 'B', fromMs: 0 },
      { type: 'gate.open', epoch, lane: 'B' },
      this.#owns('none', 'B', 'b_audible'),
    );
    answer.isAudible = true;
    answer.heardMs = 0;
    for (const delta of text.match(/\S+\s*/g) ?? [])
      this.#tell({ type: 'transcript.delta', item, role: 'agent', text: delta });
    this.#tell({ type: 'transcript.done', item, role: 'agent', text }, { type: 'item.complete', item, totalMs });
    this.levels.out = 0.5;
    while (answer.heardMs < totalMs) {
      await this.#clock.wait(STEP_MS, signal);
      if (this.#isHeld) continue;
      answer.heardMs = Math.min(totalMs, answer.heardMs + STEP_MS);
      this.stats.framesReceived += FRAMES_A_STEP;
      this.#tell({ type: 'playout', item, playedMs: answer.heardMs });
    }
    this.levels.out = 0;
    answer.isAudible = false;
    this.#tell({ type: 'drained', item }, this.#owns('B', 'none', 'drained'));
  }

  /** What is being said or thought about ends here; `cause` is the relay's word for why. */
  #cut(cause: 'onset' | 'interrupt' | 'text'): void {
    const answer = this.#answer;
    this.#isHeld = false;
    if (!answer) return;
    answer.abort.abort(new Superseded());
    this.#epoch += 1;
    this.levels.out = 0;
    const { item, heardMs, isAudible } = answer;
    this.#tell({ type: 'gate.close', epoch: this.#epoch, rampMs: 12 });
    if (isAudible && item) this.#tell(this.#owns('B', 'none', cause), { type: 'item.truncated', item, heardMs });
    this.#ends(answer, 'superseded');
  }

  #ends(answer: Answer, outcome: 'answered' | 'superseded' | 'failed'): void {
    if (this.#answer === answer) this.#answer = null;
    const { turn, item } = answer;
    const firstSentMs = item ? { B: STEP_MS } : {};
    this.#tell(
      { type: 'turn.ended', turn, outcome, firstSentMs },
      { type: 'state.changed', state: 'LISTENING', cause: outcome, t: this.#clock.nowMs },
    );
  }

  #onset(): void {
    this.#count += 1;
    this.#utterance = `mock-utterance-${this.#count}`;
    const paused = this.#answer?.isAudible ?? false;
    this.#isHeld = paused;
    this.levels.in = 0.5;
    this.#tell({ type: 'onset', utterance: this.#utterance, paused });
  }
  #offset(): void {
    const utterance = this.#utterance ?? '';
    this.#utterance = null;
    this.levels.in = 0;
    this.stats.framesSent += FRAMES_A_STEP;
    this.#tell({ type: 'offset', utterance });
  }

  #owns(from: 'none' | 'A' | 'B' | 'C', to: 'none' | 'A' | 'B' | 'C', cause: string): CallEvent {
    return { type: 'lane.owner_changed', from, to, cause, epoch: this.#epoch, t: this.#clock.nowMs };
  }
  #tell(...events: CallEvent[]): void {
    for (const event of events) this.#live.on(event);
  }
  #ask(what: Asked['what'], value: unknown): void {
    this.asked.push({ what, with: value });
  }
  get #live(): CallRequest {
    if (!this.#request) throw new Error('no call was opened yet');
    return this.#request;
  }
}

const wordsIn = (text: string) => text.match(/\S+/g) ?? [];
const ignore = () => undefined;
