/**
 * `vjj emulator`: the emulator on its own, for anybody's client. Prints where it listens and how
 * to use it; stops on SIGINT or SIGTERM.
 */
import { Command, InvalidArgumentError } from 'commander';
import { faultOfFlag } from '../emulator/faults.ts';
import { startEmulator, type Emulator } from '../emulator/emulator.ts';

interface Flags {
  port: number;
  host: string;
  rules?: string;
  key?: string;
  pace?: number;
  fault: Record<string, unknown>;
}

/** Where the command prints, and how it learns that it shall stop. */
export interface EmulatorCommandIo {
  print: (line: string) => void;
  /** Resolves when the emulator shall stop. */
  untilStopped: () => Promise<void>;
}

const PROCESS_IO: EmulatorCommandIo = {
  print: (line) => void process.stdout.write(`${line}\n`),
  untilStopped: () =>
    new Promise((stopped) => {
      const stop = (): void => {
        process.off('SIGINT', stop).off('SIGTERM', stop);
        stopped();
      };
      process.on('SIGINT', stop).on('SIGTERM', stop);
    }),
};

function amount(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= 0 && value <= max)) {
      throw new InvalidArgumentError(`It takes a number from 0 to ${max}.`);
    }
    return value;
  };
}

function collected(text: string, faults: Record<string, unknown>): Record<string, unknown> {
  try {
    return { ...faults, ...faultOfFlag(text) };
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** The command; `io` is the process unless a test gives another. */
export function emulatorCommand(io: EmulatorCommandIo = PROCESS_IO): Command {
  return new Command('emulator')
    .description('an OpenAI Realtime server without a key and without a network')
    .option('--port <n>', 'port to listen on; 0 takes any', amount(65_535), 8787)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--rules <file>', 'rule file with the answers')
    .option('--key <key>', 'accept this API key only')
    .option('--pace <n>', 'how much faster than it plays sound is sent', amount(1_000_000))
    .option('--fault <name=value>', 'make something go wrong; repeatable', collected, {})
    .action(async ({ port, host, rules, key, pace, fault }: Flags) => {
      const emulator = await startEmulator({
        ...{ port, host, faults: fault },
        ...(rules === undefined ? {} : { rules }),
        ...(key === undefined ? {} : { requireKey: key }),
        ...(pace === undefined ? {} : { pace }),
      });
      for (const line of greeting(emulator, key)) io.print(line);
      await io.untilStopped();
      await emulator.close();
      io.print('stopped');
    });
}

function greeting({ url }: Emulator, key: string | undefined): string[] {
  const origin = new URL(url).origin;
  return [
    `OpenAI Realtime emulator on ${url}`,
    '',
    `  base URL   OPENAI_BASE_URL=${url}  OPENAI_API_KEY=${key === undefined ? 'anything' : '(the key you gave)'}`,
    `  WebSocket  ${url.replace('http', 'ws')}/realtime?model=gpt-realtime-2.1`,
    `  look       curl ${origin}/emulator/state`,
    `  break it   curl ${origin}/emulator/faults -d '{"error":"rate_limit_exceeded"}'`,
    '',
    'Ctrl-C stops it.',
  ];
}
