/**
 * `vjj tenant`, `vjj key`, `vjj session` and the rest: commands over a running relay's API, made
 * from their table, for people and (`--json`) for scripts.
 */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { signSessionToken } from '../auth/server.ts';
import { ROUTES, type RouteName } from '../http/api/routes.ts';
import { environment, type RunIo } from '../run.ts';
import { callApi, CliError, refusalOf, request, type ApiRequest, type Target } from './api-call.ts';
import { API_COMMANDS, type ApiCommand } from './api-table.ts';
import { shown } from './shown.ts';

type Io = Pick<RunIo, 'env' | 'print' | 'complain' | 'exit'>;
interface Common {
  url?: string;
  token?: string;
  json?: boolean;
}

const GROUPS: Record<string, string> = {
  tenant: 'tenants, their pages, limits and use',
  key: 'keys that sign, publishable keys, API keys, the provider key',
  assistant: 'assistants and their versions',
  session: 'conversations',
  subject: "one end user's data",
  instance: 'instances of the relay',
  webhook: 'webhooks',
  user: 'people',
};

/** All commands that ask a running relay, and those that need none. */
export function apiCommands(io: Io): Command[] {
  const groups = new Map<string, Command>();
  const top: Command[] = [];
  for (const spec of API_COMMANDS) {
    const [group = '', name = ''] = spec.words.split(' ');
    if (!(group in GROUPS)) {
      top.push(apiCommand(io, spec, spec.words));
      continue;
    }
    const parent = groups.get(group) ?? new Command(group).description(GROUPS[group] ?? '');
    groups.set(group, parent.addCommand(apiCommand(io, spec, spec.words.slice(spec.words.indexOf(name)))));
  }
  return [...groups.values(), ...top, anyRoute(io), tokenCommand(io)];
}

const withCommon = (command: Command): Command =>
  command
    .option('--url <url>', 'of the relay; VJJ_URL or http://localhost:PORT without it')
    .option('--token <token>', 'an API key; VJJ_TOKEN or ADMIN_TOKEN without it')
    .option('--json', 'the answer as JSON');

function targetOf(io: Io, { url, token }: Common): Target {
  const env = environment(io.env);
  const at = url ?? env['VJJ_URL'] ?? env['PUBLIC_URL'] ?? `http://localhost:${env['PORT'] ?? '3000'}`;
  if (!URL.canParse(at)) throw new CliError(`--url ${at} is no address.`);
  return { url: at.replace(/\/+$/, ''), token: token ?? env['VJJ_TOKEN'] ?? env['ADMIN_TOKEN'] };
}

