export function composeCommand(): string[] | undefined;
