/**
 * What a page remembers for the widget: in the tab, in the browser, or not at all. A browser that
 * blocks storage is one that remembers nothing; that is never an error.
 */
export type Storage = 'session' | 'local' | 'none';

const PREFIX = 'voice-jib-jab:';
/** Under which name the chosen devices are kept. */
export const DEVICES = 'devices';

export function keep(where: Storage, key: string, value: string): void {
  touch(where, (store) => store.setItem(PREFIX + key, value));
}

export function recall(where: Storage, key: string): string | null {
  return touch(where, (store) => store.getItem(PREFIX + key)) ?? null;
}

/** From wherever it may have been kept. */
export function forget(key: string): void {
  for (const where of ['session', 'local'] as const) touch(where, (store) => store.removeItem(PREFIX + key));
}

function touch<T>(where: Storage, use: (store: globalThis.Storage) => T): T | undefined {
  if (where === 'none') return undefined;
  try {
    // Even the look at it throws where storage is blocked.
    return use(where === 'local' ? localStorage : sessionStorage);
  } catch {
    return undefined;
  }
}
