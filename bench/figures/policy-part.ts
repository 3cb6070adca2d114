/** What policy adds, as a part of the bench. */
import { figure, table, type Part } from './part.ts';
import { measurePolicy } from './policy.ts';

interface Row {
  wait: number;
  added: number;
  ratio: number;
  worst: number;
}

export const policyPart: Part = async ({ isQuick, rounds }) => {
  const { json } = await measurePolicy(rounds ?? (isQuick ? 2 : 8));
  const rows = Object.entries(json['policy'] as Record<string, Row>).map(([what, { wait, added, ratio, worst }]) => {
    const [, leadMs = '', setting = ''] = /^policy (\d+) (.*)$/.exec(what) ?? [];
    return [setting, leadMs, figure(wait, 0), figure(added), figure(ratio, 2), figure(worst)];
  });
  return {
    markdown: [
      'The same question in calls that differ in policy only, in turns; added and ratio to the first line of the group, in the same round. _Ahead_: how far the text of an answer is ahead of its sound.',
      table(['policy', 'ahead, ms', 'wait, ms', 'added, ms', 'ratio', 'added p95, ms'], rows),
    ],
    ...{ targets: [], plots: [], notMeasured: [], json },
  };
};
