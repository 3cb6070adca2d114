/**
 * Functions of the page that the model may call: what they are, and who answers. A call is answered
 * exactly once; one that the relay takes back is aborted and answered by nobody.
 */
import type { PageTool } from '#wire';

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
   */
  async run(
    { call, name, arguments: json }: ToolCall,
    decide: (args: ToolArguments) => ToolDecision,
    answer: (call: string, output: string, failed: boolean) => void,
    confirm: ConfirmTool,
  ): Promise<void> {
    const abort = new AbortController();
    this.#running.set(call, abort);
    let output: string;
    let failed = false;
    try {
      const args = readArguments(json);
      output = print(await this.#result(name, args, decide(args), confirm, abort.signal));
    } catch (error) {
      failed = true;
      output = JSON.stringify({ error: error instanceof Error ? error.message : 'the function failed' });
    }
    if (this.#running.get(call) !== abort) return;
    this.#running.delete(call);
    answer(call, output, failed);
  }

  cancel(call: string): void {
    this.#running.get(call)?.abort();
    this.#running.delete(call);
  }

  cancelAll(): void {
    for (const call of [...this.#running.keys()]) this.cancel(call);
  }

  async #result(
    name: string,
    args: ToolArguments,
    decision: ToolDecision,
    confirm: ConfirmTool,
    signal: AbortSignal,
  ): Promise<unknown> {
    if (decision === 'refused') throw new Error('the page refused this function');
    if (decision !== 'undecided') return decision.answer;
    const known = this.#defined.get(name) ?? this.#found.get(name);
    if (!known) throw new Error(`the page has no function "${name}"`);
    if (known.confirm === true && !(await confirm({ name, ...known }, args, signal))) {
      throw new Error('the person declined');
    }
    return known.handler(args, { signal });
  }
}

function readArguments(json: string): ToolArguments {
  const args: unknown = json === '' ? {} : JSON.parse(json);
  if (typeof args !== 'object' || args === null || Array.isArray(args)) throw new Error('the arguments are no object');
  return args as ToolArguments;
}

function print(value: unknown): string {
  if (typeof value === 'string') return value;
  // Nothing to say is also an answer.
  return JSON.stringify(value ?? null);
}
