import { expect } from '@esm-bundle/chai';
import type { CitationEvent, RatingEvent } from '../index.ts';
import { clearPage, place } from '../testing/place.ts';

afterEach(clearPage);

describe('the settings', () => {
  const open = async (attributes: Record<string, string> = {}) => {
    const placed = await place(attributes);
    const known = new Promise((resolve) => placed.element.addEventListener('devicechange', resolve));
    await placed.live();
    await known;
    placed.press('settings');
    await placed.settled();
    return placed;
  };

  it('choose the microphone and the speaker of the call that is open', async () => {
    const { element, script, settled } = await open();
    const [input, output] = element.renderRoot.querySelectorAll('select');
    for (const select of [input, output]) {
      if (!select) throw new Error('a menu is missing');
      select.selectedIndex = 1;
      select.dispatchEvent(new Event('change'));
    }
    await settled();
    expect(script.asked).to.deep.include({ what: 'setInput', with: input?.value });
    expect(script.asked).to.deep.include({ what: 'setSinkId', with: output?.value });
    expect([element.inputId, element.sinkId]).to.deep.equal([input?.value, output?.value]);
    expect(input?.options[0]?.text).to.equal('System default');
    expect([...(input?.options ?? [])].map(({ value }) => value)).not.to.include('default');
  });

  it('set the volume while it is being dragged', async () => {
    const { element, script, settled, find } = await open();
    const volume = find('[data-id=volume]') as HTMLInputElement;
    volume.value = '40';
    volume.dispatchEvent(new Event('input'));
    await settled();
    expect(element.volume).to.equal(0.4);
    expect(script.asked.at(-1)).to.deep.equal({ what: 'setOutput', with: { muted: false, volume: 0.4 } });
  });

  it('show how loud the microphone is while it is open, and ask for no frame otherwise', async () => {
    const { element, script, settled, find, press } = await open();
    const level = () => Number(find('[part=meter]')?.style.getPropertyValue('--_level'));
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    await frame();
    expect(level()).to.equal(0);
    script.levels.in = 10 ** (-33 / 20);
    await frame();
    await frame();
    expect(level()).to.equal(0.5);
    element.micMuted = true;
    await settled();
    expect(find('[part=meter]')).to.equal(null);
    element.micMuted = false;
    await settled();
    expect(find('[part=meter]')).not.to.equal(null);
    press('settings');
    await settled();
    const asked: unknown[] = [];
    const real = requestAnimationFrame;
    globalThis.requestAnimationFrame = (callback) => asked.push(callback);
    try {
      await new Promise((resolve) => real(resolve));
      await new Promise((resolve) => real(resolve));
    } finally {
      globalThis.requestAnimationFrame = real;
    }
    expect(asked).to.deep.equal([]);
  });

  it('have only what the page leaves in', async () => {
    const noDevices = await open({ controlslist: 'nodevices' });
    expect([noDevices.find('select'), noDevices.find('[data-id=volume]')?.localName]).to.deep.equal([null, 'input']);
    const bare = await place({ controlslist: 'nodevices novolume nomute notext nocaptions' });
    for (const id of ['settings', 'sound', 'keyboard', 'captions']) expect(bare.find(`[data-id=${id}]`)).to.equal(null);
    expect(bare.find('.mic')).not.to.equal(null);
  });
});

describe('a function that names its sources', () => {
  it('is told to the page by an event for each', async () => {
    const { element, script, live, watch, seen } = await place();
    element.defineTool('hours', { description: 'Opening hours.', parameters: {} }, () => ({
      open: 9,
      citations: [{ title: 'Hours', url: 'https://shop.test/hours' }],
    }));
    watch('citation');
    await live();
    const told = new Promise((resolve) => element.addEventListener('citation', resolve, { once: true }));
    script.happens({ type: 'tool.call', call: 'c1', name: 'hours', arguments: '{}' });
    await told;
    expect(seen.map(({ event }) => event)).to.have.lengthOf(1);
    const { tool, title, url } = seen[0]?.event as CitationEvent;
    expect([tool, title, url]).to.deep.equal(['hours', 'Hours', 'https://shop.test/hours']);
  });
});

describe('a disabled widget', () => {
  it('says that it cannot be used', async () => {
    const { element, state, settled } = await place();
    expect(state()).to.equal('Ready');
    element.disabled = true;
    await settled();
    expect(state()).to.equal('Unavailable');
  });
});

describe('a function that must be confirmed', () => {
  const ask = async () => {
    const ran: unknown[] = [];
    const placed = await place({ variant: 'launcher' });
    placed.element.defineTool('book', { description: 'Books a table.', parameters: {}, confirm: true }, (args) => {
      ran.push(args);
      return 'booked';
    });
    await placed.live();
    placed.script.happens({ type: 'tool.call', call: 'c', name: 'book', arguments: '{"at":"19:00","guests":2}' });
    await new Promise((resolve) => setTimeout(resolve));
    await placed.settled();
    return { ...placed, ran };
  };

  it('shows what would be done with what, and does it when the person says so', async () => {
    const { element, press, text, ran } = await ask();
    expect(element.open).to.equal(true);
    expect(text('.about')).to.equal('Books a table. at 19:00 guests 2');
    press('yes');
    await new Promise((resolve) => setTimeout(resolve));
    expect(ran).to.deep.equal([{ at: '19:00', guests: 2 }]);
  });

  it('is not done when the person declines, and the conversation goes on', async () => {
    const { find, press, ran, settled, state } = await ask();
    press('no');
    await settled();
    expect([ran, find('.question'), state()]).to.deep.equal([[], null, 'Listening']);
  });
});

