export interface Alert {
  name: string;
  severity: 1 | 2 | 3 | 4;
  expr?: string;
  forS?: number;
  means: string;
  look: string;
  cloudwatch?: { of: string; above?: number; below?: number; whenSilent?: 'alarm'; means?: string };
}
export const JOB: string;
export const ALERTS: readonly Alert[];
export function described(alert: Pick<Alert, 'means' | 'look'>): string;
