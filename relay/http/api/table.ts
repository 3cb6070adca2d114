/** The table of routes for people, in Markdown: what docs/api.md holds. */
import { ROUTES, type RouteSpec } from './routes.ts';

const WHO = {
  anyone: 'anyone',
  'signed-in': 'whoever is signed in',
  viewer: 'viewer',
  admin: 'admin',
  operator: 'operator',
} as const;

/** A row a route, in the order of the table. */
export function routeTable(): string {
  const rows = Object.entries(ROUTES as Record<string, RouteSpec>).map(
    ([name, { method, path, access, summary, etag }]) => {
      const tag =
        etag === undefined ? '' : { given: ' (ETag)', asked: ' (If-Match)', required: ' (If-Match, needed)' }[etag];
      return `| \`${method}\` | \`${path}\` | ${WHO[access]} | ${summary}${tag} | \`${name}\` |`;
    },
  );
  return ['| method | path below `/api/admin` | who | what | name |', '| --- | --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
}
