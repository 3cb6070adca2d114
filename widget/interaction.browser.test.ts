import { expect } from '@esm-bundle/chai';
import { VoiceJibJab } from './index.ts';
import { clearPage, key, place } from './testing/place.ts';

afterEach(clearPage);
const pointer = (target: Element | null, type: string) =>
  target?.dispatchEvent(new PointerEvent(type, { bubbles: true, composed: true, button: 0, pointerId: 1 }));
const talks = (asked: { what: string; with: unknown }[]) =>
  asked.filter(({ what }) => what === 'talk').map((one) => one.with);

describe('the launcher', () => {
  it('opens its panel and starts to talk in one press', async () => {
    const { element, script, press, find, settled } = await place({ variant: 'launcher' });
    expect(find('.launcher')?.textContent.trim()).to.equal('Talk');
    press('launcher');
    await settled();
    expect([element.open, script.opened]).to.deep.equal([true, 1]);
    expect(find('[role=dialog]')?.getAttribute('aria-label')).to.equal('Assistant');
    expect(element.shadowRoot?.activeElement?.getAttribute('data-id')).to.equal('mic');
  });

  it('only opens where talking is for the button', async () => {
    const { element, script, press } = await place({ variant: 'launcher', turn: 'hold' });
    press('launcher');
    expect([element.open, script.opened]).to.deep.equal([true, 0]);
  });

  it('closes with Escape: the call ends and the focus returns', async () => {
    const { element, script, press, find, settled, live, seen, watch } = await place({ variant: 'launcher' });
    watch('toggle');
    find('.launcher')?.focus();
    press('launcher');
    await live();
    key(find('[data-id=mic]'), 'keydown', { key: 'Escape' });
    await settled();
    await settled();
    expect([element.open, script.isEnded]).to.deep.equal([false, true]);
    expect(element.shadowRoot?.activeElement?.getAttribute('data-id')).to.equal('launcher');
    expect(seen).to.have.length(2);
  });

  it('gives the focus back to the page’s own button', async () => {
    const { element, settled, press } = await place({ variant: 'launcher', turn: 'hold' });
    const button = document.createElement('button');
    document.body.append(button);
    button.focus();
    element.toggle();
    await settled();
    press('close');
    await settled();
    await settled();
    expect(document.activeElement).to.equal(button);
    button.remove();
  });

  it('says the state while a call goes on behind it', async () => {
    const { element, live, find, settled } = await place({ variant: 'launcher' });
    await live();
    element.hide();
    await settled();
    expect(find('.launcher')?.textContent.trim()).to.equal('Listening');
  });
});

describe('the microphone button', () => {
  it('mutes and unmutes a live call', async () => {
    const { element, script, live, press, settled } = await place();
    await live();
    for (const _ of [1, 2]) {
      press('mic');
      await settled();
    }
    expect(script.asked).to.deep.equal([
      { what: 'setMicMuted', with: { muted: true, policy: 'silence' } },
      { what: 'setMicMuted', with: { muted: false, policy: 'silence' } },
    ]);
    expect(element.micMuted).to.equal(false);
  });

  it('held, talks from the press to the release, and shows it at once', async () => {
    const { script, live, find, settled } = await place({ turn: 'hold' });
    await live();
    const mic = find('.mic');
    Object.defineProperty(mic, 'setPointerCapture', { value: () => undefined });
    pointer(mic, 'pointerdown');
    await settled();
    expect(mic?.getAttribute('aria-pressed')).to.equal('true');
    pointer(mic, 'pointerup');
    mic?.click();
    await settled();
    expect(talks(script.asked)).to.deep.equal([true, false]);
  });

  for (const name of [' ', 'Enter']) {
    it(`is held by the key ${JSON.stringify(name)} too, once however long`, async () => {
      const { script, live, find } = await place({ turn: 'hold' });
      await live();
      key(find('.mic'), 'keydown', { key: name });
      key(find('.mic'), 'keydown', { key: name, repeat: true });
      key(find('.mic'), 'keyup', { key: 'a' });
      expect(talks(script.asked)).to.deep.equal([true]);
      key(find('.mic'), 'keyup', { key: name });
      expect(talks(script.asked)).to.deep.equal([true, false]);
    });
  }

  it('held, lets go when the focus is lost', async () => {
    const { script, live, find } = await place({ turn: 'hold' });
    await live();
    find('.mic')?.focus();
    key(find('.mic'), 'keydown', { key: ' ' });
    find('.mic')?.blur();
    expect(talks(script.asked)).to.deep.equal([true, false]);
  });

  it('answers a screen reader’s click, which holds nothing', async () => {
    const { script, live, press } = await place({ turn: 'hold' });
    await live();
    press('mic');
    press('mic');
    expect(talks(script.asked)).to.deep.equal([true, false]);
  });

  it('tapped, talks from tap to tap', async () => {
    const { script, live, press, state, settled } = await place({ turn: 'toggle' });
    await live();
    expect(state()).to.equal('Ready');
    press('mic');
    await settled();
    expect(state()).to.equal('Listening');
    press('mic');
    expect(talks(script.asked)).to.deep.equal([true, false]);
  });

  it('starts the call with the first press, and what is said then is kept', async () => {
    const { script, press } = await place({ turn: 'toggle' });
    press('mic');
    script.hears();
    expect(talks(script.asked)).to.deep.equal([true]);
  });
});

