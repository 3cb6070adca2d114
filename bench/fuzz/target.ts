/** What is tried, and how an input of it is made. An input is bytes, so that it can be kept in a file. */
import type { Random } from '../load/random.ts';

export interface Target {
  readonly name: string;
  /** Inputs that are right. */
  readonly corpus: readonly Buffer[];
  mutate(random: Random, input: Buffer): Buffer;
  /** @throws what is wrong, in words: something got through, was thrown, was told, or grew. */
  run(input: Buffer): void | Promise<void>;
}

export function claim(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}
