export function copyStaticFiles(target: string): string[];
