/**
 * `vjj arbiter`: runs case files against the reducer, replays recorded sessions, and searches all
 * states up to a depth. Knows files and words on a terminal; what a case means is the arbiter's.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EFFECT_TYPES } from '../arbiter/case-file.ts';
import { enumerate } from '../arbiter/enumerate.ts';
import { runCaseFile } from '../arbiter/runner.ts';
import { auditToCase } from '../audit/audit.ts';

const USAGE = `usage: vjj arbiter FILE.jsonl …          run case files
       vjj arbiter --replay SESSION      feed a recorded session to the reducer: the effects must be the same
       vjj arbiter --case SESSION        print a recorded session as a case
       vjj arbiter --enumerate DEPTH     visit every state up to DEPTH events deep, all invariants asserted;
                                         with --losses also provider, widget, device, errors and tools
SESSION is an id with a file in DATA_DIR/audit, or the path of such a file.`;

/**
 * @param args - What follows `vjj arbiter`.
 * @param out - Prints one line.
 * @returns The exit code: 0 when all passed, 1 when something failed, 2 when asked wrongly.
 */
export async function runArbiterCommand(args: string[], out: (line: string) => void): Promise<number> {
  const [first, second] = args;
  if (first === '--help' || first === '-h') {
    out(USAGE);
    return 0;
  }
  if (first === '--enumerate') return enumerateTo(args.slice(1), out);
  if (first === '--replay' || first === '--case') {
    if (second === undefined || args.length > 2) return misuse(`${first} takes one session`, out);
    return first === '--case' ? printCase(second, out) : runAll([second], readAudit, out);
  }
  const unknown = args.find((arg) => arg.startsWith('-'));
  if (unknown !== undefined) return misuse(`there is no option ${unknown}`, out);
  if (first === undefined) return misuse('name a case file', out);
  return runAll(args, (file) => readFile(file, 'utf8'), out);
}

function misuse(what: string, out: (line: string) => void): number {
  out(`${what}\n${USAGE}`);
  return 2;
}

async function runAll(
  files: readonly string[],
  read: (file: string) => Promise<string>,
  out: (line: string) => void,
): Promise<number> {
  let [passed, failed] = [0, 0];
  for (const file of files) {
    try {
      const report = runCaseFile(await read(file), file);
      for (const line of report.lines) out(line);
      passed += report.passed;
      failed += report.failed;
    } catch (error) {
      out(`FAILED ${file}: ${unreadable(error)}`);
      failed += 1;
    }
  }
  out(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function printCase(session: string, out: (line: string) => void): Promise<number> {
  try {
    out(await readAudit(session));
    return 0;
  } catch (error) {
    out(`${session}: ${unreadable(error)}`);
    return 1;
  }
}

/** A recorded session as a line of a case file that expects every effect, and no other. */
async function readAudit(session: string): Promise<string> {
  const isPath = session.includes('/') || session.endsWith('.jsonl');
  const path = isPath ? session : join(process.env.DATA_DIR ?? './data', 'audit', `${session}.jsonl`);
  const recorded = auditToCase(await readFile(path, 'utf8'));
  const silent = EFFECT_TYPES.map((type) => [type, 0] as const);
  const count: Record<string, number> = Object.fromEntries(silent);
  for (const { type } of recorded.expect) count[type] = (count[type] ?? 0) + 1;
  return JSON.stringify({ ...recorded, count });
}

function unreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file; check the path';
  if (code === 'EISDIR') return 'that is a folder; name the files in it';
  return `cannot be read (${message})`;
}

function enumerateTo(args: readonly string[], out: (line: string) => void): number {
  const [depth, ...options] = args;
  const levels = Number(depth);
  if (!(Number.isSafeInteger(levels) && levels > 0)) return misuse('--enumerate takes a depth of 1 or more', out);
  const unknown = options.find((option) => option !== '--losses');
  if (unknown !== undefined) return misuse(`there is no option ${unknown}`, out);
  const found = enumerate({ depth: levels, losses: options.length > 0, progress: out });
  for (const line of found.broken) out(`FAILED ${line}`);
  const end = found.isFixpoint ? ' (there are no more)' : '';
  out(`${found.states} states, ${found.steps} steps, depth ${found.depth}${end}`);
  const isWhole = found.broken.length === 0;
  out(isWhole ? '1 passed, 0 failed' : '0 passed, 1 failed');
  return isWhole ? 0 : 1;
}
