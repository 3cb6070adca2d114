/** The W3C header by which a request says of which trace it is part. What is malformed is as if it were absent. */

export interface RemoteParent {
  traceId: string;
  spanId: string;
  traceFlags: number;
}

const SHAPE = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** @see https://www.w3.org/TR/trace-context/#traceparent-header */
export function readTraceparent(header: string | undefined): RemoteParent | undefined {
  const [, version, traceId, spanId, flags, more] = SHAPE.exec(header?.trim() ?? '') ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  // Later versions may add to it; this one may not.
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1 };
}
