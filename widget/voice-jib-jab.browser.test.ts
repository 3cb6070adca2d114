import { expect } from '@esm-bundle/chai';
import { CallError, ERROR_CODES } from './index.ts';
import { labelsFor } from './labels/labels.ts';
import { clearPage, place } from './testing/place.ts';
import { ScriptedCall } from './testing/scripted-call.ts';

const words = labelsFor('en');
afterEach(clearPage);

describe('the state', () => {
  it('is said in a word at every moment of a call', async () => {
    const { element, script, state, settled } = await place();
    const seen = [state()];
    const note = async () => {
      await settled();
      seen.push(state());
    };
    const started = element.start();
    await note();
    script.opens();
    await started;
    await note();
    script.userSays('Hello?', 't1');
    await note();
    const item = script.agentSays('Hello there.', { turn: 't1', heardMs: 10, totalMs: 900 });
    await note();
    script.happens({ type: 'onset', utterance: 'u', paused: true });
    await note();
    script.happens({ type: 'offset', utterance: 'u' }, { type: 'gate.resume', epoch: 1, rewindMs: 0 });
    await note();
    script.happens({ type: 'drained', item });
    script.happens({ type: 'lane.owner_changed', from: 'B', to: 'none', cause: 'drained', epoch: 1, t: 1 });
    script.happens({ type: 'turn.ended', turn: 't1', outcome: 'answered', firstSentMs: {} });
    element.micMuted = true;
    await note();
    script.happens({ type: 'link.down', attempt: 1 });
    await note();
    script.happens({ type: 'link.up', gapMs: 5 });
    element.stop();
    await note();
    expect(seen).to.deep.equal([
      ...['Ready', 'Connecting', 'Listening', 'Thinking', 'Speaking', 'Held', 'Speaking'],
      ...['Microphone off', 'Reconnecting', 'Ended'],
    ]);
  });

  it('can be styled from outside', async () => {
    const { element, script, live, settled } = await place();
    expect(element.matches(':state(idle)')).to.equal(true);
    await live();
    element.muted = true;
    script.happens({ type: 'onset', utterance: 'u', paused: false });
    await settled();
    for (const name of ['live', 'listening', 'user-speaking', 'muted']) {
      expect(element.matches(`:state(${name})`), name).to.equal(true);
    }
    element.stop();
    await settled();
    expect(element.matches(':state(live)')).to.equal(false);
  });

  it('is a number too, as with media elements', async () => {
    const { element, script, live } = await place({ tenant: '' });
    expect(element.readyState).to.equal(0);
    element.tenant = 'pk';
    expect(element.readyState).to.equal(1);
    const started = live();
    expect(element.readyState).to.equal(2);
    await started;
    expect(element.readyState).to.equal(3);
    script.happens({ type: 'link.down', attempt: 1 });
    expect(element.readyState).to.equal(4);
    element.stop();
    expect(element.readyState).to.equal(5);
  });
});

describe('an error', () => {
  for (const code of ERROR_CODES) {
    it(`${code} is one sentence and one action, where the words were`, async () => {
      const { element, script, text, settled, seen, watch } = await place();
      watch('error', 'start');
      const started = element.start();
      script.refuses(new CallError(code, 'for developers only'));
      const thrown: unknown = await started.catch((error: unknown) => error);
      await settled();
      expect(thrown).to.equal(element.error);
      expect(seen.map(({ type }) => type)).to.deep.equal(['error']);
      expect(text('.problem .sentence')).to.equal(words.errors[code]);
      expect(text('.problem .action')).to.equal(words.actions[new CallError(code, '').recovery]);
      expect(text('[role=alert]')).to.equal(words.errors[code]);
      expect(element.matches(':state(error)')).to.equal(true);
    });
  }

  it('goes when it is tried again', async () => {
    const { element, fails, find, settled } = await place();
    await fails('NETWORK');
    const second = new ScriptedCall();
    element.openCall = second.openCall;
    find('.problem .action')?.click();
    second.opens();
    await new Promise((resolve) => element.addEventListener('start', resolve));
    await settled();
    expect([second.opened, element.error, find('.problem')]).to.deep.equal([1, null, null]);
  });

  it('that only typing gets around leads to typing', async () => {
    const { element, fails, find, settled } = await place();
    await fails('MIC_NOT_FOUND');
    find('.problem .action')?.click();
    await settled();
    await settled();
    expect(element.error).to.equal(null);
    expect(element.shadowRoot?.activeElement?.localName).to.equal('input');
  });

  it('of a call that was open ends it, once', async () => {
    const { script, live, seen, watch, element } = await place();
    watch('end', 'error');
    await live();
    script.breaks(new CallError('QUOTA', ''));
    script.breaks(new Error('later'));
    expect(seen.map(({ type }) => type)).to.deep.equal(['end', 'error']);
    expect(element.error?.code).to.equal('QUOTA');
    expect(script.signal.aborted).to.equal(true);
  });

  it('nobody foresaw says that the page is out of step', async () => {
    const { element, script } = await place();
    const started = element.start();
    script.refuses(new TypeError('odd'));
    expect(await started.catch((error: unknown) => (error as CallError).code)).to.equal('PROTOCOL');
  });

  it('of the microphone leaves the call open', async () => {
    const { element, script, live, find, settled } = await place();
    await live();
    script.happens({ type: 'mic.lost' });
    await settled();
    expect([element.error?.code, element.readyState]).to.deep.equal(['MIC_NOT_FOUND', 3]);
    find('.problem .action')?.click();
    await settled();
    expect(element.error).to.equal(null);
  });

  it('of the microphone is over when another has taken its place', async () => {
    const { element, script, live, find, settled } = await place();
    await live();
    script.happens({ type: 'mic.lost' });
    await settled();
    script.happens({ type: 'mic.opened' });
    await settled();
    expect([element.error, find('.problem')]).to.deep.equal([null, null]);
  });
});

