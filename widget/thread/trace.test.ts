import { expect, it } from 'vitest';
import { COLUMNS, FLAT, Trace } from './trace.ts';

const loud = new Float32Array([0.5, -0.5]);
const silence = new Float32Array(2);
/** How far a path leaves the middle. */
const swing = (path: string) =>
  Math.max(0, ...[...path.matchAll(/-?[\d.]+ (-?[\d.]+)/g)].map(([, y]) => Math.abs(Number(y) - 24)));

it('is one flat line while nobody is heard', () => {
  const trace = new Trace();
  for (let column = 0; column < COLUMNS; column += 1) trace.push(silence, silence);
  const { rest, user, agent } = trace.paths(0.4);
  expect([swing(rest), user, agent]).toEqual([0, '', '']);
  expect(FLAT.user + FLAT.agent).toBe('');
});

it('carries each voice in its own path', () => {
  const trace = new Trace();
  trace.push(loud, silence);
  expect(swing(trace.paths(0).user)).toBeGreaterThan(10);
  trace.push(silence, loud);
  const { user, agent } = trace.paths(0);
  expect([swing(user) > 10, swing(agent) > 10]).toEqual([true, true]);
});

it('shows the true peak, upwards and downwards in turn', () => {
  const trace = new Trace();
  const uneven = new Float32Array([0.81, -0.09]);
  trace.push(uneven, silence);
  trace.push(uneven, silence);
  const ys = trace
    .paths(0)
    .user.split('C')
    .slice(1)
    .map((curve) => Number(curve.split(' ').at(-1)));
  expect(ys).toEqual([24 - 0.9 * 21, 24 + 0.3 * 21].map((y) => Math.round(y * 10) / 10));
});

it('breaks where something was cut, and moves the break along', () => {
  const trace = new Trace();
  trace.push(silence, loud);
  trace.cut();
  const lines = (path: string) => path.split('M').length - 1;
  expect(lines(trace.paths(0).rest)).toBe(1);
  trace.push(silence, silence);
  expect(lines(trace.paths(0).rest)).toBe(2);
});

it('settles until it is flat, and then says so', () => {
  const trace = new Trace();
  trace.push(loud, silence);
  expect(trace.relax(0.5)).toBe(true);
  let steps = 0;
  while (trace.relax(0.5)) steps += 1;
  expect(steps).toBeLessThan(10);
  expect(trace.paths(0).user).toBe('');
});

it('is taut where no swing is wanted', () => {
  const trace = new Trace();
  trace.push(loud, silence);
  expect(swing(trace.paths(0, 0).user)).toBe(0);
});
