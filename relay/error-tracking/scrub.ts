/**
 * What of an error may leave for a service outside: a list, as for the log, and stricter. Whatever
 * the reporter gathered besides is dropped, and words that an error quotes are blotted out, because
 * they may be somebody's. Knows shapes, not who sends them.
 */
import type { ErrorEvent, NodeOptions } from '@sentry/node';
import { scrub } from '../log.ts';

const LONGEST_MESSAGE = 200;

/** Ids that name things and grant nothing, and codes. */
export const TAGS = [
  'event',
  'session',
  'tenant',
  'turn',
  'response',
  'instance',
  'request',
  'code',
  'status',
] as const;
/** An id or a code; of `event`, a short sentence of ours. */
const ID = /^[\w.:/-]{1,80}$/;
const SENTENCE = /^[A-Za-z'’,:;. -]{1,80}$/;

const QUOTED = /(['"`“‘«])(?:\\.|(?!\1)[^\\])*['"`”’»]/gs;
/** What the engine says of code: the name is the program's, not a user's. */
const NAMED_BY_ENGINE = /\((?:reading|setting) '[\w$]{1,60}'\)/;
const URLS = /\b[a-z][a-z0-9+.-]*:\/\/\S+/gi;
const MAILS = /[^\s@<>"']+@[^\s@<>"']+\.[a-z]{2,}/gi;
const IPV4 = /\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?/g;
const IPV6 = /(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])/gi;

/** Takes out of an error's message what may be somebody's: quotations, addresses, names of people, credentials. */
export function scrubMessage(text: string): string {
  const named = NAMED_BY_ENGINE.exec(text)?.[0];
  const clean = scrub(text)
    .replace(QUOTED, '[…]')
    .replace(URLS, '[url]')
    .replace(MAILS, '[mail]')
    .replace(IPV4, '[address]')
    .replace(IPV6, '[address]');
  const whole = named === undefined ? clean : clean.replace(/\((?:reading|setting) \[…\]\)/, named);
  return whole.length > LONGEST_MESSAGE ? `${whole.slice(0, LONGEST_MESSAGE)}…` : whole;
}

/** Where in the program, without where on the machine. */
function placeOf(file: string | undefined): string | undefined {
  if (file === undefined || file.startsWith('node:')) return file;
  const path = file.replaceAll('\\', '/');
  const below = /(?:^|\/)((?:node_modules|dist\/relay|relay|dist)\/.*)$/.exec(path)?.[1];
  return below ?? path.slice(path.lastIndexOf('/') + 1);
}

function tagsOf(tags: ErrorEvent['tags']): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of TAGS) {
    const value = tags?.[name];
    const text = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
    if ((name === 'event' ? SENTENCE : ID).test(text)) kept[name] = scrub(text);
  }
  return kept;
}

type Exception = NonNullable<NonNullable<ErrorEvent['exception']>['values']>[number];

function exceptionOf({ type, value, mechanism, stacktrace }: Exception): Exception {
  return {
    ...(type !== undefined && { type: scrubMessage(type) }),
    ...(value !== undefined && { value: scrubMessage(value) }),
    ...(mechanism !== undefined && { mechanism: { type: mechanism.type, handled: mechanism.handled ?? true } }),
    ...(stacktrace?.frames !== undefined && {
      stacktrace: {
        frames: stacktrace.frames.map(({ filename, function: name, lineno, colno, in_app }) => {
          const place = placeOf(filename);
          return {
            ...(place !== undefined && { filename: place }),
            ...(name !== undefined && { function: name }),
            ...(lineno !== undefined && { lineno }),
            ...(colno !== undefined && { colno }),
            ...(in_app !== undefined && { in_app }),
          };
        }),
      },
    }),
  };
}

/** A new event of what is on the list; nothing else of the given one is in it. */
export function scrubEvent(event: ErrorEvent): ErrorEvent {
  const { event_id, timestamp, level, release, environment, platform, sdk, exception } = event;
  const clean: ErrorEvent = {
    type: undefined,
    ...(event_id !== undefined && { event_id }),
    ...(timestamp !== undefined && { timestamp }),
    ...(level !== undefined && { level }),
    ...(release !== undefined && { release }),
    ...(environment !== undefined && { environment }),
    ...(platform !== undefined && { platform }),
    ...(sdk?.name !== undefined && { sdk: { name: sdk.name, version: sdk.version ?? '' } }),
    exception: { values: (exception?.values ?? []).map(exceptionOf) },
    tags: tagsOf(event.tags),
    contexts: { runtime: { name: 'node', version: process.version } },
  };
  return clean;
}

/** Of a span's attributes: numbers, flags and ids. */
const ATTRIBUTE = /^(vjj\.|sentry\.(op|origin|source|sample_rate|release|environment|segment\.))/;

type Span = Parameters<NonNullable<NodeOptions['beforeSendSpan']>>[0];

/** The same span with what is on the list; in place, because whoever sends it keeps it. */
export function scrubSpan(span: Span): Span {
  span.name = scrubMessage(span.name);
  for (const [name, value] of Object.entries(span.attributes)) {
    const isPlain =
      typeof value === 'number' || typeof value === 'boolean' || (typeof value === 'string' && ID.test(value));
    if (!ATTRIBUTE.test(name) || !isPlain) Reflect.deleteProperty(span.attributes, name);
    else if (typeof value === 'string') span.attributes[name] = scrub(value);
  }
  delete span.links;
  return span;
}
