/**
 * One call of a function of the page, from the model's words to the answer's. What goes wrong becomes an answer
 * too, so that the model can say so. Fetched with the first call of a page that offers functions.
 */
import type { Citation, ConfirmTool, Tool, ToolArguments, ToolCall, ToolDecision } from './tools.ts';

export interface ToolRun extends Omit<ToolCall, 'call'> {
  /** What is offered under the name, if anything is. */
  known: Tool | undefined;
  /** Asks the page first, with the parsed arguments. */
  decide: (args: ToolArguments) => ToolDecision;
  confirm: ConfirmTool;
  /** Aborts when the answer is no longer wanted. */
  signal: AbortSignal;
}

export interface ToolOutcome {
  /** For the model. */
  output: string;
  failed: boolean;
  citations: readonly Citation[];
}

/** Never rejects. */
export async function runTool(run: ToolRun): Promise<ToolOutcome> {
  try {
    run.signal.throwIfAborted();
    const result = await resultOf(run, readArguments(run.arguments));
    return { output: print(result), failed: false, citations: citationsIn(result, run.name) };
  } catch (error) {
    const words = error instanceof Error ? error.message : 'the function failed';
    return { output: JSON.stringify({ error: words }), failed: true, citations: [] };
  }
}

async function resultOf({ name, known, decide, confirm, signal }: ToolRun, args: ToolArguments): Promise<unknown> {
  const decision = decide(args);
  if (decision === 'refused') throw new Error('the page refused this function');
  if (decision !== 'undecided') return decision.answer;
  if (!known) throw new Error(`the page has no function "${name}"`);
  if (known.confirm === true && !(await confirm({ name, ...known }, args, signal))) {
    throw new Error('the person declined');
  }
  return known.handler(args, { signal });
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

/** `citations: [{ title, url }]`; whatever else a function answers is the page's own business. */
function citationsIn(result: unknown, tool: string): Citation[] {
  const { citations } = Object(result) as { citations?: unknown };
  if (!Array.isArray(citations)) return [];
  return citations.flatMap((one: unknown) => {
    const { title, url } = Object(one) as Record<string, unknown>;
    // Somebody will follow it: nothing but an address of the web.
    const isSource = typeof title === 'string' && typeof url === 'string' && /^https?:/i.test(url);
    return isSource ? { tool, title, url } : [];
  });
}
