/**
 * `/api/demo/knobs`: the arbiter's knobs of the demo tenant's assistant, for the demo page of a developer's
 * own relay. It is mounted where there is a demo tenant, which production has not, touches no other tenant,
 * and takes changes from pages of that tenant alone. A change holds from the next call on.
 */
import { Hono } from 'hono';
import * as v from 'valibot';
import { RelayError } from '../errors.ts';
import { DEMO } from '../tenants/demo.ts';
import type { Directory } from '../tenants/directory.ts';
import type { Assistant } from '../tenants/tenant.ts';
import { knobProblems } from './admin/assistants.ts';
import { Lanes } from './api/assistants.ts';
import type { AnswerOf } from './api/routes.ts';
import { checkedBody, fieldProblems, smallBody } from './checked-body.ts';
import type { RelayEnv } from './request-env.ts';

export interface DemoDeps {
  directory: Pick<Directory, 'byPublishableKey' | 'allowsOrigin' | 'assistant' | 'changeAssistant'>;
  /** All knobs among them, with what the relay has. */
  choices: AnswerOf<'choices'>;
}

/** Null puts the relay's own value back. */
const Change = v.record(v.string(), v.nullable(v.union([v.number(), v.string(), v.boolean()])));

export function demoRoutes({ directory, choices }: DemoDeps) {
  async function demo(): Promise<{ tenant: string; assistant: Assistant }> {
    const tenant = await directory.byPublishableKey(DEMO.publishableKey);
    const assistant = tenant?.status === 'active' ? await directory.assistant(tenant.id) : undefined;
    if (tenant === undefined || assistant === undefined) throw new RelayError('not-found', 'there is no demo tenant');
    return { tenant: tenant.id, assistant };
  }
  const answer = ({ lanes }: Assistant) => ({
    knobs: choices.knobs.map((knob) => ({ ...knob, own: (lanes as Record<string, unknown>)[knob.name] ?? null })),
  });
  return new Hono<RelayEnv>()
    .get('/knobs', async (c) => c.json(answer((await demo()).assistant)))
    .patch('/knobs', smallBody(8_192), checkedBody(Change), async (c) => {
      const { tenant, assistant } = await demo();
      const origin = c.req.header('origin');
      if (origin === undefined || !(await directory.allowsOrigin(tenant, origin)))
        throw new RelayError('origin-refused', 'not a page of the demo tenant');
      const lanes: Record<string, unknown> = { ...assistant.lanes };
      for (const [name, value] of Object.entries(c.req.valid('json'))) {
        if (value === null) delete lanes[name];
        else lanes[name] = value;
      }
      const read = v.safeParse(Lanes, lanes);
      const problems = read.success
        ? knobProblems({ ...assistant, lanes }, choices)
        : fieldProblems(read.issues, 'lanes');
      if (problems.length > 0) throw new RelayError('bad-request', 'a knob is wrong', { problems });
      return c.json(answer(await directory.changeAssistant(tenant, { lanes }, assistant.id)));
    });
}
