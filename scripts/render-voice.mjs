/**
 * Renders the emulator's phrase bank anew: `node scripts/render-voice.mjs`. Needs flite (Debian:
 * `apt-get install flite`); nothing else of the product does. Says every literal sentence of
 * rules.json and everything in phrases.json, and writes bank.bin and bank.json beside them.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import prettier from 'prettier';

const MOST_BYTES = 1.5 * 1024 * 1024;
const RATE_HZ = 16_000;
const VOICE = { agent: 'slt', user: 'rms' };
/** A little brisker than flite's own pace, which is that of someone reading aloud. */
const PACE = 0.9;
/** What serves as a reflex must be shorter than 600 ms, in deeper voices too. */
const BRISK_PACE = 0.7;
/** What is in rules.json but never spoken. */
const UNSPOKEN = new Set(['name', 'match', 'after', 'tool', 'compute', 'fail', 'moderation']);
/** Sounds that the synthesiser says badly; made by the same generator as the wordless clips. */
const HUMS = {
  'user Mm-hm.': { sound: 'mhm', pitchHz: 118, ms: 350 },
  'agent Hmm.': { sound: 'hmm', pitchHz: 188, ms: 400 },
};

const root = path.resolve(import.meta.dirname, '..');
const folder = path.join(root, 'relay/emulator/voice');

const scratch = mkdtempSync(path.join(os.tmpdir(), 'render-voice-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/** The product's own modules, so that what is written is what will be read. */
async function productModules() {
  const { outputFiles } = await build({
    stdin: {
      contents: `
        export { encodeAdpcm, decodeAdpcm } from './relay/emulator/voice/adpcm.ts';
        export { finishRecording } from './relay/emulator/voice/level.ts';
        export { resample } from './relay/emulator/voice/resample.ts';
        export { readWav } from './relay/emulator/voice/wav.ts';
        export { clausesOf, sentencesOf, spokenKey, spokenWords } from './relay/emulator/voice/words.ts';
        export { hum } from './relay/reflex/hum.ts';`,
      resolveDir: root,
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    absWorkingDir: root,
  });
  const file = path.join(scratch, 'modules.mjs');
  writeFileSync(file, outputFiles[0].contents);
  return import(file);
}

const { encodeAdpcm, decodeAdpcm, finishRecording, resample, readWav, sentencesOf, spokenKey, hum } =
  await productModules();

/** Every string in rules.json that may be spoken, cut at its placeholders. */
function spokenStrings(node, key = '') {
  if (UNSPOKEN.has(key)) return [];
  if (typeof node === 'string') return node.split(/\{[^}]*\}/);
  if (Array.isArray(node)) return node.flatMap((child) => spokenStrings(child));
  if (node && typeof node === 'object') {
    return Object.entries(node).flatMap(([name, child]) => spokenStrings(child, name));
  }
  return [];
}

/** Each text once, in order, as the voice will look it up. */
function distinct(texts) {
  const seen = new Map();
  for (const text of texts) {
    const key = spokenKey(text);
    if (key !== '' && !seen.has(key)) seen.set(key, text.trim());
  }
  return [...seen.values()];
}

function record(speaker, text) {
  const own = HUMS[`${speaker} ${text}`];
  if (own) return finishRecording(resample(hum(own), 24_000, RATE_HZ), RATE_HZ);
  const pace = speaker === 'agent' && phrases.brisk.includes(text) ? BRISK_PACE : PACE;
  const file = path.join(scratch, 'phrase.wav');
  execFileSync('flite', ['-voice', VOICE[speaker], '--setf', `duration_stretch=${pace}`, '-t', text, '-o', file]);
  const { rateHz, samples } = readWav(readFileSync(file));
  return finishRecording(resample(samples, rateHz, RATE_HZ), RATE_HZ);
}

function noiseRatioDb(samples, decoded) {
  let signal = 0;
  let noise = 1e-9;
  samples.forEach((sample, at) => {
    signal += sample ** 2;
    noise += (sample - decoded[at]) ** 2;
  });
  return 10 * Math.log10(signal / noise);
}

const phrases = JSON.parse(readFileSync(path.join(folder, 'phrases.json'), 'utf8'));
const rules = JSON.parse(readFileSync(path.join(folder, '../rules.json'), 'utf8'));
const texts = {
  agent: distinct([
    ...spokenStrings(rules).flatMap((text) => sentencesOf(text)),
    ...phrases.agent,
    ...phrases.brisk,
    ...phrases.joined,
    ...phrases.words.join(' ').split(' '),
  ]),
  user: distinct(phrases.user),
};

const chunks = [];
const ratios = [];
const index = { rateHz: RATE_HZ, agent: [], user: [] };
let seconds = 0;
for (const speaker of ['agent', 'user']) {
  for (const text of texts[speaker]) {
    const samples = record(speaker, text);
    if (samples.length === 0) throw new Error(`"${text}" came out silent`);
    const bytes = encodeAdpcm(samples);
    ratios.push(noiseRatioDb(samples, decodeAdpcm(bytes, samples.length)));
    index[speaker].push([text, samples.length]);
    chunks.push(bytes);
    seconds += samples.length / RATE_HZ;
  }
}
const bytes = Buffer.concat(chunks);
if (bytes.length > MOST_BYTES) throw new Error(`the bank has ${bytes.length} bytes, ${MOST_BYTES} are allowed`);
writeFileSync(path.join(folder, 'bank.bin'), bytes);
const indexFile = path.join(folder, 'bank.json');
const style = await prettier.resolveConfig(indexFile);
writeFileSync(indexFile, await prettier.format(JSON.stringify(index), { ...style, filepath: indexFile }));
ratios.sort((a, b) => a - b);
console.log(
  `${index.agent.length} phrases of the agent, ${index.user.length} of the user: ${seconds.toFixed(1)} s, ` +
    `${(bytes.length / 1024).toFixed(0)} KiB, coding noise ${ratios[0].toFixed(1)} dB down at worst, ` +
    `${ratios[ratios.length >> 1].toFixed(1)} dB in the middle`,
);
