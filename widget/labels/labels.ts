/**
 * Every word a person reads, by language. A language that lacks a word does not compile.
 * This folder knows no state: who asks, says which word.
 */
import { de } from './de.ts';
import { en } from './en.ts';
import { es } from './es.ts';
import { fr } from './fr.ts';
import type { ErrorCode, Recovery } from '../errors.ts';

/** The states that are said in a word. */
export type Standing =
  | 'idle'
  | 'connecting'
  | 'reconnecting'
  | 'ready'
  | 'listening'
  | 'thinking'
  | 'speaking'
  | 'held'
  | 'muted'
  | 'ended'
  | 'error';

export type Labels = { readonly [K in Exclude<keyof typeof en, 'states' | 'actions' | 'errors'>]: string } & {
  readonly states: Readonly<Record<Standing, string>>;
  readonly actions: Readonly<Record<Recovery, string>>;
  readonly errors: Readonly<Record<ErrorCode, string>>;
};

const BY_LANGUAGE = new Map<string, Labels>([
  ['en', en],
  ['de', de],
  ['fr', fr],
  ['es', es],
]);

/** The words for a language tag such as `de-AT`; English where the language is not known. */
export function labelsFor(tag: string): Labels {
  const [language = ''] = tag.toLowerCase().split('-');
  return BY_LANGUAGE.get(language) ?? en;
}

/** The languages that have words. */
export const LANGUAGES: readonly string[] = [...BY_LANGUAGE.keys()];
