/**
 * Every word a person reads, by language. A language that lacks a word does not compile.
 * This folder knows no state: who asks, says which word.
 */
import { en } from './en.ts';
import type { ErrorCode, Recovery } from '../errors.ts';
import type { Language } from './talk.ts';

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
  | 'error'
  | 'unavailable';

export type Labels = { readonly [K in Exclude<keyof typeof en, 'states' | 'actions' | 'errors'>]: string } & {
  readonly states: Readonly<Record<Standing, string>>;
  readonly actions: Readonly<Record<Recovery, string>>;
  readonly errors: Readonly<Record<ErrorCode, string>>;
};

/** Each language is a file of its own: a page fetches the one that it speaks, and English is always there. */
const FILES: Readonly<Record<Exclude<Language, 'en'>, () => Promise<Labels>>> = {
  de: async () => (await import('./de.ts')).de,
  fr: async () => (await import('./fr.ts')).fr,
  es: async () => (await import('./es.ts')).es,
  pt: async () => (await import('./pt.ts')).pt,
  it: async () => (await import('./it.ts')).it,
  nl: async () => (await import('./nl.ts')).nl,
  pl: async () => (await import('./pl.ts')).pl,
  ja: async () => (await import('./ja.ts')).ja,
  zh: async () => (await import('./zh.ts')).zh,
  ko: async () => (await import('./ko.ts')).ko,
  hi: async () => (await import('./hi.ts')).hi,
  ar: async () => (await import('./ar.ts')).ar,
  he: async () => (await import('./he.ts')).he,
};
const files: Readonly<Record<string, (() => Promise<Labels>) | undefined>> = FILES;
const known = new Map<string, Labels>([['en', en]]);

/** The languages that have words. */
export const LANGUAGES: readonly string[] = ['en', ...Object.keys(FILES)];

/** The words for a language tag such as `de-AT`; English where the language is not known, or not fetched yet. */
export function labelsFor(tag: string): Labels {
  return known.get(languageOf(tag)) ?? en;
}

/** Fetches the words for a language tag. Never rejects: English is better than nothing. */
export async function loadLabels(tag: string): Promise<Labels> {
  const language = languageOf(tag);
  const file = known.has(language) ? undefined : files[language];
  if (file) {
    try {
      known.set(language, await file());
    } catch {
      // The next element that asks tries again.
    }
  }
  return labelsFor(language);
}

function languageOf(tag: string): string {
  const [language = ''] = tag.toLowerCase().split('-');
  return language;
}
