/** With Sentry's own package: what it sends of a report is what it was given. */
import { expect, it } from 'vitest';
import * as sentry from '@sentry/node';
import { CallError } from '../errors.ts';
import { CallErrorEvent } from '../events.ts';
import type { VoiceJibJab } from '../index.ts';
import { startReceiver } from '../../relay/error-tracking/testing/receiver.ts';
import { connectSentry } from './sentry.ts';

it("is taken by Sentry's own package as it is", async () => {
  const receiver = await startReceiver();
  const element = Object.assign(new EventTarget(), { sessionId: 'ses_1' }) as unknown as VoiceJibJab;
  connectSentry(element, () => {
    sentry.initWithoutDefaultIntegrations({ dsn: receiver.dsn, enableRuntimeChannelInjection: false });
    return sentry;
  });
  element.dispatchEvent(new CallErrorEvent(new CallError('CSP_WORKLET', 'the worklet was refused')));
  const [item] = await receiver.arrived('event');
  expect(item?.body).toMatchObject({
    ...{ level: 'error', fingerprint: ['voice-jib-jab', 'CSP_WORKLET'] },
    tags: { 'vjj.code': 'CSP_WORKLET', 'vjj.recovery': 'text', 'vjj.session': 'ses_1' },
    exception: { values: [{ type: 'CallError', value: 'CSP_WORKLET: the worklet was refused' }] },
  });
  await sentry.close(1_000);
  await receiver.close();
});
