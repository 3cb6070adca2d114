/** What a surface is made with: what the element lends to it, and the parts that only some pages need. */
import type { Tool, ToolArguments, ToolDecision } from './call/tools.ts';
import { fetched } from './fetched.ts';
import { loadLabels } from './labels/labels.ts';
import { nextTask } from './next-task.ts';

/** What the element lends to its surface. */
export interface SurfaceParts {
  internals: ElementInternals;
  /** What the page offered with `defineTool`. */
  tools: ReadonlyMap<string, Tool>;
  decideTool(name: string, args: ToolArguments): ToolDecision;
  consent: { readonly isAsking: boolean; readonly isNeeded: boolean; answer(isAgreed: boolean): void };
}

/** Only pages that have such forms need to know how they work. */
export const forms = fetched(() => import('./call/page-forms.ts'));
export const hasForms = (): boolean => document.querySelector('form[data-vjj-tool]') !== null;

export const ratings = fetched(() => import('./call/send-rating.ts'));
/** Only pages that go on with a conversation need to know how it is kept. */
export const tab = fetched(() => import('./call/tab.ts'));

/** Fetches what this very page needs besides, and the words of a language. */
export async function ready(language?: string): Promise<void> {
  await Promise.all([hasForms() && forms.load(), language && loadLabels(language)]);
}

/**
 * Does what comes before a call: in the click itself where the page opens calls in a way of its own, which may need it. Ours
 * have a task for it, so that the click is answered soon.
 */
export function inTime<T>(isOurs: boolean, act: () => T): T | Promise<T> {
  if (!isOurs && (forms.here || !hasForms())) return act();
  return Promise.all([nextTask(), ready().catch(() => undefined)]).then(act);
}
