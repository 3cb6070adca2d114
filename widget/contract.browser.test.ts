/** The whole contract with pages, walked by tables: attributes, properties, methods, events, commands. */
import { expect } from '@esm-bundle/chai';
import * as all from './index.ts';
import { CallError, VoiceJibJab, type VoiceJibJabEventMap } from './index.ts';
import { clearPage, place } from './testing/place.ts';
import { ScriptedCall } from './testing/scripted-call.ts';

afterEach(clearPage);
const rejection = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error as Error).name,
  );
const turn = () => new Promise((resolve) => setTimeout(resolve));

/** Attribute, property, default, another value. */
const TEXTS = [
  ['src', 'src', '', 'https://relay.example'],
  ['tenant', 'tenant', '', 'pk_x'],
  ['token-src', 'tokenSrc', '', '/token'],
  ['assistant', 'assistant', '', 'ada'],
  ['variant', 'variant', 'launcher', 'bar'],
  ['placement', 'placement', 'end-bottom', 'start-top'],
  ['mode', 'mode', 'voice', 'auto'],
  ['turn', 'turn', 'auto', 'hold'],
  ['mute-policy', 'mutePolicy', 'silence', 'release'],
  ['preload', 'preload', 'none', 'intent'],
  ['captions', 'captions', 'on', 'off'],
  ['announce', 'announce', 'auto', 'polite'],
  ['controlslist', 'controlsList', '', 'nomute norating'],
  ['consent', 'consent', null, 'required'],
  ['storage', 'storage', 'session', 'none'],
  ['resume', 'resume', 'none', 'tab'],
  ['theme', 'theme', null, 'dark'],
  ['hotkey', 'hotkey', '', 'ctrl+k'],
  ['name', 'name', '', 'session'],
  ['worklet-base', 'workletBase', '', '/own/'],
  ['lang', 'lang', '', 'de'],
  ['dir', 'dir', '', 'rtl'],
] as const;
const FLAGS = [
  ['open', 'open'],
  ['muted', 'muted'],
  ['micmuted', 'micMuted'],
  ['nohotkeys', 'noHotkeys'],
  ['disabled', 'disabled'],
  ['debug', 'debug'],
] as const;
const bare = () => {
  const element = document.createElement('voice-jib-jab');
  return { element, values: element as unknown as Record<string, unknown> };
};
const settled = async (element: VoiceJibJab) => {
  document.body.append(element);
  await element.updateComplete;
  return element;
};

describe('an attribute', () => {
  for (const [attribute, property, resting, other] of TEXTS) {
    it(`${attribute} is the property ${property}, both ways, and ${JSON.stringify(resting)} at first`, async () => {
      const { element, values } = bare();
      expect(values[property]).to.equal(resting);
      await settled(element);
      values[property] = other;
      await element.updateComplete;
      expect(element.getAttribute(attribute)).to.equal(other);
      const again = bare();
      again.element.setAttribute(attribute, other);
      expect(again.values[property]).to.equal(other);
      element.remove();
    });
  }

  for (const [attribute, property] of FLAGS) {
    it(`${attribute} is ${property} by being there`, async () => {
      const { element, values } = bare();
      expect(values[property]).to.equal(false);
      element.setAttribute(attribute, '');
      expect(values[property]).to.equal(true);
      await settled(element);
      values[property] = false;
      await element.updateComplete;
      expect(element.hasAttribute(attribute)).to.equal(false);
      element.remove();
    });
  }
});

describe('a property', () => {
  it('of an element at rest has its resting value', () => {
    const { element } = bare();
    const { readyState, phase, lane, error, transcript, heardText, currentTurn, sessionId, levels } = element;
    expect({ readyState, phase, lane, error, transcript, heardText, currentTurn, sessionId, levels }).to.deep.equal({
      ...{ readyState: VoiceJibJab.EMPTY, phase: 'idle', lane: 'none', error: null, transcript: [], heardText: '' },
      ...{ currentTurn: null, sessionId: '', levels: { in: 0, out: 0 } },
    });
    const { inputs, outputs, stats, volume, inputId, sinkId, context, strings, tools, consentState, form } = element;
    expect({ inputs, outputs, volume, inputId, sinkId, context, strings, tools, consentState, form }).to.deep.equal({
      ...{ inputs: [], outputs: [], volume: 1, inputId: '', sinkId: '', context: '', strings: {}, tools: [] },
      ...{ consentState: 'unknown', form: null },
    });
    expect(stats.framesSent).to.equal(0);
    for (const name of ['phase', 'error', 'transcript', 'stats', 'inputs', 'levels', 'readyState']) {
      expect(
        () =>
          Reflect.set(element, name, 1) ||
          (() => {
            throw new TypeError();
          })(),
        name,
      ).to.throw(TypeError);
    }
  });

  it('set before the element was defined counts', async () => {
    const early = document.createElement('vjj-late' as 'voice-jib-jab');
    const getToken = () => Promise.resolve('t');
    Object.assign(early, { tenant: 'pk_x', variant: 'headless', volume: 0.3, context: 'c', getToken, inputId: 'mic2' });
    Object.assign(early, { tools: [{ name: 'f', description: '', parameters: {}, handler: () => 1 }] });
    document.body.append(early);
    VoiceJibJab.define('vjj-late');
    VoiceJibJab.define('vjj-late');
    await early.updateComplete;
    expect([early.tenant, early.getAttribute('variant'), early.volume, early.context]).to.deep.equal([
      ...['pk_x', 'headless', 0.3, 'c'],
    ]);
    expect([early.getToken, early.inputId, early.tools[0]?.name]).to.deep.equal([getToken, 'mic2', 'f']);
    early.remove();
  });

  it('tools takes and gives the whole list', () => {
    const { element } = bare();
    const handler = () => 1;
    element.defineTool('a', { description: 'A', parameters: {}, confirm: true }, handler);
    expect(element.tools).to.deep.equal([{ name: 'a', description: 'A', parameters: {}, confirm: true, handler }]);
    element.tools = [{ name: 'b', description: 'B', parameters: {}, handler }];
    expect(element.tools.map(({ name }) => name)).to.deep.equal(['b']);
  });

  it('disabled follows the fieldset around it', async () => {
    const fieldset = document.createElement('fieldset');
    const { element } = bare();
    fieldset.append(element);
    document.body.append(fieldset);
    fieldset.disabled = true;
    expect(element.disabled).to.equal(true);
    fieldset.disabled = false;
    expect(element.disabled).to.equal(false);
    fieldset.remove();
  });
});

