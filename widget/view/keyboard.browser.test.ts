import { expect } from '@esm-bundle/chai';
import { emulateMedia, sendKeys } from '@web/test-runner-commands';
import type { VoiceJibJab } from '../index.ts';
import { clearPage, place } from '../testing/place.ts';

afterEach(clearPage);
const focused = ({ shadowRoot }: VoiceJibJab) => shadowRoot?.activeElement as HTMLElement | null;
const idOf = (element: VoiceJibJab) => focused(element)?.getAttribute('data-id') ?? focused(element)?.className;

async function tabs(element: VoiceJibJab, count: number): Promise<(string | undefined)[]> {
  const ids = [];
  for (let index = 0; index < count; index += 1) {
    await sendKeys({ press: 'Tab' });
    ids.push(idOf(element));
  }
  return ids;
}

describe('with nothing but a keyboard', () => {
  it('a person opens the launcher, talks, types, sets the volume, ends and closes', async () => {
    const { element, script, settled, state } = await place({ variant: 'launcher' });
    await sendKeys({ press: 'Tab' });
    expect(idOf(element)).to.equal('launcher');
    const ring = getComputedStyle(focused(element) ?? element);
    expect([ring.outlineStyle, ring.outlineWidth, ring.outlineOffset]).to.deep.equal(['solid', '2px', '2px']);
    await sendKeys({ press: 'Enter' });
    const started = new Promise((resolve) => element.addEventListener('start', resolve));
    script.opens();
    await started;
    await settled();
    expect([idOf(element), state()]).to.deep.equal(['mic', 'Listening']);

    await sendKeys({ press: 'Enter' });
    await settled();
    expect(state()).to.equal('Microphone off');

    await sendKeys({ down: 'Shift' });
    expect(await tabs(element, 2)).to.deep.equal(['settings', 'keyboard']);
    await sendKeys({ up: 'Shift' });
    await sendKeys({ press: 'Enter' });
    await settled();
    await settled();
    await sendKeys({ type: 'Hello' });
    await sendKeys({ press: 'Enter' });
    expect(script.asked.at(-1)).to.deep.equal({ what: 'sendText', with: 'Hello' });

    expect((await tabs(element, 3)).slice(1)).to.deep.equal(['keyboard', 'settings']);
    await sendKeys({ press: 'Enter' });
    await settled();
    element.renderRoot.querySelector<HTMLElement>('[data-id=volume]')?.focus();
    await sendKeys({ press: 'ArrowDown' });
    expect(element.volume).to.equal(0.95);
    await sendKeys({ press: 'Escape' });
    await settled();
    expect([element.open, idOf(element)]).to.deep.equal([true, 'settings']);

    expect(await tabs(element, 2)).to.deep.equal(['mic', 'end']);
    await sendKeys({ press: 'Enter' });
    await settled();
    expect(state()).to.equal('Ended');
    element.renderRoot.querySelector<HTMLElement>('[data-id=mic]')?.focus();
    await sendKeys({ press: 'Escape' });
    await settled();
    await settled();
    expect([element.open, idOf(element)]).to.deep.equal([false, 'launcher']);
  });

  it('a page is never a trap: the focus leaves an open panel', async () => {
    const { element, live } = await place({ variant: 'launcher' });
    const after = document.createElement('button');
    document.body.append(after);
    await live();
    element.show();
    await element.updateComplete;
    focused(element)?.focus();
    element.renderRoot.querySelector<HTMLElement>('[data-id=end]')?.focus();
    await sendKeys({ press: 'Tab' });
    expect(document.activeElement).to.equal(after);
    after.remove();
  });

  it('a question has the focus until it is answered, and then the microphone has', async () => {
    const { element, script, settled } = await place({ consent: 'required' });
    element.start().catch(() => undefined);
    await settled();
    expect([idOf(element), script.opened]).to.deep.equal(['question', 0]);
    expect(await tabs(element, 2)).to.deep.equal(['yes', 'no']);
    await sendKeys({ press: 'Escape' });
    await settled();
    expect([idOf(element), element.consentState, script.opened]).to.deep.equal(['mic', 'denied', 0]);
    await sendKeys({ press: 'Enter' });
    await settled();
    await tabs(element, 1);
    await sendKeys({ press: 'Enter' });
    await settled();
    expect([idOf(element), element.consentState, script.opened]).to.deep.equal(['mic', 'granted', 1]);
  });
});

it('moves nothing for people who asked for less motion', async () => {
  await emulateMedia({ reducedMotion: 'reduce' });
  const real = window.requestAnimationFrame.bind(window);
  let frames = 0;
  window.requestAnimationFrame = (callback) => {
    frames += 1;
    return real(callback);
  };
  const { script, live, find, settled } = await place();
  await live();
  script.loudness = { user: 0.6, agent: 0 };
  script.happens({ type: 'onset', utterance: 'u', paused: false });
  await settled();
  const mic = find('.mic');
  expect(frames).to.equal(0);
  expect(mic && getComputedStyle(mic).transitionProperty).to.equal('none');
  window.requestAnimationFrame = real;
  await emulateMedia({ reducedMotion: 'no-preference' });
});
