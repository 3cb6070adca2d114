/**
 * Functions of the page that the model calls. Each call gets exactly one output, whoever gives
 * it; a call whose turn has ended is taken back from the page, and its late result still reaches
 * the model's memory without asking for an answer.
 */
import type { PageTool, RelayMessage } from '#wire';

/** Calls of ended turns whose result may still come. */
const MOST_ORPHANS = 64;

export interface ToolsOptions {
  send: (message: RelayMessage) => void;
  /** Gives the model the call's output. */
  output: (call: string, output: string) => void;
  started: (call: string) => void;
  ended: (call: string) => void;
}

export interface Tools {
  /** The functions that may be called in this session. */
  declare(tools: readonly PageTool[]): void;
  called(call: { call: string; name: string; arguments: string; turn: string | null }): void;
  /** @returns false when nobody asked for it. */
  result(call: string, output: string, failed: boolean): boolean;
  turnEnded(turn: string): void;
  /** Nobody is left who would give a result: each open call fails, and the answer goes on. */
  pageGone(): void;
}

const failure = (reason: string) => JSON.stringify({ error: reason });

export function createTools({ send, output, started, ended }: ToolsOptions): Tools {
  const names = new Set<string>();
  const open = new Map<string, { turn: string | null }>();
  const orphans = new Set<string>();
  return {
    declare(tools) {
      for (const { name } of tools) names.add(name);
    },
    called({ call, name, arguments: args, turn }) {
      if (turn === null) {
        output(call, failure('cancelled'));
        return;
      }
      started(call);
      if (!names.has(name)) {
        output(call, failure('unknown function'));
        ended(call);
        return;
      }
      open.set(call, { turn });
      send({ type: 'tool.call', call, name, arguments: args });
    },
    result(call, text, failed) {
      if (orphans.delete(call)) {
        output(call, failed ? failure(text) : text);
        return true;
      }
      if (!open.delete(call)) return false;
      output(call, failed ? failure(text) : text);
      ended(call);
      return true;
    },
    pageGone() {
      orphans.clear();
      for (const call of [...open.keys()]) {
        open.delete(call);
        output(call, failure('the page was left before its function answered'));
        ended(call);
      }
    },
    turnEnded(turn) {
      for (const [call, { turn: mine }] of open) {
        if (mine !== turn) continue;
        open.delete(call);
        orphans.add(call);
        const oldest = orphans.size > MOST_ORPHANS ? orphans.values().next().value : undefined;
        if (oldest !== undefined) orphans.delete(oldest);
        send({ type: 'tool.cancelled', call });
      }
    },
  };
}
