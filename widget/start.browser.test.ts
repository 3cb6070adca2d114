/**
 * What a press does before anything else is here: it asks for the microphone, unless the call may not have one yet, and
 * whoever gives the call up gives it back. With the browser's own microphone and no relay.
 */
import { expect } from '@esm-bundle/chai';
import { VoiceJibJab } from './index.ts';
import { clearPage, place } from './testing/place.ts';

const devices = navigator.mediaDevices;
const browsers = devices.getUserMedia.bind(devices);
let asked: { constraints: MediaStreamConstraints | undefined; given: Promise<MediaStream> }[] = [];
const placed: VoiceJibJab[] = [];

/** An element that opens calls as it does on a page, with no relay behind it. */
function launcher(attributes: Record<string, string> = {}): VoiceJibJab {
  const element = document.createElement('voice-jib-jab');
  for (const [name, value] of Object.entries({ src: location.origin, tenant: 'pk_test', lang: 'en', ...attributes })) {
    element.setAttribute(name, value);
  }
  document.body.append(element);
  placed.push(element);
  return element;
}
/** Until the browser has taken back every microphone that it gave. */
async function released(): Promise<void> {
  for (const { given } of asked) {
    for (const track of (await given).getTracks()) {
      while (track.readyState !== 'ended') await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
const press = (element: VoiceJibJab) => element.renderRoot.querySelector<HTMLElement>('[data-id=launcher]')?.click();

beforeEach(() => {
  asked = [];
  devices.getUserMedia = (constraints) => {
    const given = browsers(constraints);
    asked.push({ constraints, given });
    return given;
  };
});
afterEach(() => {
  devices.getUserMedia = browsers;
  for (const element of placed.splice(0)) element.remove();
  clearPage();
});

describe('a press, while the rest of the script is on its way', () => {
  // Before anything else in this file: nothing has been fetched yet.
  it('asks for the microphone at once, and gives it back when the call is given up', async () => {
    const element = launcher();
    await element.updateComplete;
    expect(asked).to.have.lengthOf(0);
    press(element);
    expect(asked).to.have.lengthOf(1);
    expect(element.readyState).to.equal(VoiceJibJab.CONNECTING);
    element.stop('user');
    await released();
    await VoiceJibJab.preload();
    expect(asked).to.have.lengthOf(1);
  });
});

describe('the microphone that a press asked for', () => {
  it('is the call’s, which gives it back when there is no relay', async () => {
    const element = launcher();
    await element.updateComplete;
    const error = await element.start().then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).to.equal(element.error);
    expect(asked).to.have.lengthOf(1);
    await released();
  });

  it('is given back by a call that ends before it comes', async () => {
    const element = launcher();
    await element.updateComplete;
    const started = element.start().catch(() => undefined);
    element.stop('user');
    await started;
    await released();
    expect(asked).to.have.lengthOf(1);
  });

  it('is one for each of two calls that begin together', async () => {
    const [one, other] = [launcher(), launcher()];
    await Promise.all([one.updateComplete, other.updateComplete]);
    await Promise.all([one, other].map((element) => element.start().catch(() => undefined)));
    expect(asked).to.have.lengthOf(2);
    await released();
  });

  it('says why it was refused', async () => {
    devices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotReadableError'));
    const element = launcher();
    await element.start().catch(() => undefined);
    expect(element.error?.code).to.equal('MIC_IN_USE');
  });

  it('is the one that was chosen, where one was', async () => {
    const element = launcher();
    element.inputId = 'the-desk';
    await element.start().catch(() => undefined);
    expect(asked.map(({ constraints }) => (constraints?.audio as MediaTrackConstraints).deviceId)).to.deep.equal([
      { ideal: 'the-desk' },
    ]);
    await released();
  });
});

describe('no microphone is asked for', () => {
  it('before the person has agreed', async () => {
    const element = launcher({ consent: 'required' });
    const started = element.start();
    await element.updateComplete;
    expect(asked).to.have.lengthOf(0);
    element.setConsent(false);
    await started;
    expect(asked).to.have.lengthOf(0);
    const again = element.start().catch(() => undefined);
    element.setConsent(true);
    await again;
    expect(asked).to.have.lengthOf(1);
    await released();
  });

  it('for a call in writing, nor for one that the page prevents or opens in a way of its own', async () => {
    await launcher()
      .start({ mode: 'text' })
      .catch(() => undefined);
    const prevented = launcher();
    prevented.addEventListener('beforestart', (event) => event.preventDefault());
    await prevented.start();
    const { live } = await place();
    await live();
    expect(asked).to.have.lengthOf(0);
  });
});

describe('the picture of a call that begins', () => {
  it('comes after the microphone', async () => {
    const { element, script, state } = await place();
    void element.start();
    const before = await new Promise((resolve) => setTimeout(() => resolve(state())));
    script.hears();
    await element.updateComplete;
    expect([before, state()]).to.deep.equal(['Ready', 'Connecting']);
  });

  it('does not wait for a person who is still being asked', async () => {
    const { element, state } = await place();
    void element.start();
    await element.updateComplete;
    expect(state()).to.equal('Connecting');
  });

  it('does not wait in a call in writing', async () => {
    const { element, state } = await place();
    void element.start({ mode: 'text' });
    await element.updateComplete;
    expect(state()).to.equal('Connecting');
  });
});
