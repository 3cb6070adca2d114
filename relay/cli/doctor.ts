/**
 * `vjj doctor`: whether a relay can run here, before it is started or beside one that runs. Each
 * check is a line with what was found and, where something is wrong, what to do. It starts no relay,
 * writes to no database and prints no secret.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { capacityFor, memoryLimit, openFilesLimit } from '../capacity.ts';
import { ConfigError, readConfig, type Config } from '../config.ts';
import { PASS_ON_DEFAULTS } from '../continuity/pass-on.ts';
import { startEmulator } from '../emulator/emulator.ts';
import { scrub } from '../log.ts';
import { environment, type RunIo } from '../run.ts';
import { DOOR_DEFAULTS } from '../session/upgrade.ts';
import { examineRedis } from '../shared-state/examine.ts';
import { examineStore } from '../store/examine.ts';
import { masterKeyIn } from '../store/sealing.ts';
import { VERSION } from '../version.ts';
import { dateOf, lookAtDisk, lookAtPort, shakeHands, sighting } from './doctor-findings.ts';
import {
  judgeClock,
  judgeConfig,
  judgeDisk,
  judgeFiles,
  judgeHandshake,
  judgeNode,
  judgePort,
  judgeRedis,
  judgeStore,
  type ClockSighting,
  type Verdict,
} from './doctor-judgements.ts';

/** One line of the answer. */
export interface Finding extends Verdict {
  name: string;
  /** What the check took. */
  ms: number;
}

interface Check {
  name: string;
  run: (config: Config) => Promise<Verdict> | Verdict;
  /** For what went wrong in a way that no judgement knows. */
  remedy: string;
}

export interface DoctorOptions {
  io: Pick<RunIo, 'env' | 'print'>;
  asJson: boolean;
  /** The running one by default. */
  nodeVersion?: string;
}

/** @returns whether nothing is wrong; what is only not as it should be does not count. */
export async function doctor({ io, asJson, nodeVersion = process.versions.node }: DoctorOptions): Promise<boolean> {
  const findings: Finding[] = [];
  const tell = (finding: Finding) => {
    findings.push(finding);
    if (!asJson) for (const line of linesOf(finding)) io.print(line);
  };
  tell({ name: 'node', ms: 0, ...judgeNode(nodeVersion) });
  const { config, verdict } = configuration(io.env);
  tell({ name: 'configuration', ms: 0, ...verdict });
  for (const check of checks()) {
    const from = performance.now();
    const found = config === undefined ? SKIPPED : await answerOf(check, config);
    tell({ name: check.name, ms: Math.round(performance.now() - from), ...found });
  }
  const wrong = findings.filter(({ state }) => state === 'fail').length;
  const isWell = wrong === 0;
  if (asJson) io.print(JSON.stringify({ ok: isWell, version: VERSION, checks: findings }, null, 2));
  else io.print(isWell ? 'A relay can run here.' : `${wrong} ${wrong === 1 ? 'thing is' : 'things are'} wrong.`);
  return isWell;
}

const SKIPPED: Verdict = { state: 'skipped', seen: 'not asked: the configuration comes first' };
const WORDS = { ok: '  ok', warn: 'warn', fail: 'FAIL', skipped: '   -' } as const;

function linesOf({ name, state, seen, remedy, ms }: Finding): string[] {
  const line = `${WORDS[state]}  ${name.padEnd(13)} ${String(ms).padStart(5)} ms  ${seen}`;
  return remedy === undefined ? [line] : [line, `      ${remedy}`];
}

async function answerOf({ run, remedy }: Check, config: Config): Promise<Verdict> {
  try {
    return await run(config);
  } catch (error) {
    return { state: 'fail', seen: scrub((error as Error).message), remedy };
  }
}

function configuration(env: RunIo['env']): { config?: Config; verdict: Verdict } {
  try {
    const config = readConfig(environment(env));
    return { config, verdict: judgeConfig(config.warnings, config.changedKnobs) };
  } catch (error) {
    const remedy = 'every setting with its meaning is in .env.example; npx vjj check-config reads it again';
    if (!(error instanceof ConfigError)) return { verdict: { state: 'fail', seen: (error as Error).message, remedy } };
    return { verdict: { state: 'fail', seen: error.problems.join(' '), remedy } };
  }
}

