export function findFirefox(): string | undefined;
export function hasPulseAudio(): boolean;
export const FIREFOX_PREFS: Record<string, string | number | boolean>;
