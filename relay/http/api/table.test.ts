import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pathOf, ROUTES } from './routes.ts';
import { routeTable } from './table.ts';

describe('the table of routes', () => {
  it('is the one in docs/api.md', () => {
    const doc = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8');
    const words = (text: string) => text.replaceAll(/ {2,}|-{4,}/g, (run) => (run.startsWith('-') ? '---' : ' '));
    expect(words(doc)).toContain(words(routeTable()));
  });

  it('names each route once', () => {
    const routes = Object.values(ROUTES).map(({ method, path }) => `${method} ${path.replaceAll(/:\w+/g, ':x')}`);
    expect(new Set(routes).size).toBe(routes.length);
  });

  it('fills paths in, and says what is missing', () => {
    expect(pathOf('session', { tenant: 'ten_1', session: 'a/b' })).toBe('/api/admin/tenants/ten_1/sessions/a%2Fb');
    expect(() => pathOf('session', { tenant: 'ten_1' })).toThrow('session needs session');
  });
});
