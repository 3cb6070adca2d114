/** Every scenario, in the order in which they are run. */
import { ask, converse, leave } from '../page.ts';
import type { Scenario } from '../scenario.ts';
import { DOOR } from './door.ts';
import { FRAMES } from './frames.ts';
import { LIMITS } from './limits.ts';
import { RESUME } from './resume.ts';
import { STORES } from './stores.ts';
import { TALK } from './talk.ts';
import { UPSTREAM } from './upstream.ts';

/** What is loaded, connected and cached once is so afterwards. */
export const WARM_UP: Scenario = {
  name: 'warm-up',
  promises: 'both instances answer',
  async run({ a, b, tenant }, { check }) {
    const { origin, token } = await tenant();
    for (const door of [a, b, a, b]) {
      const page = await converse(door, { token: token(), origin });
      check.same('outcome', (await ask(page, 'Hello.')).outcome, 'answered');
      await leave([page]);
    }
  },
};

export const SCENARIOS: readonly Scenario[] = [
  ...DOOR,
  ...LIMITS,
  ...FRAMES,
  ...UPSTREAM,
  ...RESUME,
  ...STORES,
  ...TALK,
];
