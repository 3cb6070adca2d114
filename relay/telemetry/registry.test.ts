import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAULTS } from '../errors.ts';
import { CLOSE } from '#wire';
import { virtualClock } from '../testing/virtual-clock.ts';
import { createMetricsObserver } from './metrics-observer.ts';
import {
  ADMISSIONS,
  CLOSE_CODES,
  METRICS,
  MOST_TENANTS,
  OTHER,
  type MetricName,
  type MetricRow,
} from './metric-table.ts';
import { createMetrics, type SetGauge } from './registry.ts';
import { lintExposition, readExposition } from './testing/exposition.ts';

const names = Object.keys(METRICS) as MetricName[];
const make = (more: Partial<Parameters<typeof createMetrics>[0]> = {}) =>
  createMetrics({ isPerTenant: true, hasProcess: false, collect: () => undefined, ...more });

describe('the table of metrics', () => {
  it('names each by what it counts and in which unit', () => {
    for (const [name, row] of Object.entries(METRICS) as [string, MetricRow][]) {
      expect(name).toMatch(/^vjj_[a-z_]+$/);
      expect(row.means).toMatch(/^[A-Z0-9].*\.$/);
      if (row.kind === 'counter') expect(name).toMatch(/_total$/);
      if (row.kind === 'histogram') {
        expect(name).toMatch(/_seconds$/);
        expect([...row.buckets].sort((a, b) => a - b)).toEqual(row.buckets);
      }
      for (const label of Object.keys(row.labels ?? {})) expect(label).toMatch(/^[a-z]+$/);
    }
  });

  it('knows every close code and every fault of the door', () => {
    for (const code of Object.values(CLOSE)) expect(CLOSE_CODES).toContain(String(code));
    for (const result of ADMISSIONS) {
      if (result !== 'ok' && result !== OTHER) expect(Object.keys(FAULTS)).toContain(result);
    }
  });
});