describe('a method', () => {
  it('that gives a promise keeps it, also at rest', async () => {
    const { element } = await place();
    expect(await rejection(element.setInput('mic2'))).to.equal('resolved');
    expect(await rejection(element.setSinkId('ear2'))).to.equal('resolved');
    expect([element.inputId, element.sinkId]).to.deep.equal(['mic2', 'ear2']);
    expect((await element.getStats()).reconnects).to.equal(0);
    for (const score of [0, 6, 2.5, Number.NaN]) expect(await rejection(element.rate(score))).to.equal('RangeError');
    const verdict = await element.checkSupport();
    expect(verdict).to.deep.equal(JSON.parse(JSON.stringify(verdict)));
    expect([verdict.ok, verdict.code, verdict.recovery]).to.deep.equal([true, null, null]);
    element.interrupt();
    element.updateContext('nobody listens');
    element.stop();
    element.hide();
  });

  it('start() resolves when the call is open, and rejects with what went wrong', async () => {
    const { element, script, live } = await place();
    await live();
    expect(element.readyState).to.equal(VoiceJibJab.LIVE);
    script.breaks(new CallError('NETWORK', ''));
    const next = new ScriptedCall();
    element.openCall = next.openCall;
    const started = element.start();
    next.refuses(new CallError('MIC_DENIED', ''));
    expect(await rejection(started)).to.equal('CallError');
    expect([element.error?.code, element.error?.recovery, element.readyState]).to.deep.equal([
      ...['MIC_DENIED', 'retry', VoiceJibJab.ENDED],
    ]);
  });

  it('start() takes mode, context and signal', async () => {
    const { script, live, element } = await place();
    element.context = 'otherwise';
    const page = new AbortController();
    const started = element.start({ mode: 'text', context: 'on /prices', signal: page.signal });
    script.opens();
    await started;
    expect(script.config).to.include({ mode: 'text', context: 'on /prices' });
    page.abort();
    expect(element.readyState).to.equal(VoiceJibJab.ENDED);
    expect(live).to.be.a('function');
  });

  it('say() has exactly that said, opening a call where there is none', async () => {
    const { element, script } = await place();
    element.say('   ');
    element.say(' Welcome back. ');
    expect(script.config.mode).to.equal('text');
    script.opens();
    await new Promise((resolve) => element.addEventListener('start', resolve));
    expect(script.asked.filter(({ what }) => what === 'say')).to.deep.equal([{ what: 'say', with: 'Welcome back.' }]);
  });

  it('exportTranscript() gives text, JSON and WebVTT', async () => {
    const { element } = bare();
    const formats = ['txt', 'json', 'vtt'] as const;
    expect(formats.map((format) => element.exportTranscript(format))).to.deep.equal(['', '[]', 'WEBVTT\n\n']);
    const { element: talked, script, live } = await place();
    await live();
    script.userSays('Hello', 't1');
    expect(talked.exportTranscript()).to.equal('You: Hello\n');
    expect(JSON.parse(talked.exportTranscript('json'))).to.have.length(1);
    expect(talked.exportTranscript('vtt')).to.match(/^WEBVTT\n\n00:00:00.000 --> .*\n<v You>Hello\n$/);
  });

  it('show(), hide() and toggle() are what `open` is', async () => {
    const { element, seen, watch } = await place({ variant: 'launcher' });
    watch('toggle');
    const steps: boolean[] = [];
    for (const act of ['show', 'show', 'toggle', 'hide', 'toggle'] as const) {
      element[act]();
      await element.updateComplete;
      steps.push(element.open);
    }
    expect([steps, seen.length]).to.deep.equal([[true, true, false, false, true], 3]);
  });

  it('setSinkId() chosen before a call holds in it, and is kept for the next', async () => {
    const { element, script, live } = await place();
    await element.setSinkId('ear2');
    await live();
    await turn();
    expect(script.asked.filter(({ what }) => what === 'setSinkId').at(-1)).to.deep.equal({
      what: 'setSinkId',
      with: 'ear2',
    });
    await element.setInput('mic2');
    const second = await place();
    await second.live();
    expect([second.element.inputId, second.element.sinkId, second.script.config.inputId]).to.deep.equal([
      ...['mic2', 'ear2', 'mic2'],
    ]);
  });
});

