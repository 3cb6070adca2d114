/**
 * A call without a relay, a microphone or a sound: a test says what happens, and reads what was
 * asked. Give `script.openCall` to the element's property of that name.
 */
import { NO_STATS, type Call, type CallConfig, type CallEvent, type CallRequest } from '../call/call.ts';

export class ScriptedCall implements Call {
  readonly levels = { in: 0, out: 0 };
  stats = { ...NO_STATS };
  /** How loud each voice is, for the thread. */
  loudness = { user: 0, agent: 0 };
  /** What the element asked of the call, in order. */
  readonly asked: { what: string; with: unknown }[] = [];
  /** How often a call was opened. */
  opened = 0;
  isEnded = false;
  /** Rejects `setInput`, as a browser without a microphone does. */
  inputFails: Error | null = null;
  #open: () => void = () => undefined;
  #refuse: (error: unknown) => void = () => undefined;
  readonly #opening = new Promise<void>((resolve, reject) => {
    this.#open = resolve;
    this.#refuse = reject;
  });
  #request: CallRequest | null = null;

  readonly openCall = async (request: CallRequest): Promise<Call> => {
    this.opened += 1;
    this.#request = request;
    await this.#opening;
    return this;
  };

  get config(): CallConfig {
    return this.#live.config;
  }
  get signal(): AbortSignal {
    return this.#live.signal;
  }

  /** The call opens, under a session named `session`. */
  opens(name = 'Ada', session = 'session-1'): void {
    this.happens({
      type: 'session.created',
      session,
      epoch: 1,
      assistant: { name, locale: 'en' },
      leadMs: 400,
      longestSessionMs: 600_000,
      tokenExpiresInMs: 600_000,
      knobs: { echoLevelDb: -45, echoGuardMs: 3_000, transitionGapMs: 10 },
    });
    this.#open();
  }

  /** Sound is open and the relay not yet. */
  hears(): void {
    this.#live.early(this);
  }

  /** The call does not open. */
  refuses(error: unknown): void {
    this.#refuse(error);
  }

  happens(...list: CallEvent[]): void {
    for (const event of list) this.#live.on(event);
  }

  /** The call breaks after it was open. */
  breaks(error: unknown): void {
    this.#live.fail(error);
  }

  /** The user says `text` and the turn begins. */
  userSays(text: string, turn: string): void {
    this.happens(
      { type: 'turn.started', turn, source: 'speech', t: 0 },
      { type: 'transcript.done', item: `${turn}-user`, role: 'user', text },
    );
  }

  /** The agent says `text`, of which `heardMs` of `totalMs` have been heard. */
  agentSays(text: string, { turn, heardMs, totalMs }: { turn: string; heardMs: number; totalMs: number }): string {
    const item = `${turn}-agent`;
    this.happens(
      { type: 'item.started', item, response: `${turn}-r`, turn, epoch: 1, lane: 'B', fromMs: 0 },
      { type: 'lane.owner_changed', from: 'none', to: 'B', cause: 'b_audible', epoch: 1, t: 0 },
      { type: 'transcript.done', item, role: 'agent', text },
      { type: 'item.complete', item, totalMs },
      { type: 'playout', item, playedMs: heardMs },
    );
    return item;
  }

  waveform(input: Float32Array, output: Float32Array): void {
    for (let index = 0; index < input.length; index += 1) {
      // Syllables, about four a second, over a voice.
      const syllable = Math.abs(Math.sin(performance.now() / 80)) * Math.abs(Math.sin(performance.now() / 331));
      const wave = Math.sin(index / 3) * syllable;
      input[index] = this.loudness.user * wave;
      output[index] = this.loudness.agent * wave;
    }
  }
  sendText(text: string): void {
    this.#ask('sendText', text);
  }
  say(text: string): void {
    this.#ask('say', text);
  }
  interrupt(): void {
    this.#ask('interrupt', null);
  }
  updateContext(text: string, key?: string): void {
    this.#ask('updateContext', [text, key]);
  }
  talk(isPressed: boolean): void {
    this.#ask('talk', isPressed);
  }
  answerTool(call: string, output: string, failed: boolean): void {
    this.#ask('answerTool', { call, output, failed });
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
    if (this.inputFails) return Promise.reject(this.inputFails);
    this.happens({ type: 'mic.opened' });
    return Promise.resolve();
  }
  setSinkId(sinkId: string): Promise<void> {
    this.#ask('setSinkId', sinkId);
    return Promise.resolve();
  }
  end(): void {
    this.isEnded = true;
  }

  #ask(what: string, value: unknown): void {
    this.asked.push({ what, with: value });
  }
  get #live(): CallRequest {
    if (!this.#request) throw new Error('the element has not opened a call yet');
    return this.#request;
  }
}