describe('after a call', () => {
  const end = async (attributes: Record<string, string> = {}) => {
    const placed = await place(attributes);
    await placed.live();
    placed.script.userSays('Hello', 't');
    placed.element.stop();
    await placed.settled();
    return placed;
  };

  it('a person may say how it was, once, and is thanked', async () => {
    const { element, find, settled, text } = await end();
    const rated = new Promise<RatingEvent>((resolve) => element.addEventListener('rating', resolve));
    const comment = find('.rating [name=comment]') as HTMLInputElement;
    expect(comment.checkVisibility()).to.equal(false);
    find('[type=radio][value="4"]')?.click();
    expect(comment.checkVisibility()).to.equal(true);
    comment.value = ' Quick. ';
    find('.rating [type=submit]')?.click();
    const { score, comment: said } = await rated;
    await settled();
    expect([score, said, find('form.rating'), text('.thanks'), text('[role=status]')]).to.deep.equal([
      4,
      'Quick.',
      null,
      'Thank you.',
      'Ended',
    ]);
  });

  it('nobody is asked where the page leaves it out, or where nothing was said', async () => {
    expect((await end({ controlslist: 'norating' })).find('.rating')).to.equal(null);
    const silent = await place();
    await silent.live();
    silent.element.stop();
    await silent.settled();
    expect(silent.find('.rating')).to.equal(null);
  });
});

describe('for people who do not hear', () => {
  it('everything can be written and read, from the first word, without a microphone', async () => {
    const { element, script, find, settled, text, state } = await place({ mode: 'text', captions: 'on' });
    expect([text('.welcome'), find('[name=text]') !== null]).to.deep.equal(['Write your question.', true]);
    const field = find('[name=text]') as HTMLInputElement;
    field.value = 'When are you open?';
    const started = new Promise((resolve) => element.addEventListener('start', resolve));
    find('form.composer')?.dispatchEvent(new SubmitEvent('submit', { cancelable: true }));
    expect(script.config.mode).to.equal('text');
    script.opens();
    await started;
    script.happens(
      { type: 'soundless' },
      { type: 'item.started', item: 'a', response: 'r', turn: 't', epoch: 1, lane: 'B', fromMs: 0 },
      { type: 'transcript.done', item: 'a', role: 'agent', text: 'From nine to six.' },
    );
    await settled();
    expect([text('.current .said'), text('.current .unheard'), text('[role=status]')]).to.deep.equal([
      'From nine to six.',
      undefined,
      'From nine to six.',
    ]);
    expect(state()).to.equal('Microphone off');
  });
});

describe('the words', () => {
  it('stay where a reader has scrolled to, and at the newest line otherwise', async () => {
    const { script, live, find, settled } = await place();
    await live();
    const say = async (turn: number) => {
      script.userSays(`Question ${turn}: ${'and another thing '.repeat(6)}`, `t${turn}`);
      await settled();
    };
    for (let turn = 0; turn < 12; turn += 1) await say(turn);
    const log = find('.log');
    if (!log) throw new Error('no log');
    const last = () => log.querySelector('.line:last-child')?.getBoundingClientRect().bottom ?? 0;
    expect(last()).to.be.at.most(log.getBoundingClientRect().bottom);
    log.scrollTop = -200;
    await say(12);
    expect(log.scrollTop).to.be.below(-100);
    expect(last()).to.be.above(log.getBoundingClientRect().bottom);
  });

  it('give way to the state, large, where captions are off', async () => {
    const { live, text, settled, press } = await place();
    await live();
    press('captions');
    await settled();
    expect(text('.still')).to.equal('Listening');
  });

  it('of an error come with the other way on, where typing is one', async () => {
    const { fails, find, settled } = await place();
    await fails('MIC_DENIED');
    find('.problem .plain')?.click();
    await settled();
    await settled();
    expect(find('[name=text]')).not.to.equal(null);
    expect(find('.problem .plain')).to.equal(null);
  });
});

describe('a language', () => {
  it('brings its direction along, and a page that says otherwise is followed', async () => {
    const { element, find, settled } = await place({ lang: 'he' });
    const root = () => [find('.root')?.lang, find('.root')?.dir, getComputedStyle(find('.root') ?? element).direction];
    while (find('.root')?.lang !== 'he') {
      await new Promise((resolve) => setTimeout(resolve));
      await settled();
    }
    expect(root()).to.deep.equal(['he', 'rtl', 'rtl']);
    element.dir = 'ltr';
    element.requestUpdate();
    await settled();
    expect(root()).to.deep.equal(['he', '', 'ltr']);
  });

  it('that has no words is told to be English', async () => {
    const { find } = await place({ lang: 'tlh' });
    expect([find('.root')?.lang, find('.root')?.dir]).to.deep.equal(['en', 'ltr']);
  });
});

describe('things of the page’s own', () => {
  it('stand in the slots: before the name, before the first words, and in place of icons', async () => {
    for (const variant of ['launcher', 'panel', 'inline', 'bar'] as const) {
      const { element, settled } = await place({ variant });
      element.show();
      for (const name of ['avatar', 'empty', 'icon-mic', 'icon-settings', 'icon-keyboard', 'icon-sound']) {
        const own = document.createElement('span');
        own.slot = name;
        own.textContent = name;
        element.append(own);
      }
      await settled();
      const shown = [...element.children].filter((own) => own.assignedSlot && own.checkVisibility());
      expect(shown, variant).to.have.length(6);
      expect(element.renderRoot.querySelector('[data-id=mic]')?.getAttribute('aria-label')).to.equal('Start talking');
      element.remove();
    }
  });
});