describe('a call', () => {
  for (const late of ['opens', 'fails'] as const) {
    it(`stays away when it ${late} after the user cancelled it`, async () => {
      const { element, script, press, state, settled, seen, watch } = await place();
      watch('start', 'end', 'error');
      press('mic');
      await settled();
      press('mic');
      if (late === 'opens') script.opens();
      else script.refuses(new CallError('NETWORK', 'too late'));
      await settled();
      expect([state(), element.error, seen.length]).to.deep.equal(['Ended', null, 0]);
      expect(script.signal.aborted).to.equal(true);
    });
  }

  it('opens once, however often it is asked for', async () => {
    const { element, script, live } = await place();
    await live();
    await element.start();
    expect(script.opened).to.equal(1);
  });

  it('is opened inside the very click', async () => {
    const { script, press } = await place();
    press('mic');
    expect(script.opened).to.equal(1);
  });

  it('does not start where the page prevents it, or nobody may', async () => {
    const { element, script } = await place();
    element.addEventListener('beforestart', (event) => event.preventDefault(), { once: true });
    await element.start();
    element.addEventListener('beforestart', (event) => event.waitUntil(Promise.resolve(false)), { once: true });
    await element.start();
    element.addEventListener('beforestart', (event) => event.waitUntil(Promise.reject(new Error('no'))), {
      once: true,
    });
    await element.start();
    element.disabled = true;
    await element.start();
    expect(script.opened).to.equal(0);
  });

  it('waits for the page’s own consent', async () => {
    const { element, script } = await place();
    element.addEventListener('beforestart', (event) => event.waitUntil(Promise.resolve(true)));
    const started = element.start();
    expect(script.opened).to.equal(0);
    await new Promise((resolve) => setTimeout(resolve));
    script.opens();
    await started;
    expect(element.readyState).to.equal(3);
  });

  it('lets go of everything when the element leaves the page, and of nothing when it moves', async () => {
    const { element, script, live } = await place();
    await live();
    const box = document.createElement('div');
    document.body.append(box);
    box.append(element);
    await Promise.resolve();
    expect(script.signal.aborted).to.equal(false);
    box.remove();
    await Promise.resolve();
    expect([script.signal.aborted, script.isEnded]).to.deep.equal([true, true]);
  });

  it('ends with the signal of the page that started it', async () => {
    const { element, live } = await place();
    const page = new AbortController();
    await live({ signal: page.signal });
    page.abort();
    expect(element.readyState).to.equal(5);
  });

  it('is given what the attributes say', async () => {
    const given = { src: 'https://relay.example', 'token-src': '/t', turn: 'hold', 'mute-policy': 'release' };
    const { element, script, live } = await place({ ...given, micmuted: '', 'worklet-base': '/own/', lang: 'de-CH' });
    element.context = 'on /prices';
    element.defineTool('f', { description: 'd', parameters: {} }, () => 1);
    await live();
    expect(script.config).to.include({ src: 'https://relay.example', tokenSrc: '/t', turn: 'hold', locale: 'de-CH' });
    expect(script.config).to.include({ mutePolicy: 'release', micMuted: true, context: 'on /prices', mode: 'voice' });
    expect(script.config.tools.map(({ name }) => name)).to.deep.equal(['f']);
    expect(script.config.workletUrls[1]).to.equal(`${location.origin}/own/voice-jib-jab.worklet.js`);
  });

  it('ends as the relay wishes', async () => {
    const { script, live, seen, watch } = await place();
    watch('end');
    await live();
    script.happens({ type: 'call.ended', reason: 'longest-session' });
    expect((seen[0]?.event as { reason?: string }).reason).to.equal('longest-session');
  });

  it('tells the page each thing that happens, in order', async () => {
    const { element, script, live, seen, watch } = await place({ debug: '' });
    watch('start', 'turnstart', 'lanechange', 'interrupt', 'turnend', 'reconnecting', 'reconnected', 'end');
    let debugged = 0;
    element.addEventListener('debug', () => (debugged += 1));
    await live();
    script.userSays('Hi', 't1');
    script.agentSays('Hello there', { turn: 't1', heardMs: 100, totalMs: 1_000 });
    script.happens({ type: 'lane.owner_changed', from: 'B', to: 'none', cause: 'interrupt', epoch: 2, t: 9 });
    script.happens({ type: 'turn.ended', turn: 't1', outcome: 'superseded', firstSentMs: { B: 1 } });
    script.happens({ type: 'link.down', attempt: 1 }, { type: 'link.up', gapMs: 7 });
    element.stop();
    expect(seen.map(({ type }) => type)).to.deep.equal([
      ...[
        'start',
        'turnstart',
        'lanechange',
        'lanechange',
        'interrupt',
        'turnend',
        'reconnecting',
        'reconnected',
        'end',
      ],
    ]);
    expect(debugged).to.be.greaterThan(8);
    expect(element.sessionId).to.equal('session-1');
    expect(element.currentTurn).to.equal('t1');
  });

  it('passes on what the page asks of it', async () => {
    const { element, script, live, settled } = await place();
    await live();
    element.interrupt();
    element.updateContext('plain');
    element.updateContext({ page: '/prices' }, { key: 'page' });
    element.muted = true;
    element.volume = 0.4;
    await settled();
    await element.setInput('mic2');
    await element.setSinkId('ear2');
    expect(script.asked).to.deep.equal([
      { what: 'interrupt', with: null },
      { what: 'updateContext', with: ['plain', undefined] },
      { what: 'updateContext', with: ['{"page":"/prices"}', 'page'] },
      { what: 'setOutput', with: { muted: true, volume: 0.4 } },
      { what: 'setInput', with: 'mic2' },
      { what: 'setSinkId', with: 'ear2' },
    ]);
  });
});