/** Runs, and says what went wrong in words. */
async function inWords(io: Io, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const isOurs = error instanceof CliError || error instanceof RangeError;
    if (!isOurs && !(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
    io.complain(error instanceof SyntaxError ? `That is no JSON: ${error.message}` : error.message);
    io.exit(1);
  }
}

function print(io: Io, { json }: Common, value: unknown): void {
  if (json === true) io.print(JSON.stringify(value ?? null, null, 2));
  else for (const line of shown(value)) io.print(line);
}

function apiCommand(io: Io, spec: ApiCommand, words: string): Command {
  const [name = '', ...args] = words.split(' ');
  const command = new Command(name).description(spec.about);
  for (const arg of args) command.argument(arg);
  for (const [flags, about] of spec.options ?? []) command.option(flags, about);
  const names = args.map((arg) => arg.replace(/[<>[\].]/g, ''));
  return withCommon(command).action(async (...given: unknown[]) => {
    await inWords(io, async () => {
      const options = command.opts<Common & Record<string, string | undefined>>();
      const params = Object.fromEntries(names.map((one, at) => [one, given[at]])) as Record<string, string>;
      const query = Object.fromEntries(
        (spec.query ?? []).flatMap((one) => (options[one] === undefined ? [] : [[one, options[one]]])),
      ) as Record<string, string>;
      const target = targetOf(io, options);
      const asked: ApiRequest = { params, query };
      if (spec.body !== undefined) asked.body = spec.body(params, options);
      if (spec.after !== undefined) {
        const { etag = '*' } = await callApi(target, spec.after, { params });
        asked.headers = { 'if-match': etag };
      }
      if (spec.whole !== undefined) {
        // For a file or a program: always JSON.
        print(io, { json: true }, await allPages(target, spec, asked, spec.whole));
        return;
      }
      const { value } = await callApi(target, spec.route, asked);
      if (spec.sound) {
        const file = options['file'] ?? 'preview.wav';
        writeFileSync(file, value as Uint8Array);
        io.print(`written to ${file}`);
      } else print(io, options, value);
    });
  });
}

/** Every page of an answer, its lists joined. */
async function allPages(
  target: Target,
  { route }: ApiCommand,
  asked: ApiRequest,
  lists: readonly string[],
): Promise<Record<string, unknown>> {
  let whole: Record<string, unknown> | undefined;
  for (let after: unknown; ;) {
    const body = { ...(asked.body as object), ...(after !== undefined && { after }) };
    const { next, ...page } = (await callApi(target, route, { ...asked, body })).value as Record<string, unknown>;
    const joined = Object.fromEntries(
      lists.map((name) => [name, [...((whole?.[name] as unknown[] | undefined) ?? []), ...(page[name] as unknown[])]]),
    );
    whole = { ...page, ...whole, ...joined };
    if (next === undefined) return whole;
    after = next;
  }
}

/** Whatever else the API can do, by the route's name. */
function anyRoute(io: Io): Command {
  const command = new Command('api')
    .description('any route of the API by its name, as in docs/api.md')
    .argument('<route>')
    .option('--param <name=value...>', 'parameters of the path')
    .option('--query <name=value...>', 'of the query')
    .option('--body <json>', 'of the request');
  const pairs = (words: string[] = []) =>
    Object.fromEntries(words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]));
  return withCommon(command).action(async (route: string, options: Common & Record<string, never>) => {
    await inWords(io, async () => {
      if (!(route in ROUTES)) throw new CliError(`There is no route ${route}: ${Object.keys(ROUTES).join(' ')}`);
      const { param, query, body } = options as unknown as { param?: string[]; query?: string[]; body?: string };
      const asked = {
        params: pairs(param),
        query: pairs(query),
        ...(body !== undefined && { body: JSON.parse(body) as unknown }),
      };
      print(io, options, (await callApi(targetOf(io, options), route as RouteName, asked)).value);
    });
  });
}

interface TokenOptions extends Common {
  tenant: string;
  origin?: string;
  assistant?: string;
  key?: string;
  kid?: string;
  subject?: string;
}

/** A session token: asked for as a page would, or signed here as a backend would. */
function tokenCommand(io: Io): Command {
  const command = new Command('token')
    .description('makes a session token: as a page, with a publishable key, or as a backend, with a signing key')
    .requiredOption('--tenant <tenant>', 'a publishable key (pk_…), or with --key the tenant id')
    .option('--origin <origin>', 'of the page')
    .option('--assistant <id>', "the tenant's first without it")
    .option('--key <key>', 'secret (base64url), PEM or JWK of a signing key: signs here, and asks nobody')
    .option('--kid <kid>', 'its name at the relay')
    .option('--subject <subject>', 'the end user', 'cli');
  return withCommon(command).action(async (options: TokenOptions) => {
    await inWords(io, async () => {
      const { tenant, origin, assistant, key, kid, subject = 'cli' } = options;
      const named = { ...(assistant !== undefined && { assistant }) };
      if (key !== undefined) {
        const page = origin === undefined ? { scope: 'server' as const } : { origin };
        const jwk = key.startsWith('{') ? (JSON.parse(key) as Record<string, unknown>) : key;
        const token = await signSessionToken({ key: jwk, kid: kid ?? '', tenant, subject, ...page, ...named });
        io.print(options.json === true ? JSON.stringify({ token }) : token);
        return;
      }
      if (origin === undefined) throw new CliError('Name the page with --origin, or sign here with --key and --kid.');
      const response = await request(`${targetOf(io, options).url}/api/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin },
        body: JSON.stringify({ tenant, ...named }),
      });
      if (!response.ok) throw new CliError(await refusalOf(response));
      const answer = (await response.json()) as { token: string };
      io.print(options.json === true ? JSON.stringify(answer) : answer.token);
    });
  });
}
