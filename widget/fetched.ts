/**
 * A part of the script that is fetched when it is first needed. Once it is here it is used at once,
 * within the same click; a fetch that failed is tried again by the next who asks.
 */
import { CallError } from './errors.ts';

export interface Fetched<T> {
  /** The part, if it has been fetched. */
  readonly here: T | undefined;
  /**
   * @throws {CallError} `NETWORK` when the page is offline; `PROTOCOL` otherwise: the relay has a newer script,
   *   and a reload brings it.
   */
  load(): Promise<T>;
}

export function fetched<T>(fetchPart: () => Promise<T>): Fetched<T> {
  let here: T | undefined;
  let coming: Promise<T> | undefined;
  return {
    get here() {
      return here;
    },
    load() {
      coming ??= fetchPart().then(
        (part) => (here = part),
        (cause: unknown) => {
          coming = undefined;
          const code = navigator.onLine ? 'PROTOCOL' : 'NETWORK';
          throw new CallError(code, 'a part of the script could not be fetched', { cause });
        },
      );
      return coming;
    },
  };
}
