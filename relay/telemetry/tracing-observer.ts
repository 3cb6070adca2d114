/** Conversations as OpenTelemetry spans: carries out what the fold says, each with its own time. */
import {
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  type Context,
  type HrTime,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import type { Clock } from '../clock.ts';
import { NO_WATCH, type OpenedSession, type SessionObserver, type SessionWatch } from './observer.ts';
import { isPlain, type Seen } from './seen.ts';
import { NO_SPANS, spans } from './spans.ts';
import { readTraceparent } from './traceparent.ts';

export function createTracingObserver({ clock, tracer }: { clock: Clock; tracer: Tracer }): SessionObserver {
  function open(session: OpenedSession): SessionWatch {
    const living = new Map<number, Span>();
    const wallOffset = clock.wallNow() - clock.now();
    const timeOf = (at: number): HrTime => {
      const ms = at + wallOffset;
      const s = Math.floor(ms / 1000);
      return [s, Math.round((ms - s * 1000) * 1e6)];
    };
    let memory = NO_SPANS;

    function parentOf(key: number | null): Context {
      const span = key === null ? undefined : living.get(key);
      if (span !== undefined) return trace.setSpan(ROOT_CONTEXT, span);
      const remote = key === null ? readTraceparent(session.traceparent) : undefined;
      return remote === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true });
    }

    function see(seen: Seen): void {
      const { memory: next, ops } = spans(memory, seen);
      memory = next;
      for (const op of ops) {
        if (op.is === 'start') {
          const own = op.name === 'session' ? identity(session) : op.attributes;
          const options = { startTime: timeOf(op.at), attributes: own };
          living.set(op.key, tracer.startSpan(op.name, options, parentOf(op.parent)));
          continue;
        }
        const span = living.get(op.key);
        living.delete(op.key);
        span?.setAttributes(op.attributes);
        if (op.isError) span?.setStatus({ code: SpanStatusCode.ERROR });
        span?.end(timeOf(op.at));
      }
    }

    see({ is: 'opened', at: clock.now() });
    return {
      ...NO_WATCH,
      step(event, effects, before) {
        if (!isPlain(event, effects)) see({ is: 'step', event, effects, before, at: clock.now() });
      },
      ended: (code) => see({ is: 'ended', code, at: clock.now() }),
    };
  }
  return { open };
}

const identity = ({ id, tenant, assistant, model, isRestored }: OpenedSession) => ({
  'vjj.session': id,
  'vjj.tenant': tenant,
  'vjj.assistant': assistant.id,
  'vjj.assistant.version': assistant.version,
  'vjj.model': model,
  'vjj.restored': isRestored,
});
