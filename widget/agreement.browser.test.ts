/** What needs the person's word (consent, functions that ask first, forms), and what a page can watch and choose. */
import { expect } from '@esm-bundle/chai';
import { CallError, VoiceJibJab } from './index.ts';
import { clearPage, place } from './testing/place.ts';
import { ScriptedCall } from './testing/scripted-call.ts';

afterEach(clearPage);
const turn = () => new Promise((resolve) => setTimeout(resolve));

describe('consent', () => {
  const asking = () => place({ consent: 'required', tenant: 'pk_consent' });

  it('asked by the widget starts the call in the very press that agrees, once for all calls', async () => {
    const { element, script, press, find, settled: done, seen, watch } = await asking();
    watch('consentrequest', 'consentchange', 'beforestart');
    const started = element.start();
    await done();
    expect([find('[data-id=question]') === null, script.opened, sessionStorage.length]).to.deep.equal([false, 0, 0]);
    press('yes');
    await turn();
    script.opens();
    await started;
    expect(seen.map(({ type }) => type)).to.deep.equal(['consentrequest', 'consentchange', 'beforestart']);
    expect(element.consentState).to.equal('granted');
    const later = await asking();
    await later.live();
    expect(later.element.readyState).to.equal(VoiceJibJab.LIVE);
  });

  it('declined starts nothing, and may be asked again', async () => {
    const { element, script, press, settled: done } = await asking();
    for (const _ of [1, 2]) {
      const started = element.start();
      await done();
      press('no');
      await started;
    }
    expect([script.opened, element.consentState, element.readyState]).to.deep.equal([
      0,
      'denied',
      VoiceJibJab.CONFIGURED,
    ]);
  });

  for (const [name, answer, opened] of [
    ['agrees', () => Promise.resolve(true), 1],
    ['declines', () => Promise.resolve(false), 0],
    ['fails to ask', () => Promise.reject(new Error('closed')), 0],
  ] as const) {
    it(`is the page’s own business where it ${name}`, async () => {
      const { element, script, find, settled: done } = await asking();
      element.addEventListener('consentrequest', (event) => event.respondWith(answer()));
      element.start().catch(() => undefined);
      await turn();
      await done();
      expect([script.opened, find('[data-id=question]')]).to.deep.equal([opened, null]);
    });
  }
});

describe('a function of the page', () => {
  const call = (name: string, args = '{}') => ({ type: 'tool.call', call: 'c1', name, arguments: args }) as const;
  const answers = (script: ScriptedCall) =>
    script.asked.filter(({ what }) => what === 'answerTool').map((one) => (one.with as { output: string }).output);

  it('that asks for it runs only after the person has said so', async () => {
    const { element, script, live, press, find, settled: done } = await place();
    element.defineTool('pay', { description: 'Pays', parameters: {}, confirm: true }, () => 'paid');
    await live();
    for (const id of ['no', 'yes']) {
      script.happens(call('pay', '{"euros":9}'));
      while (!find(`[data-id=${id}]`)) await turn();
      press(id);
      await done();
      while (answers(script).length < (id === 'no' ? 1 : 2)) await turn();
    }
    expect(answers(script)).to.deep.equal(['{"error":"the person declined"}', 'paid']);
  });

  it('may be a form: filled in by the model, sent by the person', async () => {
    const page = document.createElement('div');
    page.innerHTML = `<form data-vjj-tool="book" data-vjj-description="Books a table">
      <label>Guests <input name="guests" type="number" required></label>
      <label>When <input name="day" type="date"></label>
      <label><input name="terrace" type="checkbox"> Outside</label>
      <select name="room"><option value="a"></option><option value="b"></option></select>
      <input name="secret" type="password"><input type="hidden" name="csrf" value="x">
      <button>Book</button><button type="reset">No</button></form>`;
    document.body.append(page);
    const form = page.querySelector('form');
    form?.addEventListener('submit', (event) => event.preventDefault());
    const { script, live } = await place();
    await live();
    expect(script.config.tools).to.deep.equal([
      {
        name: 'book',
        description: 'Books a table',
        parameters: {
          type: 'object',
          properties: {
            guests: { type: 'number', description: 'Guests' },
            day: { type: 'string', format: 'date', description: 'When' },
            terrace: { type: 'boolean', description: 'Outside' },
            room: { type: 'string', enum: ['a', 'b'] },
          },
          required: ['guests'],
          additionalProperties: false,
        },
      },
    ]);
    const said = call('book', '{"guests":4,"terrace":true,"room":"b","secret":"no","csrf":"no"}');
    script.happens(said);
    await turn();
    expect(answers(script)).to.deep.equal([]);
    page.querySelector<HTMLButtonElement>('button')?.click();
    await turn();
    script.happens(said);
    await turn();
    page.querySelector<HTMLButtonElement>('[type=reset]')?.click();
    await turn();
    form?.setAttribute('data-vjj-auto', '');
    script.happens(said);
    await turn();
    const sent = '{"guests":"4","day":"","terrace":"on","room":"b"}';
    expect(answers(script)).to.deep.equal([sent, '{"error":"the person declined"}', sent]);
    expect(page.querySelector<HTMLInputElement>('[name=secret]')?.value).to.equal('');
    page.remove();
  });
});

describe('the page’s own monitoring', () => {
  it('sees how long people waited', async () => {
    performance.clearMeasures();
    const { element, script } = await place();
    const started = element.start();
    script.hears();
    script.opens();
    await started;
    script.userSays('Hi', 't1');
    script.agentSays('Hello', { turn: 't1', heardMs: 900, totalMs: 900 });
    script.happens({ type: 'turn.ended', turn: 't1', outcome: 'answered', firstSentMs: {} });
    script.happens({ type: 'pause', detectMs: 20, silenceMs: 4 });
    const measures = performance.getEntriesByType('measure');
    expect(measures.map(({ name }) => name).sort()).to.deep.equal(['vjj:bargein', 'vjj:click→mic', 'vjj:turn']);
    expect(measures.find(({ name }) => name === 'vjj:bargein')?.duration).to.be.closeTo(24, 1);
  });
});

describe('mode="auto"', () => {
  it('goes on in writing where there is no microphone, and fails as ever for any other cause', async () => {
    const { element } = await place({ mode: 'auto' });
    const modes: string[] = [];
    const text = new ScriptedCall();
    element.openCall = (request) => {
      modes.push(request.config.mode);
      if (request.config.mode === 'voice') return Promise.reject(new CallError('MIC_NOT_FOUND', ''));
      const opening = text.openCall(request);
      text.opens();
      return opening;
    };
    await element.start();
    expect([modes, element.readyState, element.error]).to.deep.equal([['voice', 'text'], VoiceJibJab.LIVE, null]);
    element.stop();
    element.openCall = () => Promise.reject(new CallError('QUOTA', ''));
    const failed: unknown = await element.start().catch((error: unknown) => error);
    expect(failed).to.include({ code: 'QUOTA' });
  });
});

describe('preload', () => {
  it('changes nothing that a person sees', async () => {
    for (const preload of ['intent', 'auto', 'none'] as const) {
      const element = document.createElement('voice-jib-jab');
      element.preload = preload;
      document.body.append(element);
      await element.updateComplete;
      element.dispatchEvent(new PointerEvent('pointerenter'));
      expect(element.shadowRoot?.querySelectorAll('button').length).to.equal(1);
      element.remove();
    }
  });
});
