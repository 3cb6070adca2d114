/**
 * The rule file: what it may hold and how it is read. Mistakes are named, all at once, before
 * the server starts. Knows no conversation; `brain.ts` applies the rules.
 */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { NUMBER_PATTERN } from './numbers.ts';

const Text = v.pipe(v.string(), v.nonEmpty());
const Texts = v.union([Text, v.pipe(v.array(Text), v.minLength(1))]);
const Rule = v.strictObject({
  name: Text,
  match: v.pipe(v.array(Text), v.minLength(1)),
  after: v.optional(Text),
  told: v.optional(Text),
  say: v.optional(Texts),
  tool: v.optional(
    v.strictObject({
      nameContains: Text,
      arguments: v.optional(v.record(v.string(), v.string())),
      unknown: v.optional(Text),
    }),
  ),
  then: v.optional(Text),
  compute: v.optional(v.picklist(['arithmetic', 'count'])),
  fail: v.optional(Text),
});
const RuleFile = v.strictObject({
  rules: v.array(Rule),
  preamble: Text,
  toolAnswer: Text,
  toolRequired: Text,
  opening: Text,
  default: Texts,
  unrecognised: Texts,
  moderation: v.record(v.string(), v.array(Text)),
});

type RuleOfFile = v.InferOutput<typeof Rule>;
export interface Rule extends Omit<RuleOfFile, 'match' | 'told'> {
  match: RegExp[];
  told?: RegExp;
}
export interface Rules extends Omit<v.InferOutput<typeof RuleFile>, 'rules'> {
  rules: Rule[];
}

/** The rules that come with the emulator. */
export const OWN_RULES = new URL('./rules.json', import.meta.url);

/**
 * Reads a rule file.
 *
 * @throws {Error} listing every mistake with its place, or when there is no such file.
 */
export async function readRules(file: string | URL): Promise<Rules> {
  const name = file instanceof URL ? file.pathname : file;
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new Error(`${name} is not a readable rule file: ${(cause as Error).message}`, { cause });
  }
  const read = v.safeParse(RuleFile, json);
  const wrong = read.success ? [] : read.issues.map((issue) => `${v.getDotPath(issue) ?? 'file'}: ${issue.message}`);
  const rules: Rule[] = [];
  for (const [index, rule] of (read.success ? read.output.rules : []).entries()) {
    try {
      const { told, match, ...rest } = rule;
      rules.push({ ...rest, match: match.map(expression), ...(told !== undefined && { told: expression(told) }) });
    } catch (cause) {
      wrong.push(`rules.${index}.match: ${(cause as Error).message}`);
    }
  }
  if (!read.success || wrong.length > 0) throw new Error(`${name} has mistakes:\n  ${wrong.join('\n  ')}`);
  return { ...read.output, rules };
}

function expression(pattern: string): RegExp {
  return new RegExp(pattern.replaceAll('{number}', NUMBER_PATTERN), 'i');
}
