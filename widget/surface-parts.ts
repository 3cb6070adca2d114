/** What a surface is made with: what the element lends to it, and the parts that only some pages need. */
import type { Tool, ToolArguments, ToolDecision } from './call/tools.ts';
import { fetched } from './fetched.ts';
import { loadLabels } from './labels/labels.ts';

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