describe('typing', () => {
  it('works before any call, without asking for a microphone', async () => {
    const { element, script, press, find, settled, text } = await place();
    press('keyboard');
    await settled();
    const input = element.renderRoot.querySelector('input');
    if (input) input.value = '  What are your hours? ';
    find('form')?.dispatchEvent(new SubmitEvent('submit', { cancelable: true }));
    expect(script.config.mode).to.equal('text');
    script.opens();
    await new Promise((resolve) => element.addEventListener('start', resolve));
    await settled();
    expect(script.asked[0]).to.deep.equal({ what: 'sendText', with: 'What are your hours?' });
    expect([text('.current .said'), input?.value]).to.deep.equal(['What are your hours?', '']);
  });

  it('works in the middle of a call, and sends nothing empty', async () => {
    const { element, script, live } = await place();
    await live();
    element.send('   ');
    element.send('Hi');
    expect(script.asked).to.deep.equal([{ what: 'sendText', with: 'Hi' }]);
  });

  it('waits with the start that the page holds back', async () => {
    const { element, script } = await place();
    element.addEventListener('beforestart', (event) => event.waitUntil(Promise.resolve()));
    element.send('Hi');
    await new Promise((resolve) => setTimeout(resolve));
    const started = new Promise((resolve) => element.addEventListener('start', resolve));
    script.opens();
    await started;
    await new Promise((resolve) => setTimeout(resolve));
    expect(script.asked).to.deep.equal([{ what: 'sendText', with: 'Hi' }]);
  });

  it('opens the microphone when it is wanted after all, or says why not', async () => {
    const { element, script, live, press, state, settled } = await place();
    await live({ mode: 'text' });
    expect(state()).to.equal('Microphone off');
    script.inputFails = new Error('none');
    press('mic');
    await new Promise((resolve) => element.addEventListener('error', resolve));
    expect(element.error?.code).to.equal('MIC_NOT_FOUND');
    script.inputFails = null;
    press('mic');
    await settled();
    expect(state()).to.equal('Listening');
  });

  it('closes again with the same button, which keeps the focus', async () => {
    const { element, press, find, settled } = await place();
    press('keyboard');
    await settled();
    press('keyboard');
    await settled();
    await settled();
    expect([find('form'), element.shadowRoot?.activeElement?.getAttribute('data-id')]).to.deep.equal([
      null,
      'keyboard',
    ]);
  });
});

describe('a button of the page', () => {
  it('steers the element by commands, without any script', async () => {
    const { element, script, live, settled, find } = await place({ variant: 'launcher' });
    const button = document.createElement('button');
    const command = (name: string) => {
      element.dispatchEvent(Object.assign(new Event('command'), { command: name, source: button }));
    };
    command('--start');
    expect([script.opened, element.open]).to.deep.equal([1, true]);
    await live();
    command('--interrupt');
    command('--mute');
    command('--text');
    command('--unknown');
    await settled();
    expect(script.asked.map(({ what }) => what)).to.deep.equal(['interrupt', 'setMicMuted']);
    expect(find('form')).not.to.equal(null);
    command('--stop');
    command('--toggle');
    expect([element.readyState, element.open]).to.deep.equal([5, false]);
  });
});

describe('the hotkey', () => {
  const combination = { key: 'k', ctrlKey: true };

  it('does what the microphone button does, from anywhere on the page', async () => {
    const { script } = await place({ hotkey: 'ctrl+k' });
    key(document.body, 'keydown', { key: 'k' });
    expect(script.opened).to.equal(0);
    key(document.body, 'keydown', combination);
    key(document.body, 'keydown', { ...combination, repeat: true });
    expect(script.opened).to.equal(1);
  });

  it('is held where talking is held', async () => {
    const { script, live } = await place({ hotkey: 'ctrl+k', turn: 'hold' });
    await live();
    key(document.body, 'keydown', combination);
    key(document.body, 'keyup', { key: 'k' });
    expect(talks(script.asked)).to.deep.equal([true, false]);
  });

  it('is silent where the page says so', async () => {
    const { script } = await place({ hotkey: 'ctrl+k', nohotkeys: '' });
    key(document.body, 'keydown', combination);
    expect(script.opened).to.equal(0);
  });
});