/** In this order: what store, Redis and provider told of their clocks is compared after them. */
function checks(): Check[] {
  const clocks: ClockSighting[] = [];
  return [
    {
      name: 'store',
      async run({ database, masterKey, dataDir }) {
        const found = await examineStore(database, masterKey ?? keptKey(dataDir));
        if (found.server !== undefined) clocks.push(sighting('Postgres', found.server.clock));
        if (found.isMade && masterKey === undefined && keptKey(dataDir) === undefined)
          return {
            ...{ state: 'fail', seen: `${found.place} is there, and the key that opens its secrets is not` },
            remedy:
              'restore DATA_DIR/master.key from its copy, or set MASTER_KEY to what it held: docs/operations/keys.md',
          };
        return judgeStore(found);
      },
      remedy: 'is it running, and do address, name and password in DATABASE_URL (or DATA_DIR) fit?',
    },
    {
      name: 'redis',
      async run({ redisUrl }) {
        if (redisUrl === undefined) return { state: 'ok', seen: 'none is named: one relay, in memory' };
        const found = await examineRedis(redisUrl);
        clocks.push(sighting(found.product, found.clock));
        return judgeRedis(found);
      },
      remedy: 'is it running, and do address, name and password in REDIS_URL fit?',
    },
    {
      name: 'provider',
      run: (config) => handshakes(config, clocks),
      remedy: 'check OPENAI_API_KEY and OPENAI_BASE_URL',
    },
    { name: 'clock', run: () => judgeClock(clocks), remedy: 'let the machine follow a time server' },
    {
      name: 'disk',
      run: async ({ dataDir }) => judgeDisk(await lookAtDisk(dataDir)),
      remedy: 'let DATA_DIR be a folder that the user of the relay owns',
    },
    {
      name: 'open files',
      run() {
        const limit = openFilesLimit();
        const { maxSessions: sessions, maxPending: pending } = DOOR_DEFAULTS;
        const capacity = capacityFor({ sessions, pending, passed: PASS_ON_DEFAULTS.most }, limit, memoryLimit());
        return judgeFiles(limit, capacity, sessions);
      },
      remedy: 'ulimit -n shows and raises it',
    },
    {
      name: 'port',
      run: async ({ port, host }) => judgePort(await lookAtPort(port, host)),
      remedy: 'check PORT and HOST',
    },
  ];
}

/** The key that a relay made for itself; asking makes none. */
const keptKey = (dataDir: string) => (existsSync(join(dataDir, 'master.key')) ? masterKeyIn(dataDir).key : undefined);

async function handshakes({ openai }: Config, clocks: ClockSighting[]): Promise<Verdict> {
  const { apiKey, baseUrl, fallbackBaseUrl, model } = openai;
  if (apiKey === undefined) return emulated(model);
  const verdicts: Verdict[] = [];
  for (const at of [baseUrl, ...(fallbackBaseUrl === undefined ? [] : [fallbackBaseUrl])]) {
    const shaken = await shakeHands({ apiKey, baseUrl: at, model });
    const seen = await dateOf(new URL(at).host, at.replace(/^ws/, 'http'));
    if (seen !== undefined) clocks.push(seen);
    verdicts.push(judgeHandshake({ ...shaken, at: new URL(at).host, model }));
  }
  const [first = SKIPPED, second] = verdicts;
  if (second === undefined) return first;
  const remedy = first.remedy ?? second.remedy;
  const wrong = verdicts.filter(({ state }) => state === 'fail').length;
  // One of two is enough to talk, and not what was meant.
  const state = wrong === 0 ? 'ok' : wrong === 2 ? 'fail' : 'warn';
  return { state, seen: `${first.seen}; else ${second.seen}`, ...(remedy !== undefined && { remedy }) };
}

/** What the relay does without a key: the emulator inside it is dialled like any provider. */
async function emulated(model: string): Promise<Verdict> {
  const emulator = await startEmulator();
  try {
    const shaken = await shakeHands({ apiKey: 'emulator', baseUrl: emulator.url, model });
    return judgeHandshake({ ...shaken, at: 'the emulator inside the relay (OPENAI_API_KEY is not set)', model });
  } finally {
    await emulator.close();
  }
}
