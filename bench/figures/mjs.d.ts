/** Types of the parts that also run as processes of their own, without a loader. */
declare module '*/percentiles.mjs' {
  export function percentile(values: number[], p: number): number;
  export function machine(): string;
  export function row(what: string, values: number[], unit?: string): string;
}
declare module '*/base64-leg.mjs' {
  import type { WebSocket } from 'ws';
  export function wrap(target: WebSocket): WebSocket;
}
