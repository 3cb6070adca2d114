/** What `vjj` can do. Each command's work is elsewhere; here are names, options and exit codes. */
import { Command } from 'commander';
import { envExample } from '../config-variables.ts';
import { configOrComplaint, processIo, run, type RunIo } from '../run.ts';
import { VERSION } from '../version.ts';
import { apiCommands } from './api-commands.ts';
import { runArbiterCommand } from './arbiter-command.ts';
import { costCommand } from './cost-command.ts';
import { doctor } from './doctor.ts';
import { emulatorCommand } from './emulator-command.ts';
import { smoke } from './smoke.ts';
import { storeCommands } from './store-commands.ts';

/** @param io - The process, unless a test gives another. */
export function vjjCommand(io: RunIo = processIo): Command {
  const command = new Command('vjj')
    .description('Voice Jib-Jab: a voice assistant for any page, and the relay behind it')
    .version(VERSION)
    .addCommand(serveCommand(io))
    .addCommand(emulatorCommand())
    .addCommand(arbiterCommand(io))
    .addCommand(checkConfigCommand(io))
    .addCommand(doctorCommand(io))
    .addCommand(costCommand(io))
    .addCommand(smokeCommand(io));
  for (const one of [...apiCommands(io), ...storeCommands(io)]) command.addCommand(one);
  return command;
}

function serveCommand(io: RunIo): Command {
  return new Command('serve').description('runs the relay, as npm start does').action(async () => {
    io.exit(await run(io));
  });
}

function arbiterCommand(io: RunIo): Command {
  return (
    new Command('arbiter')
      .description('runs cases of arbitration (JSONL) and says which hold')
      // It reads its own options and prints its own help.
      .helpOption(false)
      .allowUnknownOption()
      .argument('[words...]')
      .action(async (words: string[]) => {
        io.exit(await runArbiterCommand(words, io.print));
      })
  );
}

function doctorCommand(io: RunIo): Command {
  return new Command('doctor')
    .description('looks whether a relay can run here: Node, settings, store, Redis, provider, clock, disk, files, port')
    .option('--json', 'one JSON document in place of lines')
    .action(async ({ json }: { json?: boolean }) => {
      io.exit((await doctor({ io, asJson: json === true })) ? 0 : 1);
    });
}

function smokeCommand(io: RunIo): Command {
  return new Command('smoke')
    .description('asks a running relay from outside, as a page would: ready, status, socket, token, one spoken turn')
    .argument('[url]', 'of the relay; PUBLIC_URL or http://localhost:PORT without it')
    .option('--tenant <key>', 'a publishable key', 'pk_demo')
    .option('--origin <origin>', 'of a page that may use it; the address itself without it')
    .option('--health <path>', 'path that answers when it is ready', '/health/ready')
    .action(async (given: string | undefined, { tenant, origin, health }: Record<string, string>) => {
      const asked = given ?? io.env['PUBLIC_URL'] ?? `http://localhost:${io.env['PORT'] ?? '3000'}`;
      if (!/^https?:/.test(asked) || !URL.canParse(asked)) {
        io.complain(`“${asked}” is no address: it starts with https:// or http://.`);
        io.exit(2);
        return;
      }
      const url = new URL(asked).origin;
      const options = { url, tenant: tenant ?? '', origin: origin ?? url, healthPath: health ?? '', print: io.print };
      io.exit((await smoke(options)) ? 0 : 1);
    });
}

function checkConfigCommand(io: RunIo): Command {
  return new Command('check-config')
    .description('reads the environment and .env as the relay would, and reports every mistake')
    .option('--example', 'print .env.example instead')
    .action(({ example }: { example?: boolean }) => {
      if (example === true) {
        io.print(envExample().trimEnd());
        return;
      }
      const config = configOrComplaint(io);
      if (config === undefined) {
        io.exit(1);
        return;
      }
      for (const warning of config.warnings) io.print(`warning: ${warning}`);
      for (const knob of config.changedKnobs) io.print(`changed: ${knob}`);
      io.print('The configuration is good.');
    });
}
