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

class OrderlyEnd implements SessionEnd {
  readonly #options: SessionEndOptions;
  readonly #clock: Clock;
  readonly #run: (job: () => void) => void;
  readonly #undone: (() => void)[] = [];
  #isOver = false;
  #pending: FaultCode | null = null;

  constructor(options: SessionEndOptions) {
    this.#options = options;
    const { clock, run } = options;
    this.#clock = clock;
    this.#run = run;
  }

  finish(closeCode: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.letGo(closeCode);
    for (const undo of this.#undone) undo();
  }

  close(code: FaultCode): void {
    if (this.#isOver) return;
    const fault = FAULTS[code];
    if (code === 'draining' || code === 'busy')
      this.#options.send({ type: 'relay.draining', comeBackMs: this.#options.comeBackMs() });
    this.#options.send({ type: 'error', code, message: fault.advice, retryable: fault.retryable });
    this.finish('close' in fault ? fault.close : CLOSE.protocol);
  }

  afterwards(): void {
    if (this.#pending !== null && !this.#isOver && this.#options.isQuiet()) this.close(this.#pending);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  onEnd(...undo: (() => void)[]): void {
    this.#undone.push(...undo);
  }

  whenQuiet(code: FaultCode, withinMs: number | null): void {
    this.#pending = code;
    if (withinMs !== null)
      this.#undone.push(this.#clock.wakeAt(this.#clock.now() + withinMs, () => this.#run(() => this.close(code))));
    this.afterwards();
  }
}

export function createSessionEnd(options: SessionEndOptions): SessionEnd {
  return new OrderlyEnd(options);
}
