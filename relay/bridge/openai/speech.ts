/**
 * Speech rendered outside the conversation, one job at a time: a text goes in, the samples of
 * the model saying it come out. Knows no socket: it is told what became of its requests.
 */
import type { Clock } from '../../clock.ts';
import { RelayError } from '../../errors.ts';

/** From the request to the last sample. */
export const RENDER_TIMEOUT_MS = 20_000;

export interface SpeechOptions {
  clock: Clock;
  /** Asks the provider. @returns the request's id, or null when there is no provider now. */
  request(text: string): string | null;
  /** The response's sound is not wanted any more. */
  cancel(response: string): void;
}

interface Job {
  text: string;
  signal: AbortSignal;
  resolve(samples: Int16Array): void;
  reject(reason: unknown): void;
  /** Undo what waits for this job. */
  stops: (() => void)[];
}

interface Running {
  job: Job;
  rid: string;
  response: string | null;
  chunks: Int16Array[];
}

const lost = (why: string) => new RelayError('upstream-lost', `speech was not rendered: ${why}`);

export class SpeechRenderer {
  readonly #options: SpeechOptions;
  #queue: Job[] = [];
  #running: Running | null = null;
  /** Given up before the provider had created them. */
  readonly #unwanted = new Set<string>();
  #isOver = false;

  constructor(options: SpeechOptions) {
    this.#options = options;
  }

  /** Something is being rendered, or waits to be. */
  get isBusy(): boolean {
    return this.#running !== null || this.#queue.length > 0;
  }

  /** @throws {RelayError} `upstream-lost`, or the signal's reason. */
  render(text: string, signal: AbortSignal): Promise<Int16Array> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) {
        reject(lost('the provider is gone'));
        return;
      }
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const aborted = () => this.#giveUp(job, signal.reason);
      signal.addEventListener('abort', aborted);
      const job: Job = { text, signal, resolve, reject, stops: [() => signal.removeEventListener('abort', aborted)] };
      this.#queue.push(job);
      this.next();
    });
  }

  /** Starts the next job if none runs and the provider is there. */
  next(): void {
    // Several jobs may share a signal, and hear of its end one after the other.
    const job = this.#queue.find(({ signal }) => !signal.aborted);
    if (this.#running !== null || job === undefined) return;
    const rid = this.#options.request(job.text);
    if (rid === null) return;
    this.#queue = this.#queue.filter((other) => other !== job);
    this.#running = { job, rid, response: null, chunks: [] };
    const { clock } = this.#options;
    const stopTimer = clock.wakeAt(clock.now() + RENDER_TIMEOUT_MS, () => this.#giveUp(job, lost('it took too long')));
    job.stops.push(stopTimer);
  }

  created(rid: string, response: string): void {
    if (this.#unwanted.delete(rid)) {
      this.#options.cancel(response);
      return;
    }
    if (this.#running?.rid === rid) this.#running.response = response;
  }

  sound(response: string, samples: Int16Array): void {
    if (this.#running?.response === response) this.#running.chunks.push(samples);
  }

  done(response: string, isComplete: boolean, why: string): void {
    const running = this.#running;
    if (running?.response !== response) return;
    if (!isComplete || running.chunks.length === 0) {
      this.#giveUp(running.job, lost(why));
      return;
    }
    this.#running = null;
    stop(running.job);
    running.job.resolve(joined(running.chunks));
    this.next();
  }

  /** The provider refused the request. */
  refused(rid: string, code: string): void {
    this.#unwanted.delete(rid);
    if (this.#running?.rid === rid) this.#giveUp(this.#running.job, lost(code), true);
  }

  /** The connection is gone: everything that was asked of it fails, what is asked from now on waits for the next. */
  down(why: string, isFinal: boolean): void {
    this.#isOver = isFinal;
    const jobs = [...(this.#running === null ? [] : [this.#running.job]), ...this.#queue];
    this.#running = null;
    this.#queue = [];
    this.#unwanted.clear();
    for (const job of jobs) {
      stop(job);
      job.reject(lost(why));
    }
  }

  #giveUp(job: Job, reason: unknown, isRefused = false): void {
    stop(job);
    job.reject(reason);
    this.#queue = this.#queue.filter((other) => other !== job);
    const running = this.#running;
    if (running?.job !== job) return;
    this.#running = null;
    if (running.response !== null) this.#options.cancel(running.response);
    else if (!isRefused) this.#unwanted.add(running.rid);
    this.next();
  }
}

function stop(job: Job): void {
  for (const undo of job.stops) undo();
}

function joined(chunks: Int16Array[]): Int16Array {
  const all = new Int16Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
