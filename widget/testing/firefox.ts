/**
 * Firefox for tests, driven by as much of WebDriver BiDi as they need, over a socket of its own: one page, its
 * complaints, keys and clicks. Everything that goes over is plain JSON: nothing in the page is held from outside, and
 * waiting is asking again. Knows nothing of the widget.
 *
 * @see https://w3c.github.io/webdriver-bidi/
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import WebSocket from 'ws';
import { FIREFOX_PREFS, findFirefox } from '../../scripts/firefox.mjs';

/** Before one command is given up, so that a browser that hangs is told from a condition that never comes true. */
const COMMAND_MS = 30_000;
/** Between two looks at a condition in the page. */
const POLL_MS = 50;
const LISTENS = /WebDriver BiDi listening on (ws:\S+)/;

export interface FirefoxPage {
  /** As the browser names itself. */
  version: string;
  /** Runs before any script of every page from now on. It may use nothing from outside itself. */
  beforeScripts(prepare: () => void): Promise<void>;
  /** Resolves when the page and what it asked for are loaded. */
  goto(url: string): Promise<void>;
  /** Runs in the page and brings back what can be written as JSON. @throws what it throws. */
  run<Args extends unknown[], T>(what: (...args: Args) => T, ...args: Args): Promise<Awaited<T>>;
  /** Runs a script in the page, whatever the page's policy says. */
  load(script: string): Promise<void>;
  /** Resolves when it holds in the page. @throws after `withinMs`, with what `otherwise` gives then. */
  until<Args extends unknown[]>(holds: (...args: Args) => unknown, args?: Args, options?: UntilOptions): Promise<void>;
  /** A real click in the middle of what the selector finds. */
  click(selector: string): Promise<void>;
  /** Presses keys, one after the other. WebDriver's names: `\uE006` is Enter. */
  press(...keys: string[]): Promise<void>;
  key(type: 'keyDown' | 'keyUp', key: string): Promise<void>;
  /** Errors that the page did not catch or wrote on its console, since the last look. */
  errors(): string[];
  stop(): Promise<void>;
}

export interface UntilOptions {
  /** 20 seconds if it is not said. */
  withinMs?: number;
  otherwise?: () => unknown;
}

/** @param env - Of the sound card that it is to use. @throws when Firefox is not installed. */
export async function startFirefox(env: Record<string, string>): Promise<FirefoxPage> {
  const binary = findFirefox();
  if (binary === undefined) throw new Error('no Firefox; run npm run setup');
  const profile = mkdtempSync(path.join(tmpdir(), 'vjj-firefox-'));
  const prefs = Object.entries(FIREFOX_PREFS).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
  );
  writeFileSync(path.join(profile, 'user.js'), prefs.join(''));
  const browser = spawn(
    binary,
    ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port=0', 'about:blank'],
    { env: { ...process.env, ...env, MOZ_CRASHREPORTER_DISABLE: '1' }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const over = new Promise<number | null>((resolve) => browser.once('close', resolve));
  const end = async () => {
    browser.kill('SIGTERM');
    const late = setTimeout(() => browser.kill('SIGKILL'), COMMAND_MS);
    await over;
    clearTimeout(late);
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  };
  try {
    const address = await new Promise<string>((resolve, reject) => {
      let said = '';
      browser.stderr.on('data', (bytes: Buffer) => {
        said += bytes.toString();
        const url = LISTENS.exec(said)?.[1];
        if (url !== undefined) resolve(url);
      });
      void over.then((code) => reject(new Error(`Firefox ended with ${String(code)}:\n${said}`)));
    });
    const link = await connect(`${address}/session`);
    return await onePage(link, end);
  } catch (error) {
    await end();
    throw error;
  }
}

type Message = { id?: number; type: string; method?: string; params?: Entry; result?: unknown; message?: string };
type Entry = { type?: string; level?: string; text?: string | null };
interface Link {
  command<T>(method: string, params: object): Promise<T>;
  onEvent(listener: (method: string, params: Entry) => void): void;
  close(): void;
}

async function connect(url: string): Promise<Link> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const waiting = new Map<number, (message: Message) => void>();
  const listeners: ((method: string, params: Entry) => void)[] = [];
  let last = 0;
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Message;
    if (message.id === undefined) {
      for (const listener of listeners) listener(message.method ?? '', message.params ?? {});
      return;
    }
    waiting.get(message.id)?.(message);
    waiting.delete(message.id);
  });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return {
    onEvent: (listener) => void listeners.push(listener),
    close: () => socket.terminate(),
    command: <T>(method: string, params: object) =>
      new Promise<T>((resolve, reject) => {
        last += 1;
        const id = last;
        const late = setTimeout(() => {
          waiting.delete(id);
          reject(new Error(`Firefox did not answer ${method} within ${COMMAND_MS} ms`));
        }, COMMAND_MS);
        waiting.set(id, ({ type, result, message = '' }) => {
          clearTimeout(late);
          if (type === 'success') resolve(result as T);
          else reject(new Error(`${method}: ${message}`));
        });
        socket.send(JSON.stringify({ id, method, params }));
      }),
  };
}

