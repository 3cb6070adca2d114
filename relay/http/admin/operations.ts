/** What the operator sees of all instances, and the one thing to be done with one. */
import type { AnswerOf } from '../api/routes.ts';
import type { Handlers } from './ask.ts';

export interface OperationsDeps {
  operations: {
    view(): Promise<AnswerOf<'operations'>>;
    latencies(): Promise<AnswerOf<'latencies'>>;
    /** @returns whether it does now. */
    drain(instance: string): Promise<boolean>;
  };
}

export function operationsHandlers({
  operations,
}: OperationsDeps): Handlers<'operations' | 'latencies' | 'drainInstance'> {
  return {
    operations: () => operations.view(),
    latencies: () => operations.latencies(),
    async drainInstance({ params, change }) {
      const answer = { isDraining: await operations.drain(params.instance) };
      const what = { action: 'instance.drain', target: `instance:${params.instance}`, payload: answer };
      return change(what, () => Promise.resolve(answer));
    },
  };
}
