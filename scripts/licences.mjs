/**
 * `npm run licences` writes THIRD-PARTY-LICENCES.md: what others wrote and comes along with this package or is inside its bundles, under
 * which licence, with the notices that those licences ask to pass on. It reads the bill of materials that the build
 * wrote and the packages as they are installed; a test says when the file is behind.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { installed, nameAt, SBOM_FILE } from './sbom.mjs';

export const LICENCES_FILE = 'THIRD-PARTY-LICENCES.md';
/** What may be shipped: licences that ask for a notice and no more. None obliges those who host it, or their pages. */
export const ALLOWED = [
  ...['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'Unlicense'],
];

/** Its words but for white space, so that two copies of one text are one. */
const flat = (text) => text.replace(/\s+/g, ' ').trim();
/** Texts that are the same in every package but for who is named: printed once. `from` begins what is the same. */
const KNOWN = [
  {
    title: 'MIT',
    from: /Permission\s+is\s+hereby\s+granted,\s+free\s+of\s+charge,\s+to\s+any\s+person\s+obtaining\s+a\s+copy/,
    longest: 1500,
  },
  { title: 'Apache-2.0', from: /Apache License\s+Version 2\.0, January 2004/, longest: 11_500 },
];
const TEXT = /^(licen[cs]e|copying|notice|third[_-]party|unlicense)/i;

/** @returns what the package's folder says of its licence. */
function textsIn(folder) {
  if (!existsSync(folder)) return undefined;
  const files = readdirSync(folder, { withFileTypes: true }).filter((file) => file.isFile() && TEXT.test(file.name));
  return files.map(({ name }) => readFileSync(path.join(folder, name), 'utf8').trim());
}

const copyrights = (text) =>
  text
    .split('\n')
    .map((line) => line.replace(/^[\s#>*]+/, '').trim())
    .filter((line) => /^(copyright (?!notice|owner|holder|license|[[{])|\(c\) \d|©)/i.test(line));

/** @returns what is wrong: a package under a licence that may not be shipped. */
export function refused(bill, allowed = ALLOWED) {
  return bill.components.flatMap(({ name, version, licenses: [{ license, expression }] }) =>
    // Of “A OR B” one is enough; all of “A AND B” bind.
    (expression ?? license.id ?? 'no licence')
      .replace(/[()]/g, '')
      .split(' OR ')
      .some((choice) => choice.split(' AND ').every((one) => allowed.includes(one)))
      ? []
      : [`${name}@${version}: ${expression ?? license.id ?? 'no licence'}`],
  );
}

/** @param root - Folder with the installed packages. @throws when one that is not for another platform is missing. */
export function licences(bill, lock, root) {
  const rows = [];
  const known = KNOWN.map((one) => ({ ...one, text: '', notices: [] }));
  const nameless = [];
  const texts = new Map();
  const places = new Map(
    [...installed(lock, { isImage: true })].map(([place, { version }]) => [`${nameAt(place)}@${version}`, place]),
  );
  for (const { name, version, licenses, properties } of bill.components) {
    const licence = licenses[0].expression ?? licenses[0].license.id;
    rows.push(`| ${name} | ${licence} | ${properties[0].value} |`);
    const place = places.get(`${name}@${version}`) ?? `node_modules/${name}`;
    const { os, cpu, libc } = lock.packages[place];
    // A platform's build of a package that is listed itself.
    if (os ?? cpu ?? libc) continue;
    const found = textsIn(path.join(root, place));
    if (found === undefined) throw new Error(`${name} is not installed: npm ci brings it`);
    for (const text of found) {
      const same = known.find(({ from, longest }) => from.test(text) && flat(text).length < longest);
      const met = texts.get(flat(text)) ?? { text, names: [] };
      if (same === undefined) texts.set(flat(text), { text: met.text, names: [...met.names, name] });
      else {
        same.text ||= text.slice(text.search(same.from));
        same.notices.push(`- ${name}: ${copyrights(text).join('; ') || 'names nobody'}`);
      }
    }
    if (found.length === 0) nameless.push(`- ${name}: ${licence}`);
  }
  return [
    '# Licences of others',
    '',
    'Written by `npm run licences`; do not edit. *installed*: comes along with `npm install voice-jib-jab`. *bundled*: its code is',
    'inside a file of ours. *in the container image*: there besides. Versions and hashes are in `dist/sbom.cdx.json`, which each build writes.',
    '',
    ...['| package | licence | how it is used |', '| --- | --- | --- |', ...rows, ''],
    ...['## Recordings', ''],
    "The emulator's phrases were spoken by flite; where they come from and their notice are in",
    '[relay/emulator/voice](relay/emulator/voice/README.md#where-the-recordings-come-from). They are not in the widget.',
    ...['', '## Without a text of their own', '', ...nameless, ''],
    ...known
      .filter(({ notices }) => notices.length > 0)
      .flatMap(({ title, notices, text }) => [`## ${title}`, '', ...notices, '', '```text', text, '```', '']),
    ...[...texts.values()].flatMap(({ text, names }) => [`## ${names.join(', ')}`, '', '````text', text, '````', '']),
  ].join('\n');
}

/** The file as it ought to be. */
export async function licencesFile(root) {
  const read = (file) => JSON.parse(readFileSync(path.join(root, file), 'utf8'));
  const bill = read(SBOM_FILE);
  const faults = refused(bill);
  if (faults.length > 0) throw new Error(`not to be shipped (${ALLOWED.join(', ')} are): ${faults.join('; ')}`);
  const file = path.join(root, LICENCES_FILE);
  const options = await resolveConfig(file);
  return format(licences(bill, read('package-lock.json'), root), { ...options, filepath: file });
}

if (import.meta.filename === process.argv[1]) {
  const root = path.resolve(import.meta.dirname, '..');
  writeFileSync(path.join(root, LICENCES_FILE), await licencesFile(root));
  console.log(`${LICENCES_FILE} is written`);
}