describe('the thread', () => {
  it('asks for no frame while nobody is heard', async () => {
    const real = window.requestAnimationFrame.bind(window);
    let frames = 0;
    window.requestAnimationFrame = (callback) => {
      frames += 1;
      return real(callback);
    };
    const { script, live, find, settled } = await place();
    await live();
    await settled();
    expect(frames).to.equal(0);
    script.loudness = { user: 0.6, agent: 0 };
    script.happens({ type: 'onset', utterance: 'u', paused: false });
    await settled();
    const user = () => find('path[data-voice=user]')?.getAttribute('d') ?? '';
    while (user() === '') await new Promise((resolve) => real(resolve));
    script.happens({ type: 'offset', utterance: 'u' });
    await settled();
    while (user() !== '') await new Promise((resolve) => real(resolve));
    await new Promise((resolve) => real(resolve));
    const atRest = frames;
    for (const _ of [1, 2, 3]) await new Promise((resolve) => real(resolve));
    expect(frames).to.equal(atRest);
    window.requestAnimationFrame = real;
  });

  it('is taut while held and breaks where something was cut', async () => {
    const { script, live, find, settled } = await place();
    await live();
    script.loudness = { user: 0, agent: 0.6 };
    script.agentSays('Hello there, dear', { turn: 't', heardMs: 1, totalMs: 900 });
    await settled();
    const agent = () => find('path[data-voice=agent]')?.getAttribute('d') ?? '';
    const rest = () => find('path[data-voice=rest]')?.getAttribute('d') ?? '';
    while (agent().length < 60) await new Promise((resolve) => requestAnimationFrame(resolve));
    script.happens({ type: 'onset', utterance: 'u', paused: true });
    await settled();
    expect(agent().replace(/[\d.-]+ 24/g, '')).not.to.match(/ \d/);
    script.happens({ type: 'lane.owner_changed', from: 'B', to: 'none', cause: 'interrupt', epoch: 2, t: 1 });
    script.happens({ type: 'offset', utterance: 'u' });
    await settled();
    expect(rest().endsWith('384 24')).to.equal(false);
  });
});

describe('the page around it', () => {
  it('may load the script twice', async () => {
    const again = (await import(new URL('./index.ts?again', import.meta.url).href)) as { VoiceJibJab: unknown };
    expect(again.VoiceJibJab).to.be.a('function');
    expect(customElements.get('voice-jib-jab')).to.equal(VoiceJibJab);
  });

  it('chooses the language, and changes it while running', async () => {
    const { element, find, settled } = await place({ variant: 'launcher' });
    const talk = () => find('.launcher')?.textContent.trim();
    const seen = [talk()];
    element.lang = 'de';
    await settled();
    seen.push(talk());
    element.removeAttribute('lang');
    document.documentElement.lang = 'fr';
    await new Promise((resolve) => setTimeout(resolve));
    await settled();
    seen.push(talk());
    document.documentElement.lang = '';
    element.strings = { talk: 'Ask Ada' };
    element.requestUpdate();
    await settled();
    seen.push(talk());
    expect(seen).to.deep.equal(['Talk', 'Sprechen', 'Parler', 'Ask Ada']);
  });

  it('gets the session’s id with its form', async () => {
    const form = document.createElement('form');
    document.body.append(form);
    const { element, live } = await place({ name: 'session' });
    form.append(element);
    await live();
    expect(new FormData(form).get('session')).to.equal('session-1');
    form.remove();
  });

  it('hears of nothing on the network before somebody wants to talk', async () => {
    const before = performance.getEntriesByType('resource').length;
    await place();
    await place({ variant: 'launcher' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(performance.getEntriesByType('resource').length).to.equal(before);
  });

  it('learns what this browser can do, without a question to the person', async () => {
    const { element } = await place();
    const verdict = await element.checkSupport();
    expect(verdict).to.include({ secureContext: true, microphone: true, audioWorklet: true, webSocket: true });
  });

  it('learns of devices once there is a call', async () => {
    const { element, live } = await place();
    const changed = new Promise((resolve) => element.addEventListener('devicechange', resolve));
    await live();
    await changed;
    expect(element.inputs.length).to.be.greaterThan(0);
    expect(element.outputs).to.be.an('array');
    expect((await element.getStats()).framesSent).to.equal(0);
    expect(element.levels).to.deep.equal({ in: 0, out: 0 });
  });
});

describe('a screen reader', () => {
  const answer = async (attributes: Record<string, string>) => {
    const { script, live, text, settled } = await place(attributes);
    await live();
    script.agentSays('At nine.', { turn: 't', heardMs: 1, totalMs: 9 });
    await settled();
    return text('[role=status]');
  };

  it('is not made to talk over the agent', async () => {
    expect(await answer({})).to.equal('');
  });

  it('reads the answer where no sound is heard, or where it is asked to', async () => {
    expect(await answer({ muted: '' })).to.equal('At nine.');
    expect(await answer({ announce: 'polite' })).to.equal('At nine.');
    expect(await answer({ announce: 'off', muted: '' })).to.equal('');
  });
});
