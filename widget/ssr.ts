/**
 * The launcher as HTML, for servers: with a declarative shadow root it is painted before any script
 * has come, and the element takes its place without a flash. Needs no document.
 */
import { talkIn } from './labels/talk.ts';
import { styles } from './voice-jib-jab.styles.ts';

export interface LauncherHtmlOptions {
  /** The element's attributes, such as `{ tenant: 'pk_live_…' }`; `true` is one without a value. */
  attributes?: Readonly<Record<string, string | boolean>>;
  /** The pill's word; otherwise that of the attribute `lang`. */
  talk?: string;
  /** Of the page's Content-Security-Policy, for the `<style>`. */
  nonce?: string;
  /** A style sheet with {@link launcherCss}, for pages whose policy allows no `<style>` at all. */
  stylesheet?: string;
}

const SIGN = 'M1 10h4c2 0 2-6 4-6s2 12 4 12 2-9 4-9 2 6 3.5 6 1.5-3 3-3H27';

/** The style of a closed launcher. */
export const launcherCss: string = styles
  .map(({ cssText }) => cssText.replace(/\s+/g, ' '))
  .join('')
  .trim();

/** `<voice-jib-jab>` with its pill inside, to be put into a page's HTML as it is. */
export function launcherHtml({ attributes = {}, talk, nonce, stylesheet }: LauncherHtmlOptions = {}): string {
  const given: Record<string, string | boolean> = { variant: 'launcher', placement: 'end-bottom', ...attributes };
  const list = Object.entries(given).filter(([, value]) => value !== false);
  const word = talk ?? talkIn(typeof given['lang'] === 'string' ? given['lang'] : 'en');
  const style = stylesheet
    ? `<link rel="stylesheet" href="${escape(stylesheet)}">`
    : `<style${nonce ? ` nonce="${escape(nonce)}"` : ''}>${launcherCss}</style>`;
  return (
    `<voice-jib-jab${list.map(([name, value]) => attribute(name, value)).join('')}>` +
    `<template shadowrootmode="open">${style}` +
    `<button class="launcher" part="launcher" type="button" disabled>` +
    `<slot name="launcher"><svg class="sign" viewBox="0 0 28 20" aria-hidden="true"><path d="${SIGN}"/></svg>` +
    `<span>${escape(word)}</span></slot></button></template></voice-jib-jab>`
  );
}

function attribute(name: string, value: string | boolean): string {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new TypeError(`"${name}" is no attribute of the element`);
  return value === true ? ` ${name}` : ` ${name}="${escape(String(value))}"`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (text: string) => text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
