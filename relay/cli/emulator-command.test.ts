/** The command line of the emulator: flags, greeting, and a clean stop. */
import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { dial } from '../emulator/testing/socket-client.ts';
import { emulatorCommand } from './emulator-command.ts';

/** Runs the command until `act` is done with the address it printed. */
async function run(args: string[], act: (url: string) => Promise<void>): Promise<string[]> {
  const lines: string[] = [];
  const command = emulatorCommand({
    print: (line) => lines.push(line),
    untilStopped: () => act(/http:\S+/.exec(lines[0] ?? '')?.[0] ?? ''),
  });
  command.exitOverride().configureOutput({ writeErr: () => undefined });
  await command.parseAsync(args, { from: 'user' });
  return lines;
}

describe('vjj emulator', () => {
  it('serves with what its flags say, tells how to use it, and stops', async () => {
    const lines = await run(
      ['--port', '0', '--key', 'sk-test', '--pace', '3', '--fault', 'expire=5', '--fault', 'preamble=true'],
      async (url) => {
        const headers = { authorization: 'Bearer sk-test' };
        const { first } = await dial(url, undefined, { headers });
        await first('session.created');
        expect((await fetch(`${url}/models`)).status).toBe(401);
        const { faults } = (await (await fetch(new URL('/emulator/faults', url))).json()) as { faults: object };
        expect(faults).toMatchObject({ expire: 5, preamble: true });
      },
    );
    expect(lines.join('\n')).toContain('OPENAI_BASE_URL=http://127.0.0.1:');
    expect(lines.at(-1)).toBe('stopped');
  });

  it('takes a rule file', async () => {
    const own = new URL('../emulator/rules.json', import.meta.url).pathname;
    await run(['--port', '0', '--rules', own], async (url) => {
      await (await dial(url)).first('session.created');
    });
  });

  it.each([
    [['--port', 'many'], 'It takes a number from 0 to 65535'],
    [['--pace', ''], 'It takes a number'],
    [['--fault', 'drop'], 'name=value'],
  ])('refuses %o', async (args, message) => {
    const failed = run(args, async () => undefined);
    await expect(failed).rejects.toThrow(CommanderError);
    await expect(failed).rejects.toThrow(message);
  });

  it('refuses to start with a fault there is not', async () => {
    await expect(run(['--port', '0', '--fault', 'typo=1'], async () => undefined)).rejects.toThrow(
      'there is no such fault',
    );
  });

  it('stops on SIGTERM, and leaves no listener for it', async () => {
    const before = process.listenerCount('SIGTERM');
    const write = process.stdout.write.bind(process.stdout);
    process.stdout.write = () => true;
    try {
      const running = emulatorCommand().parseAsync(['--port', '0'], { from: 'user' });
      await expect.poll(() => process.listenerCount('SIGTERM')).toBe(before + 1);
      process.emit('SIGTERM');
      await running;
    } finally {
      process.stdout.write = write;
    }
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });
});
