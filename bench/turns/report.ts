/** The figures as lines that a person reads. Pure. */
import type { Figures, Row } from './measure.ts';
import type { Trace } from './trace.ts';

const digits = (row: Row) => (Number.isNaN(row.value) ? '–' : row.value.toFixed(row.unit === '' ? 0 : 1));

function targetOf({ target, isMet }: Row): string {
  if (target === null) return '';
  const wanted = `${target.is === 'at least' ? '≥' : target.is === 'at most' ? '≤' : '='} ${target.value}`;
  const verdict = isMet === null ? 'not measured' : isMet ? 'met' : 'MISSED';
  return `${wanted.padEnd(6)} ${verdict}`;
}

/** Echo conversations by how much of the agent comes back: what the detector makes of it. */
export function echoLines(traces: readonly Trace[]): string[] {
  const echoes = traces.filter(({ plan, failure }) => plan.group === 'echo' && failure === null);
  const levels = [...new Set(echoes.map(({ plan }) => plan.echo?.couplingDb ?? 0))].sort((a, b) => a - b);
  return levels.map((level) => {
    const some = echoes.filter(({ plan }) => plan.echo?.couplingDb === level);
    const pauses = some.reduce((sum, trace) => sum + trace.pauses.length, 0);
    const kills = some.reduce(
      (sum, trace) => sum + trace.decisions.filter(({ is, cause }) => is === 'kill' && cause !== 'ended').length,
      0,
    );
    return `  echo ${level} dB: ${pauses} pauses, ${kills} kills in ${some.length} conversations`;
  });
}

export function reportLines(figures: Figures, traces: readonly Trace[]): string[] {
  const lines = figures.rows.map((row) =>
    `${row.name.padEnd(58)} ${`${digits(row)} ${row.unit}`.padStart(11)}  of ${String(row.of).padEnd(5)} ${targetOf(row)}`.trimEnd(),
  );
  lines.push(
    '',
    'Time to yield is from the onset of what the user says to the end of what the agent says, as τ-voice has it. Whether the',
    'pause was a kill is decided meanwhile, at the latest INTERRUPT_DECISION_MS (500) after an onset that goes on, or by words.',
  );
  lines.push('', 'false pauses by what was in the microphone:');
  for (const { because, count, perAgentMinute, costMs, lost } of figures.falsePauses) {
    const mean = count > lost ? (costMs / (count - lost)).toFixed(0) : '–';
    lines.push(
      `  ${because.padEnd(12)} ${String(count).padStart(4)}, ${perAgentMinute.toFixed(2)} a minute of the agent's voice, ` +
        `${mean} ms of silence each, ${lost} with the answer lost`,
    );
  }
  lines.push('', 'the agent alone with its echo, 9 s each:', ...echoLines(traces));
  for (const { plan, failure } of figures.failures) lines.push(`${plan} could not take place: ${failure}`);
  return lines;
}
