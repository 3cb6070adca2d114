/**
 * `npm run bench`: what the product does in milliseconds and bytes, on this machine, in this run.
 *
 *     npm run bench -- [--barge-ins N] [--turns N] [--rounds N] [--only arbiter|hop|policy|browser|start|size] [--json FILE]
 *
 * The model is the emulator with its own latency set to 0, in a process of its own.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { hrtime } from 'node:process';
import { parseArgs } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import { readCases } from '../../relay/arbiter/case-file.ts';
import { measureSteps } from '../../relay/arbiter/measure.ts';
import { measureBrowser } from './browser.ts';
import { measureHop } from './hop.mjs';
import { machine } from './percentiles.mjs';
import { measurePolicy } from './policy.ts';
import { measureStart } from './start.ts';

const { values } = parseArgs({
  options: {
    'barge-ins': { type: 'string', default: '50' },
    turns: { type: 'string', default: '12' },
    rounds: { type: 'string', default: '12' },
    only: { type: 'string' },
    json: { type: 'string' },
  },
});
const dist = path.resolve(import.meta.dirname, '../../dist');
const wants = (part: string) => values.only === undefined || values.only === part;
const json: Record<string, unknown> = { machine: machine() };

console.log(machine());
if (wants('size')) {
  console.log('\nWhat a page loads (brotli)');
  const { version } = JSON.parse(readFileSync(path.join(dist, '../package.json'), 'utf8')) as { version: string };
  const files = readdirSync(path.join(dist, 'v', version)).filter((file) => file.endsWith('.js'));
  const brotli = (file: string) => brotliCompressSync(readFileSync(path.join(dist, 'v', version, file))).length;
  // One part of each kind is loaded; of the languages one, and the largest is counted.
  const largest = (part: RegExp) => Math.max(0, ...files.filter((file) => part.test(file)).map(brotli));
  const sum = (parts: readonly RegExp[]) => parts.map(largest).reduce((a, b) => a + b, 0);
  const launcher = [/^voice-jib-jab\.js$/, /\.launcher\./];
  const call = [/\.surface\./, /\.open-call\./, /\.worklet\.js$/, /\.[a-z]{2}\.[0-9a-f]{8}\.js$/];
  const loaded = {
    'a page, before anybody wants to talk': launcher,
    'everything for a voice call': [...launcher, ...call],
  };
  for (const [what, parts] of Object.entries(loaded)) {
    const bytes = sum(parts);
    json[what] = bytes;
    console.log(`${what.padEnd(58)} ${String(bytes).padStart(7)} B`);
  }
}
if (wants('arbiter')) {
  const folder = path.resolve(import.meta.dirname, '../../relay/arbiter/cases');
  const cases = readdirSync(folder).flatMap(
    (file) => readCases(readFileSync(path.join(folder, file), 'utf8'), file).cases,
  );
  const found = measureSteps(cases, { nowNs: () => hrtime.bigint(), rounds: 20 });
  json['step'] = found;
  console.log('\nThe arbiter, over all its cases');
  const us = (ns: number) => `${(ns / 1000).toFixed(1)} µs`;
  console.log(`${'one step'.padEnd(58)} p50 ${us(found.p50Ns)}  p99 ${us(found.p99Ns)}  n=${found.steps}`);
}
if (wants('hop')) {
  console.log('\nThe relay beside a bare WebSocket proxy, alternating in one run');
  const hop = await measureHop();
  Object.assign(json, hop.json);
  for (const line of hop.lines) console.log(line);
}
if (wants('policy')) {
  console.log(
    '\nThe wait for an answer under different policies, in ms; added and ratio to the first line, in the same round',
  );
  const policy = await measurePolicy(Number(values.rounds));
  Object.assign(json, policy.json);
  for (const line of policy.lines) console.log(line);
}
if (wants('start')) {
  console.log(
    '\nLoading, opening and starting, in Chromium with the processor slowed down four times; clicks at full speed',
  );
  const start = await measureStart({ rounds: 10, clicks: 20 });
  json['start'] = start.json;
  for (const line of start.lines) console.log(line);
}
if (wants('browser')) {
  console.log('\nIn Chromium, with a microphone that plays recorded speech');
  const browser = await measureBrowser({
    turns: Number(values.turns),
    bargeIns: Number(values['barge-ins']),
    progress: (text) => console.error(text),
  });
  Object.assign(json, browser.json);
  for (const line of browser.lines) console.log(line);
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(json, null, 1)}\n`);
