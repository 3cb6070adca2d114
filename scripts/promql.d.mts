export interface Known {
  kind: 'counter' | 'gauge' | 'histogram';
  labels?: Readonly<Record<string, readonly string[] | object>>;
}
export function unknownIn(expr: string, metrics: Readonly<Record<string, Known>>): string[];
