/** The whole console in front of a relay that a test made, and hands and eyes for it. */
import 'axe-core';
import type { AxeResults } from 'axe-core';
import '../console.ts';
import { firm } from './firm.ts';
import { fakeRelay, type Answers, type FakeRelay } from './relay.ts';
import type { AnswerOf } from '../../http/api/routes.ts';

const { axe } = globalThis as unknown as { axe: { run(on: Element, options: object): Promise<AxeResults> } };
const LONGEST_WAIT_MS = 5_000;
const realFetch = globalThis.fetch;

/** Waits until it is so. */
export async function until<T>(get: () => T | undefined | null | false, what = String(get)): Promise<T> {
  const endMs = performance.now() + LONGEST_WAIT_MS;
  for (;;) {
    const got = get();
    if (got !== undefined && got !== null && got !== false) return got;
    if (performance.now() > endMs) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function* elements(root: Element | ShadowRoot): Generator<Element> {
  for (const one of root.querySelectorAll('*')) {
    yield one;
    if (one.shadowRoot !== null) yield* elements(one.shadowRoot);
  }
}
const words = (text: string) => text.replaceAll(/\s+/g, ' ').trim();
function textOf(node: Node): string {
  if (node instanceof Text) return node.data;
  if (node instanceof HTMLStyleElement) return '';
  const inner = node instanceof Element && node.shadowRoot !== null ? node.shadowRoot : node;
  return [...inner.childNodes].map(textOf).join('');
}

export interface Opened {
  relay: FakeRelay;
  app: HTMLElement;
  /** The first that fits, in any shadow root. */
  find: (selector: string) => HTMLElement | undefined;
  all: (selector: string) => HTMLElement[];
  text: () => string;
  /** Waits until the text is there. */
  says: (text: string) => Promise<unknown>;
  /** A button or link by the beginning of its name. */
  press: (name: string) => Promise<void>;
  field: (name: string) => Promise<HTMLInputElement>;
  fill: (name: string, value: string) => Promise<void>;
  tick: (label: string) => Promise<void>;
  /** What the dialog says; then its button. */
  answer: (action: string, typed?: string) => Promise<string>;
}

export interface Opening {
  role?: AnswerOf<'me'>['role'];
  answers?: Answers;
}

/** Opens the console at an address. */
export async function open(hash: string, { role = 'operator', answers = {} }: Opening = {}): Promise<Opened> {
  await dress();
  const relay = fakeRelay({ ...firm(role), ...answers });
  globalThis.fetch = (input, init) =>
    new URL(input instanceof Request ? input.url : input, location.href).pathname.startsWith('/api/')
      ? relay.fetcher(input, init)
      : realFetch(input, init);
  history.replaceState(null, '', hash);
  const app = document.createElement('vjj-console');
  document.body.append(app);
  const all = (selector: string) =>
    [...elements(document.body)].filter((one): one is HTMLElement => one.matches(selector));
  const find = (selector: string) => all(selector).at(0);
  const text = () => words(textOf(document.body));
  const named = (selector: string, name: string) =>
    until(
      () => all(selector).find((one) => words(textOf(one)).startsWith(name)),
      `no ${selector} “${name}” in: ${text()}`,
    );
  const opened: Opened = {
    ...{ relay, app, find, all, text },
    says: (wanted) => until(() => text().includes(wanted), `“${wanted}” in: ${text()}`),
    press: async (name) => (await named('button:not(:disabled), a, summary', name)).click(),
    field: async (name) => {
      const label = (await named('label', name)) as HTMLLabelElement;
      return label.control as HTMLInputElement;
    },
    fill: async (name, value) => {
      const control = await opened.field(name);
      control.value = value;
      control.dispatchEvent(new Event('input', { bubbles: true }));
      control.dispatchEvent(new Event('change', { bubbles: true }));
    },
    tick: async (label) => (await named('label.check', label)).click(),
    answer: async (action, typed) => {
      const dialog = await until(() => find('dialog[open]'));
      const said = words(textOf(dialog));
      if (typed !== undefined) await opened.fill('Type', typed);
      const button = await until(
        () => [...dialog.querySelectorAll('button')].find((one) => words(textOf(one)) === action && !one.disabled),
        `no button ${action}`,
      );
      button.click();
      await until(() => find('dialog[open]') === undefined || find('dialog[open]') !== dialog);
      return said;
    },
  };
  return opened;
}

/** What axe finds. */
export async function faults(): Promise<string[]> {
  const { violations } = await axe.run(document.body, { resultTypes: ['violations'] });
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ target, html }) => `${String(target)} ${html}`).join('; ')}`,
  );
}

/** The ground that the console stands on; once. */
async function dress(): Promise<void> {
  document.documentElement.lang = 'en';
  if (document.querySelector('link[rel=stylesheet]') !== null) return;
  const style = document.createElement('link');
  Object.assign(style, { rel: 'stylesheet', href: new URL('../console.css', import.meta.url).href });
  const loaded = new Promise((resolve) => style.addEventListener('load', resolve));
  document.head.append(style);
  await loaded;
}

/** Leaves nothing behind. */
export function close(): void {
  for (const one of document.querySelectorAll('vjj-console, vjj-dialog')) one.remove();
  globalThis.fetch = realFetch;
  delete document.documentElement.dataset['theme'];
  history.replaceState(null, '', '#');
}
