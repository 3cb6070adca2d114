/** `vjj cost`: how much a month will cost, before it does. Numbers in, a bill on the terminal out. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_TRANSCRIPTION_MODEL } from '../bridge/openai/setup.ts';
import { configOrComplaint, type RunIo } from '../run.ts';
import { PRICES } from '../usage/prices.ts';
import { estimate, EXPECTED, type Expected } from './cost-estimate.ts';

type Io = Pick<RunIo, 'env' | 'print' | 'complain' | 'exit'>;

const WHAT: Record<string, string> = {
  'audio.output': 'what the assistant says',
  'audio.input': 'what it hears anew',
  'audio.cached': 'what it hears again, from the cache',
  'text.input': 'instructions, anew',
  'text.cached': 'instructions, from the cache',
  'text.output': 'the words of what it says',
  transcription: 'what the user said, written down',
};

const within = (from: number, to: number) => (text: string) => {
  const value = Number(text);
  if (text.trim() === '' || !(value >= from && value <= to))
    throw new InvalidArgumentError(`It is a number from ${from} to ${to}.`);
  return value;
};
const number = (flag: string, means: string, read: (text: string) => number, absent: number) =>
  new Option(flag, means).argParser(read).default(absent);

export function costCommand(io: Io): Command {
  return new Command('cost')
    .description(
      'reckons what a month of conversations will cost at the provider, by the prices of the relay or PRICES_FILE',
    )
    .addOption(number('--sessions <count>', 'conversations a month', within(0, 1e9), EXPECTED.sessions))
    .addOption(number('--minutes <count>', 'of each, on the mean', within(0, 60), EXPECTED.minutes))
    .addOption(number('--turns <count>', 'turns a minute', within(0.1, 60), EXPECTED.turnsPerMinute))
    .addOption(number('--user <share>', 'of the time that the user speaks', within(0, 1), EXPECTED.userShare))
    .addOption(number('--agent <share>', 'of the time that the assistant speaks', within(0, 1), EXPECTED.agentShare))
    .addOption(
      number('--instructions <tokens>', 'of instructions and tools', within(0, 1e5), EXPECTED.instructionTokens),
    )
    .addOption(number('--cached <share>', 'of what is read again, in the cache', within(0, 1), EXPECTED.cachedShare))
    .addOption(number('--context <tokens>', 'that the model keeps', within(1_000, 1e6), EXPECTED.contextTokens))
    .option('--model <name>', 'OPENAI_MODEL without it')
    .option('--json', 'one JSON document in place of lines')
    .action((given: Given) => run(io, given));
}

interface Given {
  sessions: number;
  minutes: number;
  turns: number;
  user: number;
  agent: number;
  instructions: number;
  cached: number;
  context: number;
  model?: string;
  json?: boolean;
}

function run(io: Io, given: Given): void {
  const config = configOrComplaint(io);
  if (config === undefined) {
    io.exit(1);
    return;
  }
  if (given.user + given.agent > 1) {
    io.complain('--user and --agent are shares of the same time: together at most 1.');
    io.exit(2);
    return;
  }
  const table = config.prices ?? PRICES;
  const expected: Expected = {
    ...{ sessions: given.sessions, minutes: given.minutes, turnsPerMinute: given.turns },
    ...{ userShare: given.user, agentShare: given.agent, instructionTokens: given.instructions },
    ...{ cachedShare: given.cached, contextTokens: given.context },
    ...{ model: given.model ?? config.openai.model, transcriptionModel: DEFAULT_TRANSCRIPTION_MODEL },
  };
  const found = estimate(table, expected);
  if (given.json === true) {
    io.print(JSON.stringify({ pricesAsOf: table.asOf, expected, ...found }, null, 2));
    return;
  }
  io.print(
    `${expected.model}, prices of ${table.asOf}${found.isGuess ? ' (in no table: as the dearest of its kind)' : ''}`,
  );
  for (const { kind, cost } of found.lines)
    io.print(`  ${(WHAT[kind] ?? kind).padEnd(36)} ${dollars(cost / 1e6, 4)}  ${share(cost, found.each)}`);
  io.print(`  ${`a conversation of ${expected.minutes} min`.padEnd(36)} ${dollars(found.each / 1e6, 4)}`);
  io.print(
    `${expected.sessions} a month${' '.repeat(Math.max(1, 31 - String(expected.sessions).length))}${dollars(found.monthly, 2)}`,
  );
  io.print('The provider alone; relays, database and network are in docs/operations/capacity.md.');
}

const dollars = (amount: number, digits: number) => `$${amount.toFixed(digits)}`.padStart(12);
const share = (part: number, whole: number) => `${Math.round((100 * part) / Math.max(1, whole))} %`.padStart(5);
