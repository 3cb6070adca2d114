/**
 * Where the console is: a page, of a tenant, about something. Kept in the address behind `#`, so
 * that links, reload and the back button work without the server. Pure.
 */
export const PAGES = [
  'overview',
  'assistant',
  'origins',
  'keys',
  'sessions',
  'usage',
  'webhooks',
  'people',
  'audit',
  'settings',
] as const;
export type PageName = (typeof PAGES)[number];

/** What pages are called, in the rail and in the window's title. */
export const PAGE_NAMES: Record<PageName | 'operations' | 'tenants' | 'relay' | 'account', string> = {
  overview: 'Overview',
  assistant: 'Assistant',
  origins: 'Origins',
  keys: 'Keys',
  sessions: 'Sessions',
  usage: 'Usage',
  webhooks: 'Webhooks',
  people: 'People',
  audit: 'Audit',
  settings: 'Settings',
  operations: 'Operations',
  tenants: 'Tenants',
  relay: 'Relay',
  account: 'Account',
};

const ALONE = ['operations', 'tenants', 'relay', 'account'] as const;

/** `operations`, `tenants` and `relay` are the operator's and belong to no tenant. */
export type Place =
  { page: PageName; tenant: string; id?: string } | { page: (typeof ALONE)[number] } | { page: 'start' };

const isAlone = (text: string | undefined): text is (typeof ALONE)[number] =>
  (ALONE as readonly string[]).includes(text ?? '');
const isPage = (text: string | undefined): text is PageName => (PAGES as readonly string[]).includes(text ?? '');

/** @param hash - As `location.hash`; anything unknown is the start. */
export function placeOf(hash: string): Place {
  let parts: string[];
  try {
    parts = hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);
  } catch {
    return { page: 'start' };
  }
  const [first, page, id] = parts;
  if (isAlone(first)) return { page: first };
  if (first?.startsWith('ten_') !== true) return { page: 'start' };
  if (!isPage(page)) return { page: 'overview', tenant: first };
  return { page, tenant: first, ...(id !== undefined && id !== '' && { id }) };
}

/** The address of a place, for a link. */
export function hashOf(place: Place): string {
  if (!('tenant' in place)) return place.page === 'start' ? '#/' : `#/${place.page}`;
  const parts = [place.tenant, place.page, ...(place.id === undefined ? [] : [place.id])];
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}

/** The secret of a one-time link that opened the page, if one did. */
export function linkOf(hash: string): string | undefined {
  return /^#link=([\w-]{20,200})$/.exec(hash)?.[1];
}