describe('a function of the page', () => {
  const call = { type: 'tool.call', call: 'c1', name: 'f', arguments: '{"a":1}' } as const;
  const settle = () => new Promise((resolve) => setTimeout(resolve));

  it('is answered by what was defined, by the event, or refused', async () => {
    const { element, script, live } = await place();
    element.defineTool('f', { description: '', parameters: {} }, () => 'defined');
    await live();
    script.happens(call);
    await settle();
    element.addEventListener('toolcall', (event) => event.respondWith({ args: event.args }), { once: true });
    script.happens(call);
    await settle();
    element.addEventListener('toolcall', (event) => event.preventDefault(), { once: true });
    script.happens(call);
    script.happens({ type: 'tool.cancelled', call: 'unknown' });
    await settle();
    expect(script.asked.map((one) => (one.with as { output: string }).output)).to.deep.equal([
      'defined',
      '{"args":{"a":1}}',
      '{"error":"the page refused this function"}',
    ]);
  });
});

describe('the words', () => {
  const long = 'We are open from nine to six, and on Saturdays until two.';

  it('are solid when heard, faint when not, struck when cut', async () => {
    const { script, live, text, settled } = await place();
    await live();
    script.userSays('When are you open?', 't1');
    const item = script.agentSays(long, { turn: 't1', heardMs: 1_750, totalMs: 3_400 });
    await settled();
    expect(text('.current .heard')).to.equal('We are open from nine to six,');
    expect(text('.current .unheard')).to.equal('and on Saturdays until two.');
    script.happens({ type: 'item.truncated', item, heardMs: 1_750 });
    await settled();
    expect(text('.current .cut')).to.equal('(not heard) and on Saturdays until two.');
    expect(text('.line:not(.current) .said')).to.equal('When are you open?');
  });

  it('run a little ahead of the voice, not a page', async () => {
    const { script, live, text, settled } = await place();
    await live();
    const item = script.agentSays('word '.repeat(60), { turn: 't1', heardMs: 10, totalMs: 30_000 });
    await settled();
    expect(text('.current .said')?.split(' ').length).to.be.below(20);
    script.happens({ type: 'item.truncated', item, heardMs: 0 });
    await settled();
    expect(text('.current .said')).to.match(/word …?$|word…$/);
  });

  it('can be hidden and shown', async () => {
    const { element, script, live, find, press, settled } = await place();
    await live();
    script.userSays('Hello', 't1');
    press('captions');
    await settled();
    expect([find('.line'), element.getAttribute('captions')]).to.deep.equal([null, 'off']);
    press('captions');
    await settled();
    expect(find('.line')).not.to.equal(null);
  });

  it('can be taken away as a file, with only what was heard', async () => {
    const { element, script, live } = await place();
    await live();
    script.userSays('When are you open?', 't1');
    script.agentSays(long, { turn: 't1', heardMs: 1_750, totalMs: 3_400 });
    expect(element.exportTranscript()).to.equal('You: When are you open?\nAda: We are open from nine to six,\n');
    expect(element.heardText).to.equal('We are open from nine to six,');
    expect(element.transcript).to.have.length(2);
  });
});
