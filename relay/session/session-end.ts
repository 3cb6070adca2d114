/**
 * How one conversation ends: at once, or as soon as nobody is in the middle of a turn; with the reason
 * told before the close code, and everything let go of once. Knows nothing of what is let go.
 */
import { CLOSE, type RelayMessage } from '#wire';
import type { Clock } from '../clock.ts';
import { FAULTS, type FaultCode } from '../errors.ts';

export interface SessionEndOptions {
  clock: Clock;
  run: (job: () => void) => void;
  send: (message: RelayMessage) => void;
  /** Whether nobody is in the middle of anything. */
  isQuiet: () => boolean;
  /** Within what a page that a drain, or too little memory, sends away comes back, so that not all come at once. */
  comeBackMs: () => number;
  /** Lets go of everything; called once. */
  letGo: (closeCode: number) => void;
}

export interface SessionEnd {
  readonly isOver: boolean;
  /** Has `undo` run when the session ends, in order. */
  onEnd(...undo: (() => void)[]): void;
  /** Says why, then closes with the fault's code. */
  close(code: FaultCode): void;
  /** Closes without a word. */
  finish(closeCode: number): void;
  /** Closes as soon as nobody is in the middle of anything, and after `withinMs` in any case. */
  whenQuiet(code: FaultCode, withinMs: number | null): void;
  /** After each message and event: whether a session that is to end may. */
  afterwards(): void;
}

export function createSessionEnd(options: SessionEndOptions): SessionEnd {
  const { clock, run } = options;
  const undone: (() => void)[] = [];
  let isOver = false;
  let pending: FaultCode | null = null;

  function finish(closeCode: number): void {
    if (isOver) return;
    isOver = true;
    options.letGo(closeCode);
    for (const undo of undone) undo();
  }

  function close(code: FaultCode): void {
    if (isOver) return;
    const fault = FAULTS[code];
    if (code === 'draining' || code === 'busy')
      options.send({ type: 'relay.draining', comeBackMs: options.comeBackMs() });
    options.send({ type: 'error', code, message: fault.advice, retryable: fault.retryable });
    finish('close' in fault ? fault.close : CLOSE.protocol);
  }

  function afterwards(): void {
    if (pending !== null && !isOver && options.isQuiet()) close(pending);
  }

  return {
    get isOver() {
      return isOver;
    },
    onEnd: (...undo) => void undone.push(...undo),
    close,
    finish,
    whenQuiet(code, withinMs) {
      pending = code;
      if (withinMs !== null) undone.push(clock.wakeAt(clock.now() + withinMs, () => run(() => close(code))));
      afterwards();
    },
    afterwards,
  };
}
