/** The site's own Sentry learns what went wrong, and not who said what. */
import { expect } from '@esm-bundle/chai';
import { CallError } from '../errors.ts';
import { CallErrorEvent } from '../events.ts';
import { clearPage, place } from '../testing/place.ts';
import { connectSentry, MOST_REPORTS, type SentryLike } from './sentry.ts';

afterEach(clearPage);

type Report = { error: Error; context: Parameters<SentryLike['captureException']>[1] };
function recorder() {
  const reports: Report[] = [];
  const sentry: SentryLike = {
    captureException: (error, context) => void reports.push({ error: error as Error, context }),
  };
  return { reports, sentry };
}
const fail = (element: HTMLElement, error: CallError) => element.dispatchEvent(new CallErrorEvent(error));

describe('connectSentry', () => {
  it('reports an error that the widget told, with its code, session and turn', async () => {
    const { element, live, script } = await place();
    const { reports, sentry } = recorder();
    connectSentry(element, sentry);
    await live();
    script.happens({ type: 'turn.started', turn: 'turn-3', source: 'speech', t: 10 });
    fail(element, new CallError('NETWORK', 'the connection was lost'));
    expect(reports.length).to.equal(1);
    const { error, context } = reports[0]!;
    expect([error.name, error.message]).to.deep.equal(['CallError', 'NETWORK: the connection was lost']);
    expect(error.stack).to.match(/sentry\.browser\.test/);
    expect(context.level).to.equal('warning');
    expect(context.fingerprint).to.deep.equal(['voice-jib-jab', 'NETWORK']);
    expect(context.tags).to.deep.include({
      'vjj.code': 'NETWORK',
      'vjj.recovery': 'retry',
      'vjj.session': 'session-1',
      'vjj.turn': 'turn-3',
    });
  });

  it('loads what was given as a function with the first error, once, and tells it all that waited', async () => {
    const { element, fails } = await place();
    const { reports, sentry } = recorder();
    let loads = 0;
    connectSentry(element, () => {
      loads += 1;
      return Promise.resolve(sentry);
    });
    expect(loads).to.equal(0);
    await fails('PROTOCOL');
    fail(element, new CallError('NETWORK', 'lost'));
    await new Promise((resolve) => setTimeout(resolve));
    expect(reports.map(({ context }) => [context.level, context.tags['vjj.code']])).to.deep.equal([
      ['error', 'PROTOCOL'],
      ['warning', 'NETWORK'],
    ]);
    expect(loads).to.equal(1);
  });

  it('tells with a later error what could not be told because nothing could be loaded', async () => {
    const { element } = await place();
    const { reports, sentry } = recorder();
    let tries = 0;
    connectSentry(element, () => (++tries === 1 ? Promise.reject(new Error('blocked')) : sentry));
    fail(element, new CallError('NETWORK', 'first'));
    await new Promise((resolve) => setTimeout(resolve));
    expect(reports).to.deep.equal([]);
    fail(element, new CallError('QUOTA', 'second'));
    await new Promise((resolve) => setTimeout(resolve));
    expect(reports.map(({ error }) => error.message)).to.deep.equal(['NETWORK: first', 'QUOTA: second']);
  });

  it('hands over no words, tokens, keys, addresses, causes or devices', async () => {
    const { element } = await place();
    const { reports, sentry } = recorder();
    connectSentry(element, sentry);
    const planted = [
      ...['my card ends in four two', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln', 'sk-live-abcdefgh12345678'],
      ...['ann@example.org', '203.0.113.77', 'wss://relay.example/ws?x=1'],
    ];
    const [words, ...rest] = planted;
    const error = new CallError('PROTOCOL', `“${words}” came from ${rest.join(' and ')} ${'x'.repeat(300)}`, {
      cause: new Error(words),
    });
    fail(element, error);
    const { error: told, context } = reports[0]!;
    const all = JSON.stringify([told.message, told.stack, context]);
    for (const one of planted) expect(all).not.to.contain(one);
    expect(told.cause).to.equal(undefined);
    expect(told.message.length).to.be.below(210);
  });

  it('leaves out what a person decided, and what the page finds no news', async () => {
    const { element } = await place();
    const { reports, sentry } = recorder();
    const end = connectSentry(element, sentry);
    fail(element, new CallError('MIC_DENIED', ''));
    fail(element, new CallError('MIC_DISMISSED', ''));
    expect(reports).to.deep.equal([]);
    end();
    fail(element, new CallError('NETWORK', ''));
    expect(reports).to.deep.equal([]);
    connectSentry(element, sentry, { ignore: ['NETWORK'] });
    fail(element, new CallError('NETWORK', ''));
    fail(element, new CallError('MIC_DENIED', ''));
    expect(reports.map(({ context }) => context.tags['vjj.code'])).to.deep.equal(['MIC_DENIED']);
  });

  it('stops at a bound', async () => {
    const { element } = await place();
    const { reports, sentry } = recorder();
    connectSentry(element, sentry);
    for (let n = 0; n < MOST_REPORTS + 5; n++) fail(element, new CallError('NETWORK', ''));
    expect(reports.length).to.equal(MOST_REPORTS);
  });
});
