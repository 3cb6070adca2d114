/**
 * Whether Postgres answers: asked every second on a connection of its own. A server that refuses is
 * told by the next query anyway; one that hangs is not, so what waits for it then is given up, and
 * nobody else begins to wait until it answers again.
 */
import pg from 'pg';

const ASK_EVERY_MS = 1_000;
/** An answer that takes longer counts as none, in milliseconds. */
const ANSWER_MS = 2_000;
/** So many in a row are a server that hangs, and not one that was busy for a moment. */
const MISSES = 2;

export interface Watch {
  readonly isUp: boolean;
  /** It takes connections and says nothing: whoever asks would wait. */
  readonly hangs: boolean;
  /** Told at each change of `isUp`. @returns what ends it. */
  onChange(listener: (isUp: boolean) => void): () => void;
  /** A query found that it is gone: looks at once. */
  suspect(): void;
  /** The same, and fails with `code` `ETIMEDOUT` when the server is found to hang. */
  guard<T>(work: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export function watchPostgres(connectionString: string): Watch {
  const listeners = new Set<(isUp: boolean) => void>();
  const waiting = new Set<(error: Error) => void>();
  let client: pg.Client | undefined;
  let isUp = true;
  let hangs = false;
  let misses = 0;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  let asking: Promise<void> | undefined;

  const hung = () => Object.assign(new Error('the database hangs'), { code: 'ETIMEDOUT' });

  function found(next: 'up' | 'gone' | 'hangs'): void {
    hangs = next === 'hangs';
    if (hangs) for (const fail of [...waiting]) fail(hung());
    if (isUp === (next === 'up') || isClosed) return;
    isUp = next === 'up';
    for (const listener of [...listeners]) listener(isUp);
  }

  async function connection(): Promise<pg.Client> {
    if (client !== undefined) return client;
    const fresh = new pg.Client({ connectionString, application_name: 'voice-jib-jab watch', keepAlive: true });
    client = fresh;
    fresh.on('error', () => drop(fresh));
    await fresh.connect();
    return fresh;
  }
  function drop(which: pg.Client | undefined): void {
    if (client === which) client = undefined;
    which?.end().catch(() => undefined);
  }

  async function ask(): Promise<void> {
    let late: NodeJS.Timeout | undefined;
    const patience = new Promise<'late'>((resolve) => {
      // An answer that is there counts, though this process was late to look.
      late = setTimeout(() => setImmediate(resolve, 'late'), ANSWER_MS);
    });
    const answer = connection()
      .then((on) => on.query('select 1'))
      .then(
        () => 'up' as const,
        () => 'gone' as const,
      );
    const result = await Promise.race([answer, patience]);
    clearTimeout(late);
    if (result === 'up') {
      misses = 0;
      found('up');
      return;
    }
    drop(client);
    if (result === 'gone') {
      misses = 0;
      found('gone');
      return;
    }
    misses += 1;
    if (misses >= MISSES) found('hangs');
  }

  function look(): void {
    if (isClosed) return;
    asking ??= ask().finally(() => {
      asking = undefined;
      clearTimeout(timer);
      // What hangs is asked again without a rest: the second answer that does not come tells.
      const restMs = misses > 0 && misses < MISSES ? 0 : ASK_EVERY_MS;
      if (!isClosed) timer = setTimeout(look, restMs).unref();
    });
  }
  timer = setTimeout(look, ASK_EVERY_MS).unref();

  return {
    get isUp() {
      return isUp;
    },
    get hangs() {
      return hangs;
    },
    onChange(listener) {
      const own = (now: boolean) => listener(now);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    suspect: look,
    guard(work) {
      if (hangs) return Promise.reject(hung());
      return new Promise((resolve, reject) => {
        waiting.add(reject);
        work.then(resolve, reject).finally(() => waiting.delete(reject));
      });
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      drop(client);
      await asking;
    },
  };
}
