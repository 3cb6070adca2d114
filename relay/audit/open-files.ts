/**
 * Files that are appended to stay open while lines keep coming: to open and to close one costs three times what its lines
 * do. So many of the process and no more; another one is opened for each of its writes. Knows nothing of lines.
 */
import { close, fstatSync, open, write } from 'node:fs';
import { promisify } from 'node:util';

/** Files of the process that are open though nothing is being written to them. */
export const MOST_KEPT_OPEN = 256;
/** One that nothing was written to for so long is closed, in milliseconds, and no later than after twice that. */
const IDLE_MS = 5_000;

// Without the objects of `fs/promises`: they cost as much again as the write does in this thread.
const opened = promisify(open);
const closed = promisify(close);
const writeTo = (fd: number, bytes: Uint8Array) =>
  new Promise<number>((resolve, reject) => {
    write(fd, bytes, 0, bytes.length, null, (error, count) => (error === null ? resolve(count) : reject(error)));
  });

/** Has one caller, who waits for each call before the next. */
export interface AppendedFile {
  /**
   * Makes the file where there is none (any more), for its owner alone.
   *
   * @throws the system's error, also of a close since the last call; some of the text may be written then.
   */
  append(text: string): Promise<void>;
  /** Afterwards nothing is open; another `append` opens it again. @throws the system's error. */
  close(): Promise<void>;
}

export interface OpenFiles {
  at(path: string): AppendedFile;
  /** How many are kept open now. */
  readonly kept: number;
}

class KeptFile implements AppendedFile {
  readonly #path: string;
  readonly #pool: Pool;
  #fd: number | null = null;
  #closing: Promise<void> = Promise.resolve();
  #isWriting = false;
  #isIdle = false;

  constructor(path: string, pool: Pool) {
    this.#path = path;
    this.#pool = pool;
  }

  async append(text: string): Promise<void> {
    await this.#closing;
    this.#isWriting = true;
    this.#isIdle = false;
    let isDone = false;
    try {
      // What somebody removed would take lines that nobody ever reads. The system answers from memory: a microsecond.
      if (this.#fd !== null && fstatSync(this.#fd).nlink === 0) await this.close();
      const fd = (this.#fd ??= await opened(this.#path, 'a', 0o600));
      let bytes: Uint8Array = Buffer.from(text);
      while (bytes.length > 0) bytes = bytes.subarray(await writeTo(fd, bytes));
      isDone = true;
    } finally {
      this.#isWriting = false;
      if (!isDone || !this.#pool.keep(this)) await this.close();
    }
  }

  close(): Promise<void> {
    this.#pool.drop(this);
    const fd = this.#fd;
    this.#fd = null;
    return fd === null ? this.#closing : (this.#closing = this.#closing.then(() => closed(fd)));
  }

  /** Closes it if nothing was written to it since the last time. */
  look(): void {
    if (this.#isWriting) return;
    // Whoever writes next is told what went wrong.
    if (this.#isIdle) this.close().catch(() => undefined);
    this.#isIdle = true;
  }
}

class Pool implements OpenFiles {
  readonly #most: number;
  readonly #idleMs: number;
  readonly #kept = new Set<KeptFile>();
  #looking: NodeJS.Timeout | null = null;

  constructor(options: { most: number; idleMs: number }) {
    this.#most = options.most;
    this.#idleMs = options.idleMs;
  }

  get kept(): number {
    return this.#kept.size;
  }

  at(path: string): AppendedFile {
    return new KeptFile(path, this);
  }

  /**
   * Nobody has to go for another one: many who write in turn would each be closed just before their next line.
   *
   * @returns whether there is room.
   */
  keep(file: KeptFile): boolean {
    if (this.#kept.has(file)) return true;
    if (this.#kept.size >= this.#most) return false;
    this.#kept.add(file);
    this.#looking ??= setInterval(() => {
      for (const one of this.#kept) one.look();
    }, this.#idleMs).unref();
    return true;
  }

  drop(file: KeptFile): void {
    this.#kept.delete(file);
    if (this.#kept.size > 0 || this.#looking === null) return;
    clearInterval(this.#looking);
    this.#looking = null;
  }
}

export const createOpenFiles = (options = { most: MOST_KEPT_OPEN, idleMs: IDLE_MS }): OpenFiles => new Pool(options);

/** The one of the process. */
export const OPEN_FILES = createOpenFiles();
