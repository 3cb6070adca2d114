export interface Health {
  command: string;
  retries: number;
  intervalS: number;
  timeoutS: number;
  startS: number;
}
export type Step =
  | { is: 'ENV'; values: Record<string, string> }
  | { is: 'COPY'; from: string | undefined; sources: string[]; to: string }
  | { is: 'RUN' | 'WORKDIR'; value: string };
export interface Stage {
  base: string;
  name: string | undefined;
  steps: Step[];
  user: string;
  stopSignal: NodeJS.Signals;
  health?: Health;
  command?: string[];
  port?: number;
  volume?: string;
}
export function parseDockerfile(text: string): Stage[];
export function ignoredBy(text: string): (path: string) => boolean;
