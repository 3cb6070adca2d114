/**
 * What the reducer does, as one short line for each file of cases and each of some sessions made of
 * chance: a digest of every effect and of every state. It says nothing about what is right — the
 * cases and the invariants do — only that something is not as it was.
 */
import { createHash, type Hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readCases, type Case } from '../case-file.ts';
import { run } from '../runner.ts';
import { initialState, type State } from '../state.ts';
import { DEFAULT_CONFIG, type ArbiterConfig, type Effect } from '../vocabulary.ts';
import { babble, converse, play, wait } from './conversation.ts';

const folder = new URL('../cases/', import.meta.url);
const SESSIONS = 24;
const NUMBERS = 400;

/** Every case of the folder, by file. */
export function allCases(): [file: string, cases: Case[]][] {
  const files = readdirSync(folder).sort();
  return files.map((file) => [file, readCases(readFileSync(new URL(file, folder), 'utf8'), file).cases]);
}

/** Numbers below 10 000 that are the same on every machine and in every year. */
function numbers(seed: number): number[] {
  let last = seed * 7919 + 1;
  return Array.from({ length: NUMBERS }, () => {
    last = (Math.imul(last, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (last >> 12) % 10_000;
  });
}

/** Every knob that chooses between two ways is at each of them in half of the sessions. */
function knobs(seed: number): ArbiterConfig {
  const bit = (at: number) => ((seed >> at) & 1) === 1;
  return {
    ...DEFAULT_CONFIG,
    POLICY_MODE: bit(0) ? 'lenient' : 'strict',
    ON_PROVIDER_LOSS: bit(1) ? 'stop' : 'drain',
    REFUSAL_UNINTERRUPTIBLE: bit(2),
    POLICY_ON_TIMEOUT: bit(3) ? 'open' : 'closed',
    IDLE_PROMPT_MS: bit(4) ? 0 : 2000,
    RESUMES_PER_RESPONSE: seed % 3,
    MIN_DELAY_BEFORE_REFLEX_MS: bit(0) ? 0 : 100,
  };
}

const texts = new WeakMap<object, string>();

/** A region is replaced and never written into, so each is made text once; the order of its fields means nothing. */
function textOf(region: unknown): string {
  if (typeof region !== 'object' || region === null) return JSON.stringify(region);
  let text = texts.get(region);
  if (text === undefined) texts.set(region, (text = JSON.stringify(region, sorted)));
  return text;
}

function sorted(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

const REGIONS = Object.keys(initialState()).sort() as (keyof State)[];

function add(digest: Hash, effects: readonly Effect[], after: State): void {
  digest.update(JSON.stringify(effects));
  digest.update(REGIONS.map((region) => textOf(after[region])).join());
}

export function digestOfCases(cases: readonly Case[]): string {
  const digest = createHash('sha256');
  for (const one of cases) for (const { effects, after } of run(one)) add(digest, effects, after);
  return digest.digest('hex').slice(0, 12);
}

/** The digests of the sessions, by name. */
export function digestsOfSessions(): [name: string, digest: string][] {
  return Array.from({ length: SESSIONS }, (_, seed) => {
    const config = knobs(seed);
    const tape = numbers(seed);
    const events = seed % 2 === 0 ? babble(tape, config) : converse(tape, config, seed % 4 === 1 ? 5 : 30);
    const digest = createHash('sha256');
    const each = ({ effects, after }: { effects: Effect[]; after: State }) => add(digest, effects, after);
    wait(play(events, config, each), events.at(-1)?.t ?? 0, config, each);
    return [`session ${seed}`, digest.digest('hex').slice(0, 12)];
  });
}

/** One line for each, as it is stored. */
export function recording(): string {
  const files = allCases().map(([file, cases]) => [file, digestOfCases(cases)]);
  return [...files, ...digestsOfSessions()].map((line) => `${line.join(' ')}\n`).join('');
}
