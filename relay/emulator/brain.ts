/**
 * What the emulator answers: the first rule that matches what it understood, in the light of the
 * conversation as it remembers it, truncations included. Pure; knows no events and no sound.
 */
import type { Item } from './items.ts';
import { readNumber, sayNumber } from './numbers.ts';
import { isObject, type Fields } from './protocol.ts';
import type { Rule, Rules } from './rules.ts';
import type { Tool, ToolChoice } from './session-config.ts';

export type Output =
  | { is: 'speech'; text: string; phase?: 'commentary' | 'final_answer' }
  | { is: 'call'; name: string; arguments: string };
/** What a response is going to contain; `fail` is a code with which it ends at once. */
export interface Plan {
  outputs: Output[];
  rule: string;
  fail?: string;
  /** Ids of the tool outputs that this plan answers to. */
  answers?: string[];
}
export interface Question {
  /** What the response reads, oldest first. */
  items: readonly Item[];
  tools: readonly Tool[];
  toolChoice: ToolChoice;
  /** Ids of tool outputs that were answered to before. */
  answered: ReadonlySet<string>;
  /** Of this response alone; only the forms of {@link verbatim} are understood. */
  instructions: string | null;
}

/** Answers `question` by `rules`. */
export function answer(rules: Rules, question: Question): Plan {
  const spoken = verbatim(question);
  if (spoken !== null) return say('verbatim', spoken);
  const { items } = question;
  const outputs = newOutputs(question);
  if (outputs.length > 0) return afterTool(rules, items, outputs);
  const asked = items.findLast(({ role }) => role === 'user');
  if (asked === undefined) return forced(rules, question, '') ?? say('opening', rules.opening);
  const { text, isKnown } = asked.memory;
  const turn = items.filter(({ role }) => role === 'user').length - 1;
  if (!isKnown) return forced(rules, question, text) ?? say('unrecognised', pick(rules.unrecognised, turn));
  return (
    byRule(rules, question, text, turn) ??
    forced(rules, question, text) ??
    say('default', fill(pick(rules.default, turn), { text: text.replace(/[\s.!?]+$/, '') }))
  );
}

/**
 * What a response is told to say word for word, if it is: `Say exactly: …` or `Say only: …` in its
 * own instructions, in the last system item since the user spoke, or in its last `input_text`. Quoted text after it is said; else the rest of the
 * line; else, when the instructions give no words, the last `input_text`.
 */
export function verbatim({ instructions, items }: Pick<Question, 'instructions' | 'items'>): string | null {
  const input = items.findLast(({ role, memory }) => role === 'user' && memory.isKnown)?.memory.text ?? '';
  for (const told of [instructions ?? '', toldSince(items), input]) {
    const found = SAY.exec(told);
    if (found === null) continue;
    const groups: (string | undefined)[] = found.slice(1);
    const words = unescaped(groups.find((group) => group !== undefined && group.trim() !== '') ?? '');
    const wanted = words !== '' ? words : told === instructions ? input : '';
    if (wanted !== '') return wanted;
  }
  return null;
}

/** The newest system item since the user spoke; empty where there is none. */
function toldSince(items: readonly Item[]): string {
  const from = items.findLastIndex(({ role }) => role === 'user');
  return items.slice(from + 1).findLast(({ role }) => role === 'system')?.memory.text ?? '';
}

/** Quoted text, which may be quoted as JSON is, or the rest of the line after a colon. */
const QUOTED = '"((?:[^"\\\\]|\\\\.)+)"|“([^”]+)”';
const SAY = new RegExp(`\\bsay (?:exactly|only)\\b[^:"“\\n]*(?:${QUOTED}|:[ \\t]*(?:${QUOTED}|([^\\n]*)))?`, 'i');

function unescaped(words: string): string {
  try {
    return String(JSON.parse(`"${words.trim()}"`));
  } catch {
    return words.trim();
  }
}

function say(rule: string, text: string): Plan {
  return { rule, outputs: [{ is: 'speech', text }] };
}

function pick(texts: string | string[], turn: number): string {
  return typeof texts === 'string' ? texts : (texts[turn % texts.length] ?? '');
}

function fill(template: string, values: Record<string, string>): string {
  const text = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '').trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Lower case, one space, no punctuation: what the patterns of the rules are written for. */