/** Each event's class, and whether a page can prevent it. */
const EVENTS: { [K in keyof VoiceJibJabEventMap]: [make: () => Event, isCancelable: boolean] } = {
  beforestart: [() => new all.BeforeStartEvent({ mode: 'voice', context: '' }), true],
  start: [() => new all.StartEvent('s'), false],
  end: [() => new all.EndEvent('page'), false],
  phasechange: [() => new all.PhaseChangeEvent('idle', 'held'), false],
  readystatechange: [() => new Event('readystatechange'), false],
  turnstart: [() => new all.TurnStartEvent('t', 'text'), false],
  turnend: [() => new all.TurnEndEvent('t', 'answered', { ttfaMs: 1, firstSentMs: {}, heardMs: 1 }), false],
  transcript: [() => new all.TranscriptEvent(entry), false],
  wordheard: [() => new all.WordHeardEvent(entry, 0), false],
  interrupt: [() => new all.InterruptEvent('speech', 1, true), false],
  toolcall: [() => new all.ToolCallEvent('f', {}), true],
  consentrequest: [() => new all.ConsentRequestEvent(() => undefined), true],
  consentchange: [() => new all.ConsentChangeEvent('granted'), false],
  rating: [() => new all.RatingEvent(5, null, ''), false],
  citation: [() => new all.CitationEvent('f', 'A page', 'https://a.test'), false],
  handoff: [() => new all.HandoffEvent('asked'), false],
  permissionchange: [() => new all.PermissionChangeEvent('granted'), false],
  devicechange: [() => new Event('devicechange'), false],
  volumechange: [() => new Event('volumechange'), false],
  micmutechange: [() => new Event('micmutechange'), false],
  reconnecting: [() => new all.ReconnectingEvent(1), false],
  reconnected: [() => new all.ReconnectedEvent(1), false],
  lanechange: [() => new all.LaneChangeEvent('none', 'B', 'b_audible', 1), false],
  debug: [() => new all.DebugEvent({ type: 'soundless' }), false],
  toggle: [() => new Event('toggle'), false],
  error: [() => new all.CallErrorEvent(new CallError('QUOTA', '')), false],
};
const entry = {
  id: 'i',
  turn: 't',
  role: 'agent',
  text: 'Hi',
  final: true,
  heardMs: 1,
  words: [{ text: 'Hi', state: 'heard' }],
} as const;

describe('an event', () => {
  for (const [name, [make, isCancelable]] of Object.entries(EVENTS)) {
    it(`${name} ${isCancelable ? 'can' : 'cannot'} be prevented, and stays with the element`, () => {
      const event = make();
      expect([event.type, event.cancelable, event.bubbles, event.composed]).to.deep.equal([
        name,
        isCancelable,
        false,
        false,
      ]);
    });
  }

  it('beforestart lets a listener change what the call opens with', async () => {
    const { element, script } = await place();
    element.addEventListener('beforestart', ({ config }) =>
      Object.assign(config, { mode: 'text', context: 'changed' }),
    );
    const started = element.start();
    script.opens();
    await started;
    expect(script.config).to.include({ mode: 'text', context: 'changed' });
  });

  it('handoff, rating and the rest come when they happen', async () => {
    const { element, script, live, seen, watch } = await place();
    watch('handoff', 'rating', 'volumechange', 'micmutechange', 'reconnecting', 'reconnected', 'wordheard');
    await live();
    script.happens({ type: 'policy.escalated', reason: 'asked', severity: 'low' });
    script.agentSays('Hello', { turn: 't1', heardMs: 900, totalMs: 900 });
    await element.rate(4, { turn: 't1', comment: 'quick' });
    element.volume = 0.5;
    element.micMuted = true;
    await element.updateComplete;
    script.happens({ type: 'link.down', attempt: 1 }, { type: 'link.up', gapMs: 5 });
    const names = seen.map(({ type }) => type);
    expect([...new Set(names)]).to.deep.equal([
      ...['handoff', 'wordheard', 'rating', 'volumechange', 'micmutechange', 'reconnecting', 'reconnected'],
    ]);
    expect(seen.find(({ type }) => type === 'rating')?.event).to.include({ score: 4, turn: 't1', comment: 'quick' });
  });
});
