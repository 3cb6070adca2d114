export function filled(text: string, parts: Readonly<Record<string, string>>): string;
export function generated(): Promise<Record<string, string>>;
