export const WEBKIT_PACKAGES: string[];
export function findWebKit(): string | undefined;
