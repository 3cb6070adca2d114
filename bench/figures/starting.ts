/** Loading, opening and starting, as a part of the bench. */
import { measurePageCosts, type PageCost } from './page-cost.ts';
import { figure, judge, median, spread, table, type Part } from './part.ts';
import { LONGEST_CLICK_MS, LONGEST_TASK_MS, PHASES, measureStart, type LongestTasks, type Phase } from './start.ts';
import { percentile } from '../load/percentile.ts';

/** What is the widget's doing. */
const OURS = ['load', 'open', 'call'] as const;

export const starting: Part = async ({ isQuick, progress }) => {
  progress('a page with and without the widget');
  const costs = await measurePageCosts(isQuick ? { rounds: 2, clicks: 2 } : { rounds: 8, clicks: 8 });
  progress('tasks of the main thread, and clicks');
  const start = await measureStart(
    isQuick ? { rounds: 2, clicks: 2, firsts: 1 } : { rounds: 20, clicks: 30, firsts: 5 },
  );
  const { tasks, first, click } = start;
  const middle = (all: readonly PageCost[], of: (one: PageCost) => number, digits = 0) =>
    figure(median(all.map(of)), digits);
  const shares = [0.5, 0.95];
  const longest = (of: readonly LongestTasks[], phase: Phase, kind: 'cpuMs' | 'wallMs') =>
    of.flatMap((one) => one[phase]?.[kind] ?? []);
  const taskRow = (title: string, of: readonly LongestTasks[], phase: Phase) => {
    const cpu = longest(of, phase, 'cpuMs');
    return [title, spread(cpu, shares), spread(longest(of, phase, 'wallMs'), shares), cpu.length];
  };
  const row = (what: string, of: (one: PageCost) => number, digits = 0) => [
    what,
    middle(costs.bare, of, digits),
    middle(costs.widget, of, digits),
  ];
  return {
    markdown: [
      `A page at a fourth of the processor’s speed, from navigation to rest; the middle of ${costs.bare.length}, with and without the widget in turns.`,
      table(
        ['a page', 'without', 'with the widget'],
        [
          row('main thread busy, ms', ({ taskMs }) => taskMs),
          row('… with scripts, ms', ({ scriptMs }) => scriptMs, 1),
          row('… with style and layout, ms', ({ layoutMs }) => layoutMs, 1),
          row('end of `load`, ms', ({ loadMs }) => loadMs),
          row('heap, kB', ({ heapKb }) => heapKb),
          row('requests', ({ requests }) => requests),
          row('bytes over the wire', ({ bytes }) => bytes),
        ],
      ),
      table(
        [
          'longest task of the main thread, at a fourth of the speed',
          'processor p50 / p95, ms',
          'wall p50 / p95, ms',
          'n',
        ],
        [
          ...([...OURS, 'bare'] as const).map((phase) => taskRow(PHASES[phase], tasks, phase)),
          taskRow(
            `the first of a browser: ${PHASES.bare}`,
            first.map(({ bare }) => bare),
            'bare',
          ),
          taskRow(
            `the first of a browser: ${PHASES.call}`,
            first.map(({ call }) => call),
            'call',
          ),
        ],
      ),
      'The first context of a browser starts its sound; that one task is the browser’s own, and also an empty page has it.',
      table(
        ['at full speed, microphone granted', 'p50 / p95, ms', 'n'],
        [
          ['click → microphone recorded, nothing fetched before', spread(click.cold, shares), click.cold.length],
          ['click → microphone recorded, after `preload()`', spread(click.warm, shares), click.warm.length],
          [
            'click → microphone and worklet in an empty page without the widget',
            spread(click.bare, shares),
            click.bare.length,
          ],
          [
            'click → session ready, nothing fetched before',
            spread(costs.readyMs.cold, shares),
            costs.readyMs.cold.length,
          ],
          ['click → session ready, after `preload()`', spread(costs.readyMs.warm, shares), costs.readyMs.warm.length],
        ],
      ),
    ],
    targets: [
      ...OURS.map((phase) =>
        judge(
          `longest task, ${PHASES[phase]}, 4× throttle, p95`,
          percentile(longest(tasks, phase, 'cpuMs'), 0.95),
          LONGEST_TASK_MS,
          { unit: ' ms' },
        ),
      ),
      judge('click → microphone, after `preload()`, p95', percentile(click.warm, 0.95), LONGEST_CLICK_MS, {
        unit: ' ms',
      }),
      judge('click → microphone, nothing fetched before, p95', percentile(click.cold, 0.95), LONGEST_CLICK_MS, {
        unit: ' ms',
      }),
    ],
    plots: [],
    notMeasured: ['A network between page and relay: scripts come over loopback. Phones.'],
    json: { costs, start },
  };
};
