/**
 * One call at a time, and one signal that owns all of it. A run that was given up can never win:
 * what it reports after its signal aborted is dropped. Renders nothing and knows no attribute.
 */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { CallError } from '../errors.ts';
import type { Call, CallConfig, CallEvent, OpenCall } from './call.ts';
import { callErrorOf } from './call-error-of.ts';
import { Conversation, type Happening } from './conversation.ts';
import type { Left } from './tab.ts';
import type { Citation, ConfirmTool, ToolArguments, ToolDecision, Tools } from './tools.ts';

export type CallState =
  | { at: 'idle' }
  | { at: 'connecting'; call: Call | null }
  | { at: 'live'; call: Call }
  | { at: 'reconnecting'; call: Call; attempt: number }
  | { at: 'ended'; reason: EndReason }
  | { at: 'failed'; error: CallError };

/** Why a call is over: the page or person, the relay, its longest length, or an error. */
export type EndReason = 'user' | 'page' | 'removed' | 'relay' | 'longest-session' | 'error';

export interface CallHost extends ReactiveControllerHost {
  readonly isConnected: boolean;
}

export interface CallListener {
  readonly openCall: OpenCall;
  stateChanged(state: CallState, from: CallState): void;
  happened(happening: Happening): void;
  /** Everything that comes and goes, unread. */
  observed(event: CallEvent): void;
  decideTool(name: string, args: ToolArguments): ToolDecision;
  readonly confirmTool: ConfirmTool;
  cited(citation: Citation): void;
}

export class CallController implements ReactiveController {
  readonly tools: Tools;
  conversation = new Conversation();
  /** What another page of this tab can come back with. */
  ticket: Left['ticket'] | null = null;
  readonly #host: CallHost;
  readonly #listener: CallListener;
  #state: CallState = { at: 'idle' };
  #abort = new AbortController();
  /** Asked for before there was a call to ask. */
  #later: ((call: Call) => void)[] = [];

  constructor(host: CallHost, listener: CallListener, tools: Tools) {
    this.#host = host;
    this.#listener = listener;
    this.tools = tools;
    host.addController(this);
  }

  get state(): CallState {
    return this.#state;
  }

  /** The call, as soon as its sound is open and also while it is coming back. */
  get call(): Call | null {
    return 'call' in this.#state ? this.#state.call : null;
  }

  get isBusy(): boolean {
    return 'call' in this.#state;
  }

  /**
   * Opens a call. Never rejects: a failure becomes `failed`.
   *
   * @param configure - gives what it is opened with. Where that is no promise, the call is opened before the first await.
   * @param left - the conversation to go on with.
   */
  async start(configure: () => CallConfig | Promise<CallConfig>, left?: Left | null): Promise<void> {
    if (this.isBusy) return;
    const abort = (this.#abort = new AbortController());
    const { signal } = abort;
    const fail = (error: unknown) => {
      if (signal.aborted) return;
      this.#leave({ at: 'failed', error: asCallError(error) });
    };
    const on = (event: CallEvent) => {
      if (!signal.aborted) this.#take(event);
    };
    this.conversation = new Conversation(left?.entries);
    this.#enter({ at: 'connecting', call: null });
    try {
      const early = (call: Call) => {
        if (signal.aborted || this.#state.at !== 'connecting') return;
        this.#enter({ at: 'connecting', call });
        this.#answerLater(call);
      };
      const coming = configure();
      const config = coming instanceof Promise ? await coming : coming;
      signal.throwIfAborted();
      const call = await this.#listener.openCall({ config, signal, on, early, fail, ticket: left?.ticket });
      if (signal.aborted) return;
      this.#enter({ at: 'live', call });
      this.#answerLater(call);
    } catch (error) {
      fail(error);
    }
  }

  /** @param isLeft - without a goodbye: another page of this tab goes on. */
  stop(reason: EndReason, isLeft = false): void {
    if (!this.isBusy) return;
    this.call?.end(isLeft);
    this.#leave({ at: 'ended', reason });
  }

  /** Shows what was said on the page before. */
  recall(entries: Left['entries']): void {
    this.conversation = new Conversation(entries);
    this.#host.requestUpdate();
  }

  /** Puts a failure aside. */
  forgive(): void {
    if (this.#state.at === 'failed') this.#enter({ at: 'idle' });
  }

  /** Asks the call, now or as soon as it is open. */
  ask(request: (call: Call) => void): void {
    const { call } = this;
    if (call) request(call);
    else if (this.#state.at === 'connecting') this.#later.push(request);
  }

  sendText(text: string): void {
    this.#tell(this.conversation.typed(text));
    this.ask((call) => call.sendText(text));
  }

  /** Leaving the page lets go of the microphone; being moved within it does not. */
  hostDisconnected(): void {
    queueMicrotask(() => {
      if (!this.#host.isConnected) this.stop('removed');
    });
  }

  #take(event: CallEvent): void {
    this.#listener.observed(event);
    this.#tell(this.conversation.apply(event, performance.now()));
    const state = this.#state;
    switch (event.type) {
      case 'link.down':
        if (this.call) this.#enter({ at: 'reconnecting', call: this.call, attempt: event.attempt });
        break;
      case 'link.up':
        if (state.at === 'reconnecting') this.#enter({ at: 'live', call: state.call });
        break;
      case 'ticket':
        this.ticket = event.ticket;
        break;
      case 'session.created':
        // A relay that knows nothing of their calls wants no answers; so with one that only remembers.
        this.tools.cancelAll();
        break;
      case 'session.resumed':
        if (event.kept === 'memory') this.tools.cancelAll();
        break;
      case 'call.ended':
        this.#leave({ at: 'ended', reason: event.reason });
        break;
      case 'tool.call':
        void this.tools
          .run(
            event,
            (args) => this.#listener.decideTool(event.name, args),
            (call, output, failed) => this.call?.answerTool(call, output, failed),
            this.#listener.confirmTool,
          )
          .then((citations) => citations.forEach((one) => this.#listener.cited(one)));
        break;
      case 'tool.cancelled':
        this.tools.cancel(event.call);
        break;
      default:
    }
    this.#host.requestUpdate();
  }

  #answerLater(call: Call): void {
    for (const ask of this.#later.splice(0)) ask(call);
  }

  #leave(state: CallState): void {
    this.#abort.abort();
    this.ticket = null;
    this.#later = [];
    this.tools.cancelAll();
    this.#tell(this.conversation.stop());
    this.#enter(state);
  }

  #enter(state: CallState): void {
    const from = this.#state;
    this.#state = state;
    this.#listener.stateChanged(state, from);
    this.#host.requestUpdate();
  }

  #tell(happenings: Happening[]): void {
    for (const happening of happenings) this.#listener.happened(happening);
    if (happenings.length > 0) this.#host.requestUpdate();
  }
}

function asCallError(error: unknown): CallError {
  return callErrorOf(error) ?? new CallError('PROTOCOL', 'something unforeseen went wrong', { cause: error });
}
