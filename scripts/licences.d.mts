import type { Bill, Lock } from './sbom.mjs';

export const LICENCES_FILE: string;
export const ALLOWED: string[];
export function refused(bill: Bill, allowed?: string[]): string[];
export function licences(bill: Bill, lock: Lock, root: string): string;
export function licencesFile(root: string): Promise<string>;
