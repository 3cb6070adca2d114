/** One scenario: a name, what it promises, and how that is tried. */
import type { Random } from '../load/random.ts';
import type { Checks } from './checks.ts';
import type { Stage } from './stage.ts';

export interface Scenario {
  /** Words with hyphens; `--only` takes it. */
  name: string;
  /** A sentence about the system. */
  promises: string;
  /** It is part of `npm test`. */
  isQuick?: boolean;
  /** In milliseconds; longer is a failure. 40 s by default. */
  withinMs?: number;
  run(stage: Stage, tools: { check: Checks; random: Random }): Promise<void>;
}
