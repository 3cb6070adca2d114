/** `npm run fuzz`: wrong inputs for whatever reads what strangers send. README.md says how to read it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { providerTarget } from './provider.ts';
import { fuzz, tryOne } from './run.ts';
import { tokenTarget } from './token.ts';
import { wireTarget } from './wire.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    target: { type: 'string' },
    replay: { type: 'string' },
  },
});
const targets = [wireTarget(), tokenTarget(), providerTarget()];

async function replay(file: string): Promise<boolean> {
  const target = targets.find(({ name }) => basename(file).includes(`-${name}-`)) ?? targets[0];
  if (target === undefined) return false;
  const error = await tryOne(target, readFileSync(file));
  console.log(
    error === null
      ? `${target.name}: nothing is wrong with ${file}`
      : `${target.name}: ${error.stack ?? error.message}`,
  );
  return error === null;
}

async function run(): Promise<boolean> {
  const seed = Number(values.seed);
  const wanted = targets.filter(({ name }) => values.target === undefined || name === values.target);
  const eachMs = (Number(values.minutes) * 60_000) / wanted.length;
  if (wanted.length === 0 || !Number.isInteger(seed) || !(eachMs > 0))
    throw new Error('usage: npm run fuzz -- [--minutes N] [--seed S] [--target wire|token|provider] [--replay FILE]');
  console.log(`seed ${seed}`);
  let isClean = true;
  for (const target of wanted) {
    const endsAt = performance.now() + eachMs;
    const { tried, found } = await fuzz(target, seed, () => performance.now() < endsAt);
    console.log(`${target.name}: ${tried} inputs, ${found === null ? 'nothing wrong' : found.error.message}`);
    if (found === null) continue;
    isClean = false;
    const file = `fuzz-${target.name}-${seed}-${found.number}.input`;
    writeFileSync(file, found.input);
    console.log(`again with: npm run fuzz -- --replay ${file}`);
  }
  return isClean;
}

process.exitCode = (await (values.replay === undefined ? run() : replay(values.replay))) ? 0 : 1;
