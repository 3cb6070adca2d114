import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunIo } from '../run.ts';
import { vjjCommand } from './commands.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-cli-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function vjj(words: string[], env: Record<string, string> = {}) {
  const printed: string[] = [];
  const complained: string[] = [];
  const exits: number[] = [];
  let stop = () => undefined as void;
  const io: RunIo = {
    env,
    print: (line) => printed.push(line),
    complain: (line) => complained.push(line),
    isTerminal: false,
    onSignal(signal) {
      stop = signal;
      return () => undefined;
    },
    onCrash: () => () => undefined,
    exit: (code) => exits.push(code),
    onStarted: () => stop(),
    staticRoot: dir,
  };
  await vjjCommand(io).exitOverride().parseAsync(words, { from: 'user' });
  return { printed, complained, exits };
}

describe('vjj', () => {
  it('checks a configuration and names what differs', async () => {
    const { printed, exits } = await vjj(['check-config'], { RESUME_REWIND_MS: '100', OPENAI_KEY: 'x' });
    expect(printed.join('\n')).toMatch(/warning: OPENAI_KEY[^]*changed: RESUME_REWIND_MS=100[^]*is good/);
    expect(exits).toEqual([]);
  });

  it('ends with 1 on a bad configuration, and says all that is wrong', async () => {
    const { complained, exits } = await vjj(['check-config'], { PORT: 'x', LOG_LEVEL: 'y' });
    expect(complained.filter((line) => line.startsWith('  - '))).toHaveLength(2);
    expect(exits).toEqual([1]);
  });

  it('prints the file of all settings', async () => {
    const { printed } = await vjj(['check-config', '--example']);
    expect(`${printed.join('\n')}\n`).toBe(readFileSync(new URL('../../.env.example', import.meta.url), 'utf8'));
  });

  it('serves until it is told to stop', async () => {
    const env = { PORT: '0', HOST: '127.0.0.1', DATA_DIR: join(dir, 'data'), LOG_LEVEL: 'silent' };
    const { printed, exits } = await vjj(['serve'], env);
    expect(printed.join('\n')).toContain('/demo/');
    expect(exits).toEqual([0]);
  });

  it('runs arbitration cases, and passes its options on', async () => {
    const file = join(dir, 'none.jsonl');
    writeFileSync(file, '');
    expect((await vjj(['arbiter', file])).exits).toHaveLength(1);
    expect((await vjj(['arbiter', '--help'])).printed.join()).toContain('usage: vjj arbiter');
    expect((await vjj(['arbiter', '--no-such-option'])).exits).toEqual([2]);
  });

  it('has an emulator command and says its version', () => {
    expect(vjjCommand().commands.map((command) => command.name())).toEqual([
      'serve',
      'emulator',
      'arbiter',
      'check-config',
      'doctor',
      'cost',
      'smoke',
      ...['tenant', 'subject', 'instance', 'key', 'assistant', 'session', 'webhook', 'user'],
      ...['whoami', 'setup-link', 'latencies', 'revoke', 'api'],
      ...['token', 'migrate', 'backup', 'restore', 'rotate-master-key'],
    ]);
    expect(vjjCommand().version()).toMatch(/^\d+\.\d+\.\d+/);
  });
});
