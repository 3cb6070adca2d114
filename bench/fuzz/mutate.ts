/** From an input that is right, one that is wrong in a few places: the same one for the same numbers. */
import type { Random } from '../load/random.ts';

const ODD_BYTES = [0, 1, 2, 4, 0x7f, 0x80, 0xfe, 0xff];
/** Text that parsers disagree about: ends of planes, halves of pairs, direction marks, what JSON escapes. */
const ODD_TEXT = [
  ...['', '\0', '\u2028', '\ud800', '\udfff\ud800', '\u202e', '\ufeff', '"', '\\', '\\u0000', '\r\n', '👩‍👩‍👧', 'İ', 'ﬀ'],
  ...[
    '__proto__',
    'constructor',
    'toString',
    '../../etc/passwd',
    '%00',
    "' OR 1=1 --",
    'A'.repeat(300),
    '{',
    ']',
    '1e999',
  ],
];
const ODD_VALUES: unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    -0,
    0.5,
    1e308,
    2 ** 53,
    -(2 ** 31),
    4_294_967_296,
    '',
    [],
    {},
    [[]],
    [null],
    { length: -1 },
  ],
  ...[{ then: 1 }, { toString: 1 }, 'null', '0', 'true', 'A'.repeat(5_000)],
];

export function mutateBytes(random: Random, input: Buffer, others: readonly Buffer[]): Buffer {
  let bytes = Buffer.from(input);
  for (let left = random.whole(1, 4); left > 0; left -= 1) {
    const at = random.whole(0, Math.max(0, bytes.length - 1));
    const end = Math.min(bytes.length, at + random.whole(1, 16));
    switch (random.whole(0, 5)) {
      case 0:
        if (bytes.length > 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.whole(0, 7));
        break;
      case 1:
        bytes = bytes.subarray(0, at);
        break;
      case 2:
        if (bytes.length > 0) bytes[at] = random.pick(ODD_BYTES);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
        break;
      default: {
        const other = random.pick(others);
        bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(random.whole(0, other.length))]);
      }
    }
  }
  return bytes;
}

export function mutateText(random: Random, text: string, others: readonly string[]): string {
  const at = random.whole(0, text.length);
  switch (random.whole(0, 4)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + random.pick(ODD_TEXT) + text.slice(at);
    case 2:
      return text.slice(0, at) + text.slice(at + random.whole(1, 8));
    case 3: {
      const other = random.pick(others);
      return text.slice(0, at) + other.slice(random.whole(0, other.length));
    }
    default:
      return text.slice(0, at) + text.slice(Math.max(0, at - random.whole(1, 30)));
  }
}

/** Another value somewhere in the tree: of another type, from elsewhere in it, missing, or once more. */
export function mutateJson(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random.chance(0.15)) {
    if (typeof value === 'string' && random.chance(0.5)) return mutateText(random, value, ODD_TEXT);
    if (typeof value === 'number' && random.chance(0.5)) return value + random.pick([1, -1, 0.5, 1e9, -1e9]);
    return random.pick(ODD_VALUES);
  }
  if (Array.isArray(value)) {
    const items: unknown[] = [...(value as unknown[])];
    const at = random.whole(0, Math.max(0, items.length - 1));
    if (items.length === 0 || random.chance(0.2)) return [...items, random.pick(ODD_VALUES)];
    if (random.chance(0.2)) items.splice(at, 1);
    else if (random.chance(0.2)) items.splice(at, 0, items[at]);
    else items[at] = mutateJson(random, items[at]);
    return items;
  }
  const entries = Object.entries(value as Record<string, unknown>);
  if (entries.length === 0 || random.chance(0.1)) entries.push([random.pick(ODD_TEXT), random.pick(ODD_VALUES)]);
  const at = random.whole(0, entries.length - 1);
  const entry = entries[at];
  if (entry === undefined) return value;
  if (random.chance(0.15)) entries.splice(at, 1);
  else if (random.chance(0.1)) entries.push([`${entry[0]}x`, entry[1]]);
  else if (random.chance(0.15)) entries[at] = [entry[0], random.pick(entries)[1]];
  else entries[at] = [entry[0], mutateJson(random, entry[1])];
  return Object.fromEntries(entries);
}

/** JSON text whose tree was changed, or its letters, or that says a name twice. */
export function mutateJsonText(random: Random, text: string, others: readonly string[]): string {
  if (random.chance(0.3)) return mutateText(random, text, others);
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch {
    return mutateText(random, text, others);
  }
  for (let left = random.whole(1, 3); left > 0; left -= 1) tree = mutateJson(random, tree);
  const changed = JSON.stringify(tree);
  if (!random.chance(0.1) || !changed.startsWith('{"')) return changed;
  // The name first comes with another value: parsers must agree on the last.
  const name = changed.slice(1, changed.indexOf('"', 2) + 1);
  return `{${name}:${JSON.stringify(random.pick(ODD_VALUES))},${changed.slice(1)}`;
}