/** What a script comes to: its own word for values, of which only strings are asked for. */
type Outcome = { type: string; result?: { value?: string }; exceptionDetails?: { text: string } };

async function onePage(link: Link, end: () => Promise<void>): Promise<FirefoxPage> {
  const { capabilities } = await link.command<{ capabilities: Record<string, string> }>('session.new', {
    capabilities: {},
  });
  // Unlike the tab that the browser begins with, one of its own has the focus.
  const { context } = await link.command<{ context: string }>('browsingContext.create', { type: 'tab' });
  const errors: string[] = [];
  link.onEvent((method, { type = '', level, text }) => {
    if (method === 'log.entryAdded' && level === 'error') errors.push(`${type}: ${text ?? ''}`);
  });
  await link.command('session.subscribe', { events: ['log.entryAdded'] });
  const evaluate = async <T>(source: string, args: unknown[]): Promise<T> => {
    const { type, result, exceptionDetails } = await link.command<Outcome>('script.callFunction', {
      functionDeclaration: `async (args) => JSON.stringify({ value: await (${source})(...JSON.parse(args)) })`,
      arguments: [{ type: 'string', value: JSON.stringify(args) }],
      awaitPromise: true,
      target: { context },
      userActivation: false,
    });
    if (type !== 'success') throw new Error(exceptionDetails?.text ?? type);
    return (JSON.parse(result?.value ?? '{}') as { value: T }).value;
  };
  const act = (actions: object[]) => link.command('input.performActions', { context, actions });
  const keys = (actions: object[]) => act([{ type: 'key', id: 'keyboard', actions }]);
  return {
    version: `${capabilities['browserName'] ?? ''} ${capabilities['browserVersion'] ?? ''}`,
    async beforeScripts(prepare) {
      await link.command('script.addPreloadScript', { functionDeclaration: String(prepare) });
    },
    async goto(url) {
      await link.command('browsingContext.navigate', { context, url, wait: 'complete' });
    },
    async load(script) {
      await link.command('script.evaluate', {
        expression: `${script}\n;undefined`,
        awaitPromise: false,
        target: { context },
        resultOwnership: 'none',
      });
    },
    run: (what, ...args) => evaluate(String(what), args),
    async until(holds, args, { withinMs = 20_000, otherwise } = {}) {
      const last = performance.now() + withinMs;
      while (!(await evaluate<boolean>(`(...args) => Boolean((${String(holds)})(...args))`, args ?? []))) {
        if (performance.now() > last) {
          const instead: unknown = otherwise ? await evaluate(String(otherwise), []) : '';
          throw new Error(
            `not so within ${withinMs} ms: ${String(holds)} ${JSON.stringify(args)}; ${JSON.stringify(instead)}`,
          );
        }
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
    async click(selector) {
      const at = await evaluate<{ x: number; y: number }>(
        `(selector) => {
          const element = document.querySelector(selector);
          element.scrollIntoView({ block: 'center' });
          const { x, y, width, height } = element.getBoundingClientRect();
          return { x: Math.round(x + width / 2), y: Math.round(y + height / 2) };
        }`,
        [selector],
      );
      await act([
        {
          type: 'pointer',
          id: 'mouse',
          actions: [
            { type: 'pointerMove', ...at },
            { type: 'pointerDown', button: 0 },
            { type: 'pointerUp', button: 0 },
          ],
        },
      ]);
    },
    async press(...pressed) {
      // One after the other: the page may move the focus between two.
      for (const value of pressed) {
        await keys([
          { type: 'keyDown', value },
          { type: 'keyUp', value },
        ]);
      }
    },
    async key(type, value) {
      await keys([{ type, value }]);
    },
    errors: () => errors.splice(0),
    async stop() {
      link.close();
      await end();
    },
  };
}
