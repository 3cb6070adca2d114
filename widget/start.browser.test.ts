/**
 * What a press does before anything else is here: it asks for the microphone, unless the call may not have one yet, and
 * whoever gives the call up gives it back. With the browser's own microphone and no relay.
 */
import { expect } from '@esm-bundle/chai';
import { takeContext } from './audio/prepared-sound.ts';
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

describe('what a press leaves for later', () => {
  const BrowsersContext = globalThis.AudioContext;
  const browsersFetch = globalThis.fetch.bind(globalThis);
  /** What was made and fetched, in order. */
  let begun: string[] = [];
  beforeEach(async () => {
    await VoiceJibJab.preload();
    // None that is left from a call that was given up.
    await takeContext().close();
    begun = [];
    globalThis.AudioContext = class extends BrowsersContext {
      constructor(options?: AudioContextOptions) {
        super(options);
        begun.push('context');
      }
    };
    globalThis.fetch = (input, init) => {
      begun.push(input instanceof URL && input.pathname === '/api/token' ? 'token' : 'file');
      return browsersFetch(input, init);
    };
  });
  afterEach(() => {
    globalThis.AudioContext = BrowsersContext;
    globalThis.fetch = browsersFetch;
    Reflect.deleteProperty(navigator, 'audioSession');
  });
  /** Longer than all that follows a press without waiting for anything. */
  const tasks = async () => {
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve));
  };

  it('is the context too: it is made in the next task, once, and the call takes it', async () => {
    const element = launcher();
    const started = element.start().catch(() => undefined);
    expect([element.readyState, asked.length, begun]).to.deep.equal([VoiceJibJab.CONNECTING, 1, []]);
    await new Promise((resolve) => setTimeout(resolve));
    expect(begun).to.deep.equal(['context']);
    await started;
    expect(begun.filter((what) => what === 'context')).to.have.lengthOf(1);
    await released();
  });

  it('is not the context where the browser hears the gesture in its own task only', async () => {
    Object.defineProperty(navigator, 'audioSession', { configurable: true, value: { type: 'auto' } });
    const started = launcher()
      .start()
      .catch(() => undefined);
    expect(begun).to.deep.equal(['context']);
    await started;
    expect(begun.filter((what) => what === 'context')).to.have.lengthOf(1);
    await released();
  });

  it('is no second call, however often it is pressed', async () => {
    const element = launcher({ open: '', turn: 'hold' });
    await element.updateComplete;
    const started = [element.start(), element.start(), element.start()].map((one) => one.catch(() => undefined));
    await Promise.all(started);
    expect([asked.length, begun.filter((what) => what === 'token').length]).to.deep.equal([1, 1]);
    await released();
  });

  const abort = new AbortController();
  const ways: Record<string, (element: VoiceJibJab) => void> = {
    'is stopped': (element) => element.stop('user'),
    'is closed': (element) => element.close(),
    'is taken off the page': (element) => element.remove(),
    'has its signal aborted': () => abort.abort(),
  };
  for (const [way, giveUp] of Object.entries(ways)) {
    it(`is never begun by a call that ${way} before it`, async () => {
      const element = launcher({ open: '' });
      await element.updateComplete;
      begun = [];
      const started = element.start({ signal: abort.signal });
      giveUp(element);
      await started;
      await tasks();
      await released();
      expect([element.readyState, element.error]).to.deep.equal([VoiceJibJab.ENDED, null]);
      expect(begun.filter((what) => what !== 'context')).to.deep.equal([]);
      expect(asked).to.have.lengthOf(1);
    });
  }

  it('is never begun by a call in writing that is stopped before it', async () => {
    const element = launcher();
    const started = element.start({ mode: 'text' });
    element.stop('user');
    await started;
    await tasks();
    expect([asked.length, begun.filter((what) => what !== 'context')]).to.deep.equal([0, []]);
  });

  it('is begun once for a call that was given up and pressed for again', async () => {
    const element = launcher();
    const first = element.start();
    element.stop('user');
    const second = element.start().catch(() => undefined);
    expect(element.readyState).to.equal(VoiceJibJab.CONNECTING);
    await Promise.all([first, second]);
    expect(begun.filter((what) => what === 'token')).to.have.lengthOf(1);
    await released();
  });

  it('reads the settings as they are then', async () => {
    const element = launcher();
    const started = element.start({ mode: 'text' }).catch(() => undefined);
    element.tenant = 'pk_other';
    let body = '';
    globalThis.fetch = (input, init) => {
      if (typeof init?.body === 'string') body = init.body;
      return browsersFetch(input, init);
    };
    await started;
    expect(JSON.parse(body)).to.deep.equal({ tenant: 'pk_other' });
  });

  it('lets a button that was held and let go meanwhile be', async () => {
    const element = launcher({ open: '', turn: 'hold' });
    await element.updateComplete;
    const mic = element.renderRoot.querySelector('[data-id=mic]');
    // A relay that is slow.
    globalThis.fetch = () => new Promise(() => undefined);
    const is: boolean[] = [];
    mic?.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true, pointerId: 1, isPrimary: true, button: 0 }));
    await element.updateComplete;
    is.push(element.matches(':state(talking)'));
    mic?.dispatchEvent(new PointerEvent('pointerup', { bubbles: true, pointerId: 1, isPrimary: true, button: 0 }));
    await element.updateComplete;
    is.push(element.matches(':state(talking)'));
    expect([is, element.readyState, asked.length]).to.deep.equal([[true, false], VoiceJibJab.CONNECTING, 1]);
    element.stop('user');
    await released();
  });

  it('asks again for a microphone that went away before the call took it', async () => {
    const ask = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (constraints) => {
      const stream = await ask(constraints);
      if (asked.length === 1) stream.getTracks().forEach((track) => track.stop());
      return stream;
    };
    // A relay that is slow.
    globalThis.fetch = () => new Promise(() => undefined);
    const element = launcher();
    const started = element.start();
    while (asked.length < 2) await new Promise((resolve) => setTimeout(resolve));
    element.stop('user');
    await started;
    await released();
    expect(asked).to.have.lengthOf(2);
  });

  it('is nothing at all where the page opens calls in a way of its own', async () => {
    const { element, script } = await place();
    void element.start();
    expect(script.opened).to.equal(1);
    await tasks();
    expect([asked.length, begun]).to.deep.equal([0, []]);
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