function plain(text: string): string {
  return text
    .toLowerCase()
    .replaceAll('’', "'")
    .replaceAll('+', ' plus ')
    .replaceAll(/[.,!?;:"“”…]/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function byRule(rules: Rules, question: Question, text: string, turn: number): Plan | null {
  const last = question.items.findLast(({ role, type }) => role === 'assistant' && type === 'message');
  const words = plain(text);
  const told = toldSince(question.items);
  for (const rule of rules.rules) {
    if (rule.told?.test(told) === false) continue;
    if (rule.after !== undefined && rule.after !== last?.memory.rule) continue;
    const found = rule.match.map((pattern) => pattern.exec(words)).find((match) => match !== null);
    if (found === undefined) continue;
    const plan = applied(rule, found, question, turn, { text, last: last?.memory.text ?? 'nothing yet' });
    if (plan !== null) return plan;
  }
  return null;
}

function applied(
  rule: Rule,
  found: RegExpExecArray,
  question: Question,
  turn: number,
  known: Record<string, string>,
): Plan | null {
  if (rule.fail !== undefined) return { rule: rule.name, outputs: [], fail: rule.fail };
  const captured = Object.fromEntries(
    found.slice(1).map((group, index) => [String(index + 1), (group as string | undefined) ?? '']),
  );
  if (rule.tool !== undefined && question.toolChoice !== 'none') {
    const { nameContains, unknown = 'unknown' } = rule.tool;
    const tool = question.tools.find(({ name = '' }) => name.toLowerCase().includes(nameContains));
    if (tool?.name !== undefined) {
      const values = Object.fromEntries(
        Object.entries(rule.tool.arguments ?? {}).map(([name, template]) => [
          name,
          titled(fill(template, captured)) || unknown,
        ]),
      );
      return {
        rule: rule.name,
        outputs: [{ is: 'call', name: tool.name, arguments: argumentsFor(tool, values, unknown) }],
      };
    }
  }
  if (rule.say === undefined) return null;
  const computed = rule.compute === undefined ? {} : compute(rule.compute, captured);
  return computed === null ? null : say(rule.name, fill(pick(rule.say, turn), { ...captured, ...known, ...computed }));
}

function titled(text: string): string {
  return text.replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase());
}

function compute(what: 'arithmetic' | 'count', captured: Record<string, string>): Record<string, string> | null {
  const a = readNumber(captured['1'] ?? '');
  if (a === null) return null;
  if (what === 'count') {
    const words = Array.from({ length: Math.min(Math.max(a, 1), 200) }, (_, index) => sayNumber(index + 1));
    return { result: words.join(', ') };
  }
  const operation = captured['2'] ?? '';
  const b = readNumber(captured['3'] ?? '');
  if (b === null) return null;
  const result =
    operation === 'plus' ? a + b : operation === 'minus' ? a - b : operation === 'divided by' ? a / b : a * b;
  return {
    a: sayNumber(a),
    b: sayNumber(b),
    operation,
    result: Number.isFinite(result) ? sayNumber(result) : 'not a number',
  };
}

/** A call that `tool_choice` asks for whatever was said. */
function forced(rules: Rules, { tools, toolChoice }: Question, text: string): Plan | null {
  if (toolChoice === 'auto' || toolChoice === 'none') return null;
  const wanted = typeof toolChoice === 'object' ? toolChoice.name : undefined;
  const tool = tools.find(({ type, name }) => type === 'function' && (wanted === undefined || name === wanted));
  if (tool?.name === undefined) return say('tool-required', rules.toolRequired);
  return {
    rule: 'tool-required',
    outputs: [{ is: 'call', name: tool.name, arguments: argumentsFor(tool, {}, text || 'unknown') }],
  };
}

/** Arguments that fit the tool's own schema: what the rule knows, and something plausible for the rest. */
function argumentsFor(tool: Tool, values: Record<string, string>, unknown: string): string {
  const schema = isObject(tool.parameters) ? tool.parameters : {};
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const filled: Fields = {};
  for (const [name, property] of Object.entries(properties)) {
    const value = values[name];
    if (value === undefined && !required.includes(name)) continue;
    filled[name] = plausible(isObject(property) ? property : {}, value ?? unknown);
  }
  return JSON.stringify(filled);
}

function plausible(property: Fields, text: string): unknown {
  const choices = property['enum'];
  if (Array.isArray(choices)) return choices.includes(text) ? text : choices[0];
  switch (property['type']) {
    case 'number':
    case 'integer':
      return readNumber(text) ?? 1;
    case 'boolean':
      return true;
    case 'array':
      return [];
    case 'object':
      return {};
    default:
      return text;
  }
}

/** Outputs of tools, since the user spoke, that nobody has answered to yet. */
function newOutputs({ items, answered }: Question): Item[] {
  const from = items.findLastIndex(({ role }) => role === 'user') + 1;
  return items.slice(from).filter(({ type, id }) => type === 'function_call_output' && !answered.has(id));
}

function afterTool(rules: Rules, items: readonly Item[], outputs: Item[]): Plan {
  const call = items.find(({ type, call_id: id }) => type === 'function_call' && id === outputs.at(-1)?.call_id);
  const rule = rules.rules.find(({ name }) => name === call?.memory.rule);
  const output = outputs.map((item) => readable(item.output ?? '')).join('; ');
  const plan = say(rule?.name ?? 'tool-answer', fill(rule?.then ?? rules.toolAnswer, { output }));
  return { ...plan, answers: outputs.map(({ id }) => id) };
}

/** JSON as one would read it out; other text as it is. */
function readable(output: string): string {
  try {
    return spokenJson(JSON.parse(output)).slice(0, 400);
  } catch {
    return output.replace(/[.\s]+$/, '').slice(0, 400);
  }
}

function spokenJson(value: unknown): string {
  if (Array.isArray(value)) return value.map(spokenJson).join(', ');
  if (!isObject(value)) return typeof value === 'string' ? value.replace(/[.\s]+$/, '') : String(value);
  return Object.entries(value)
    .map(([name, field]) => `${name.replaceAll('_', ' ')} ${spokenJson(field)}`)
    .join(', ');
}
