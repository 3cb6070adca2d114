/**
 * WebKitGTK for tests, on a screen and a sound card of the test's own, driven by plain WebDriver over HTTP: the
 * packages that drive it need a newer Node than the product does.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { findWebKit } from '../../scripts/webkit.mjs';
import { freePort } from './e2e.ts';
import type { SoundCard } from './pulse.ts';

const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';
const POLL_MS = 100;
/** Before one command is given up. */
const COMMAND_MS = 60_000;
/** For a program to end when it is asked to. */
const END_MS = 5_000;

export interface WebKitPage {
  /** As the browser names itself. */
  version: string;
  goto(url: string): Promise<void>;
  /** Runs the body of an async function in the page. @throws what it throws. */
  run<T>(body: string, ...args: unknown[]): Promise<T>;
  /** Resolves when `expression` holds in the page. @throws after `timeoutMs`, with what `otherwise` is then. */
  until(expression: string, timeoutMs?: number, otherwise?: string): Promise<void>;
  /** A real click in the middle of what the selector finds. */
  click(selector: string): Promise<void>;
  /** Presses keys, one after the other. WebDriver's names: `\uE007` is Enter. */
  press(...keys: string[]): Promise<void>;
  /** Presses a key and leaves it down, or lets it go. */
  key(type: 'keyDown' | 'keyUp', key: string): Promise<void>;
  stop(): Promise<void>;
}

/** @throws when WebKit is not installed. */
export async function startWebKit(card: SoundCard): Promise<WebKitPage> {
  const binary = findWebKit();
  if (binary === undefined) throw new Error('no WebKit; npm run test:webkit says what to install');
  const port = await freePort();
  const running: ChildProcess[] = [];
  const stopAll = async () => {
    for (const child of running.splice(0).reverse()) await endGroup(child);
  };
  // It finds a free screen itself and says which.
  const screen = spawn('Xvfb', ['-displayfd', '1', '-screen', '0', '1280x1024x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  running.push(screen);
  const [display] = (await once(screen.stdout, 'data')) as [Buffer];
  const driver = spawn('dbus-run-session', ['--', 'WebKitWebDriver', `--port=${port}`, '--host=127.0.0.1'], {
    env: {
      ...process.env,
      ...card.env,
      DISPLAY: `:${display.toString().trim()}`,
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
    },
    stdio: 'ignore',
    detached: true,
  });
  running.push(driver);

  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      signal: AbortSignal.timeout(COMMAND_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const { value } = (await response.json()) as { value: T & { error?: string; message?: string } };
    if (!response.ok) throw new Error(`${method} ${path}: ${value.error ?? ''} ${value.message ?? ''}`);
    return value;
  };
  try {
    await listens(port, driver);
    const { sessionId, capabilities } = await call<{ sessionId: string; capabilities: Record<string, string> }>(
      'POST',
      '/session',
      {
        capabilities: {
          alwaysMatch: {
            browserName: 'MiniBrowser',
            'webkitgtk:browserOptions': { binary, args: ['--automation', '--autoplay-policy=allow'] },
          },
        },
      },
    );
    const at = `/session/${sessionId}`;
    await call('POST', `${at}/timeouts`, { script: 60_000, pageLoad: 60_000 });
    const run = async <T>(body: string, ...args: unknown[]): Promise<T> => {
      const script = `const tell = arguments[arguments.length - 1];
        (async (...args) => { ${body} })(...[...arguments].slice(0, -1)).then(
          (value) => tell({ value: value ?? null }), (error) => tell({ error: String(error) }));`;
      const { value, error } = await call<{ value: T; error?: string }>('POST', `${at}/execute/async`, {
        script,
        args,
      });
      if (error !== undefined) throw new Error(error);
      return value;
    };
    const keys = (actions: object[]) =>
      call('POST', `${at}/actions`, { actions: [{ type: 'key', id: 'keyboard', actions }] });
    return {
      version: `${capabilities['browserName'] ?? ''} ${capabilities['browserVersion'] ?? ''}`,
      goto: (url) => call('POST', `${at}/url`, { url }),
      run,
      async until(expression, timeoutMs = 30_000, otherwise = '""') {
        const last = performance.now() + timeoutMs;
        while (!(await run<boolean>(`return Boolean(${expression})`))) {
          if (performance.now() > last) {
            throw new Error(
              `not so within ${timeoutMs} ms: ${expression}; ${await run<string>(`return JSON.stringify(${otherwise})`)}`,
            );
          }
          await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        }
      },
      async click(selector) {
        const found = await call<Record<string, string>>('POST', `${at}/element`, {
          using: 'css selector',
          value: selector,
        });
        await call('POST', `${at}/element/${found[ELEMENT] ?? ''}/click`, {});
      },
      press: (...pressed) =>
        keys(
          pressed.flatMap((value) => [
            { type: 'keyDown', value },
            { type: 'keyUp', value },
          ]),
        ) as Promise<void>,
      key: (type, value) => keys([{ type, value }]) as Promise<void>,
      stop: stopAll,
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/**
 * Ends a program and all that it started: `dbus-run-session` goes alone when it is asked to, and leaves the driver, the
 * browser and the bus behind.
 */
async function endGroup(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  const tell = (signal: NodeJS.Signals) => {
    try {
      process.kill(-pid, signal);
      return true;
    } catch {
      // Nobody of the group is left.
      return false;
    }
  };
  const last = performance.now() + END_MS;
  for (let isThere = tell('SIGTERM'); isThere && performance.now() < last; isThere = tell('SIGCONT')) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  tell('SIGKILL');
}

/** Resolves when somebody listens there. */
async function listens(port: number, driver: ChildProcess): Promise<void> {
  while (driver.exitCode === null) {
    const socket = net.connect(port, '127.0.0.1');
    const isThere = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isThere) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`WebKitWebDriver ended with ${driver.exitCode}`);
}
