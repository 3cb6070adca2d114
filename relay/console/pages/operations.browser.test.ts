import { expect } from '@esm-bundle/chai';
import { close, open, until } from '../testing/open.ts';
import { calm, instance, live } from '../testing/fleet.ts';
import { Refusal } from '../testing/relay.ts';

const PAGE = '#/operations';
afterEach(close);

describe('operations', () => {
  it('show who talks, how quick and how sound it is, and who is there, in words', async () => {
    const { says, text } = await open(PAGE);
    await says('Live conversations 6');
    for (const wanted of [
      ...['Turns a minute 10', 'Failed turns 2%', 'First sound of the answer, p95 388 ms', 'those of 1 silent one'],
      ...['10.0.0.1:3000 this one', 'Draining', 'Silent since', 'away', 'left alone: refused (invalid_api_key)'],
      ...['Other & Sons', 'Listening', 'Thinking', 'openai, away', 'The newest 4 are listed.'],
    ])
      expect(text()).to.contain(wanted);
  });

  it('are loaded anew every five seconds, unless one wants them to stand still', async () => {
    const { relay, says, field } = await open(PAGE);
    await says('Live conversations 6');
    const calls = () => relay.callsOf('operations').length;
    const later = stoppedTimers();
    try {
      const box = await field('Refresh every 5 seconds');
      box.click();
      expect([box.checked, later.waiting.length]).to.deep.equal([false, 0]);
      box.click();
      expect(later.waiting.map(({ ms }) => ms)).to.deep.equal([5_000]);
      const before = calls();
      relay.answer({ operations: () => ({ ...calm(), sessions: 7 }) });
      later.run();
      await says('Live conversations 7');
      expect(calls()).to.equal(before + 1);
      await until(() => later.waiting.length === 1);
    } finally {
      later.restore();
    }
  });

  it('stay as they were while the relay does not answer, and say that', async () => {
    const { relay, says } = await open(PAGE);
    await says('Live conversations 6');
    const later = stoppedTimers();
    try {
      document.dispatchEvent(new Event('visibilitychange'));
      relay.isReachable = false;
      later.run();
      await says('The relay cannot be reached.');
      await says('Live conversations 6');
      await until(() => later.waiting.length === 1);
      relay.isReachable = true;
      later.run();
      await until(() => relay.callsOf('operations').length === 2);
    } finally {
      later.restore();
    }
  });

  it('drain an instance after its address was typed, and say what follows', async () => {
    const { relay, press, says, answer } = await open(PAGE);
    await press('Drain 10.0.0.1:3000');
    expect(await answer('Drain it', '10.0.0.1:3000')).to.contain('nobody can talk until one is started');
    await says('10.0.0.1:3000 is draining.');
    expect(relay.callsOf('drainInstance').map(({ params }) => params.instance)).to.deep.equal(['ins_1']);
  });

  it('say that conversations go on elsewhere where there is an elsewhere, and what did not answer', async () => {
    const two = () => ({
      ...calm(),
      instances: [instance('1'), instance('gone', { url: 'http://10.0.0.9:3000' })],
    });
    const { relay, press, says, answer } = await open(PAGE, { answers: { operations: two } });
    await press('Drain 10.0.0.9:3000');
    expect(await answer('Drain it', '10.0.0.9:3000')).to.contain('go on at another instance');
    await says('10.0.0.9:3000 does not answer: it was not told.');
    await press('Drain 10.0.0.1:3000');
    await answer('Cancel');
    expect(relay.callsOf('drainInstance')).to.have.length(1);
  });

  it('end a conversation, whatever tenant and instance it is of', async () => {
    const { relay, press, says, answer } = await open(PAGE);
    await press('End the conversation of Other & Sons');
    expect(await answer('End it')).to.contain('A user of Other & Sons hears nothing more');
    await says('It has been ended.');
    expect(relay.callsOf('endSession')[0]?.params).to.deep.equal({ tenant: 'ten_other', session: 'ses_live2' });
    relay.answer({ endSession: () => ({ isEnded: false }) });
    await press('End the conversation of Acme');
    await answer('End it');
    await says('It had ended already, or its instance does not answer.');
    await press('End the conversation of Acme');
    await answer('Cancel');
    expect(relay.callsOf('endSession')).to.have.length(2);
  });

  it('name a tenant that is gone by its id, and a state of a newer relay by its name', async () => {
    const odd = { ...live(2, 'SINGING'), tenant: 'ten_gone', instance: 'ins_else' };
    const { tenantName: _, ...row } = odd;
    const one = () => ({ ...calm(), sessions: 1, rows: [row] });
    const { says } = await open(PAGE, { answers: { operations: one } });
    await says('ten_gone SINGING openai ins_else');
  });

  it('are not in the rail of a tenant, and refused at their address', async () => {
    const forbidden = () => new Refusal(403, 'forbidden', 'For the operator alone.');
    const { says, all } = await open(PAGE, { role: 'admin', answers: { operations: forbidden } });
    await says('For the operator alone.');
    expect(all('nav a').map(({ textContent }) => textContent)).to.not.include('Operations');
  });
});

/** Timers of the page, which go only when a test lets them. */
function stoppedTimers() {
  const [start, stop] = [globalThis.setTimeout, globalThis.clearTimeout];
  const waiting: { id: number; act: () => void; ms: number }[] = [];
  let last = 1e9;
  globalThis.setTimeout = ((act: () => void, ms = 0) => {
    // Others, such as those that a test waits with, go as ever.
    if (ms !== 5_000) return start(act, ms);
    waiting.push({ id: (last += 1), act, ms });
    return last;
  }) as typeof setTimeout;
  globalThis.clearTimeout = ((id: number | undefined) => {
    const at = waiting.findIndex((one) => one.id === id);
    if (at === -1) stop(id);
    else waiting.splice(at, 1);
  }) as typeof clearTimeout;
  return {
    waiting,
    run: () => {
      for (const { act } of waiting.splice(0)) act();
    },
    restore: () => Object.assign(globalThis, { setTimeout: start, clearTimeout: stop }),
  };
}
