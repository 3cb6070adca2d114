/**
 * Functions of the page that the model may call: what they are, and who answers. A call is answered
 * exactly once; one that the relay takes back is aborted and answered by nobody.
 */
import type { PageTool } from '#wire';
import { fetched } from '../fetched.ts';

/** Only pages that offer functions need to know how they are run. */
const runner = fetched(() => import('./run-tool.ts'));

export interface ToolContext {
  /** Aborts when the answer is no longer wanted. */
  signal: AbortSignal;
}

/** The arguments as the model wrote them, so not to be trusted: any field may be missing or of another type. */
export type ToolArguments = Record<string, unknown>;

export type ToolHandler = (args: ToolArguments, context: ToolContext) => unknown;

export interface ToolDefinition {
  /** What it does and when to use it, for the model. */
  description: string;
  /** JSON schema of the arguments. */
  parameters: Record<string, unknown>;
  /** Runs only after the person has said so in the widget. */
  confirm?: boolean;
}

export interface Tool extends ToolDefinition {
  handler: ToolHandler;
}

/** A function with its name, as `element.tools` takes and gives it. */
export interface ToolOffer extends Tool {
  name: string;
}

/** Asks the person. @returns whether the function may run; rejects when nobody can be asked. */
export type ConfirmTool = (tool: ToolOffer, args: ToolArguments, signal: AbortSignal) => Promise<boolean>;

export interface ToolCall {
  call: string;
  name: string;
  /** As the model wrote them: JSON. */
  arguments: string;
}

/** What the page's event handler decided: an answer of its own, a refusal, or nothing. */
export type ToolDecision = { answer: Promise<unknown> } | 'refused' | 'undecided';

/** Where something stands that a function answered. */
export interface Citation {
  tool: string;
  title: string;
  url: string;
}

export class Tools {
  readonly #defined: ReadonlyMap<string, Tool>;
  /** What was found on the page when the call began; what is defined under the same name wins. */
  #found: ReadonlyMap<string, Tool> = new Map();
  readonly #running = new Map<string, AbortController>();

  constructor(defined: ReadonlyMap<string, Tool>) {
    this.#defined = defined;
  }

  offer(found: readonly ToolOffer[]): void {
    this.#found = new Map(found.map((tool) => [tool.name, tool]));
    if (this.#found.size + this.#defined.size > 0) runner.load().catch(() => undefined);
  }

  get list(): PageTool[] {
    const all = new Map([...this.#found, ...this.#defined]);
    return [...all].map(([name, { description, parameters }]) => ({ name, description, parameters }));
  }

  /**
   * Answers one call. Never rejects: what goes wrong is told to the model, so that it can say so.
   *
   * @param decide - asks the page first, with the parsed arguments.
   * @param confirm - asks the person, where the function says so.
   * @returns the sources that the answer names (`citations: [{ title, url }]`).
   */
  async run(
    { call, ...asked }: ToolCall,
    decide: (args: ToolArguments) => ToolDecision,
    answer: (call: string, output: string, failed: boolean) => void,
    confirm: ConfirmTool,
  ): Promise<readonly Citation[]> {
    const abort = new AbortController();
    this.#running.set(call, abort);
    const known = this.#defined.get(asked.name) ?? this.#found.get(asked.name);
    const { output, failed, citations } = await runner.load().then(
      ({ runTool }) => runTool({ ...asked, known, decide, confirm, signal: abort.signal }),
      () => ({ output: '{"error":"unavailable"}', failed: true, citations: [] }),
    );
    if (this.#running.get(call) !== abort) return [];
    this.#running.delete(call);
    answer(call, output, failed);
    return citations;
  }

  cancel(call: string): void {
    this.#running.get(call)?.abort();
    this.#running.delete(call);
  }

  cancelAll(): void {
    for (const call of [...this.#running.keys()]) this.cancel(call);
  }
}