describe('the registry', () => {
  it('tells every row with its meaning and type, and series of known labels from the start', async () => {
    const text = await make().render();
    expect(lintExposition(text)).toEqual([]);
    const { types, samples } = readExposition(text);
    for (const name of names) expect(types.get(name)).toBe(METRICS[name].kind);
    expect(samples.find(({ id }) => id === 'vjj_kills_total{cause="interrupt"}')?.value).toBe(0);
    expect(samples.find(({ id }) => id === 'vjj_first_audible_seconds_count{lane="B"}')?.value).toBe(0);
  });

  it('counts, times and asks for gauges at each look', async () => {
    let sessions = 3;
    const metrics = make({ collect: (set) => set('vjj_sessions', sessions, { state: 'live' }) });
    metrics.count('vjj_turns_total', { outcome: 'answered' });
    metrics.count('vjj_turns_total', { outcome: 'answered' }, 2);
    metrics.time('vjj_first_audible_seconds', 0.25, { lane: 'B' });
    const valueOf = async (id: string) =>
      readExposition(await metrics.render()).samples.find((one) => one.id === id)?.value;
    expect(await valueOf('vjj_turns_total{outcome="answered"}')).toBe(3);
    expect(await valueOf('vjj_first_audible_seconds_bucket{le="0.25",lane="B"}')).toBe(1);
    expect(await valueOf('vjj_first_audible_seconds_bucket{le="0.2",lane="B"}')).toBe(0);
    expect(await valueOf('vjj_sessions{state="live"}')).toBe(3);
    sessions = 0;
    expect(await valueOf('vjj_sessions{state="live"}')).toBe(0);
  });

  it('takes no value that is not a number, and no label that the table does not allow', async () => {
    const metrics = make();
    metrics.put('vjj_turns_total', { outcome: 'invented' }, 1);
    metrics.put('vjj_turns_total', {}, 1);
    metrics.put('vjj_ear_seconds', {}, Number.NaN);
    metrics.put('vjj_ear_seconds', {}, Infinity);
    metrics.put('vjj_passed_on_total', {}, -5);
    metrics.put('vjj_sessions_ended_total', { code: '77' }, 1);
    const text = await metrics.render();
    expect(text).not.toMatch(/invented|NaN|Infinity/);
    const { samples } = readExposition(text);
    expect(samples.find(({ id }) => id === 'vjj_sessions_ended_total{code="other"}')?.value).toBe(1);
    expect(samples.find(({ id }) => id === 'vjj_ear_seconds_count')?.value).toBe(0);
    expect(samples.find(({ id }) => id === 'vjj_passed_on_total')?.value).toBe(0);
  });

  it('leaves tenants out where it is told to', async () => {
    const metrics = make({ isPerTenant: false });
    metrics.count('vjj_tenant_turns_total', { tenant: 'ten_1', outcome: 'answered' });
    metrics.forget('vjj_tenant_turns_total', 'tenant', 'ten_1');
    expect(await metrics.render()).not.toMatch(/tenant/);
  });

  it('tells of the process, too', async () => {
    const text = await make({ hasProcess: true }).render();
    expect(text).toMatch(/^process_resident_memory_bytes \d+/m);
    expect(lintExposition(text)).toEqual([]);
  });

  it('never has more series than the table allows, whatever it is handed', async () => {
    const value = fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.integer({ min: 0, max: 400 }).map((n) => `v${n}`),
    );
    const put = fc.tuple(
      fc.constantFrom(...names),
      fc.dictionary(
        fc.constantFrom('tenant', 'outcome', 'route', 'code', 'provider', 'version', 'lane', 'foreign'),
        value,
      ),
      fc.double(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(put, { minLength: 50, maxLength: 300 }), async (puts) => {
        const sets: Parameters<SetGauge>[] = [];
        const metrics = make({ collect: (set) => sets.forEach((one) => set(...one)) });
        for (const [name, labels, number] of puts) {
          if (METRICS[name].kind === 'gauge') sets.push([name as 'vjj_instances', number, labels as never]);
          else metrics.put(name, labels, number);
        }
        const { values } = readExposition(await metrics.render());
        for (const name of names) {
          const { labels = {} } = METRICS[name] as MetricRow;
          for (const [label, allowed] of Object.entries(labels)) {
            const used = values(name, label);
            if (Array.isArray(allowed)) expect(allowed).toEqual(expect.arrayContaining([...used]));
            else expect(used.size).toBeLessThanOrEqual((allowed as { most: number }).most);
          }
        }
        expect(values('vjj_turns_total', 'foreign').size).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  it('has a route of its own for at most so many paths', async () => {
    const metrics = make();
    for (let n = 0; n < 400; n++) metrics.time('vjj_http_request_seconds', 0.01, { route: `/r${n}` });
    const routes = readExposition(await metrics.render()).values('vjj_http_request_seconds', 'route');
    expect(routes.size).toBe(METRICS.vjj_http_request_seconds.labels.route.most);
    expect(routes).toContain(OTHER);
  });
});

describe('tenants', () => {
  it('have a label of their own up to a bound, first come, first served, and give it up after an hour', async () => {
    const clock = virtualClock();
    const metrics = make();
    const observer = createMetricsObserver({ clock, metrics });
    for (let n = 0; n < MOST_TENANTS + 50; n++) observer.billed(`ten_${n}`, 10);
    const tenants = async () =>
      readExposition(await metrics.render()).values('vjj_tenant_cost_microdollars_total', 'tenant');
    let seen = await tenants();
    expect(seen.size).toBe(MOST_TENANTS + 1);
    expect(seen).toContain('ten_0');
    expect(seen).not.toContain(`ten_${MOST_TENANTS + 10}`);
    clock.advance(3_600_000);
    observer.billed('ten_0', 10);
    observer.billed('ten_new', 10);
    seen = await tenants();
    expect(seen).toContain('ten_0');
    expect(seen).toContain('ten_new');
    expect(seen).not.toContain('ten_1');
    expect(seen.size).toBe(MOST_TENANTS + 1);
  });
});
