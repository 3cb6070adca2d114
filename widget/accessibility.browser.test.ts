import { expect } from '@esm-bundle/chai';
import { a11ySnapshot } from '@web/test-runner-commands';
import 'axe-core';
import type { AxeResults } from 'axe-core';
import { loadLabels } from './labels/labels.ts';
import { clearPage, place } from './testing/place.ts';

const { axe } = globalThis as unknown as { axe: { run(on: Element, options: object): Promise<AxeResults> } };
type Placed = Awaited<ReturnType<typeof place>>;

const speaking = async ({ script, live }: Placed) => {
  await live();
  script.userSays('When are you open?', 't1');
  return script.agentSays('We are open from nine to six.', { turn: 't1', heardMs: 600, totalMs: 1_800 });
};
const ended = async (placed: Placed) => {
  await speaking(placed);
  placed.element.stop();
};
const STATES: Record<string, (placed: Placed) => Promise<unknown>> = {
  ready: () => Promise.resolve(),
  connecting: ({ element }) => {
    element.start().catch(() => undefined);
    return Promise.resolve();
  },
  listening: ({ live }) => live(),
  speaking,
  held: async (placed) => {
    await speaking(placed);
    placed.script.happens({ type: 'onset', utterance: 'u', paused: true });
  },
  cut: async (placed) => {
    const item = await speaking(placed);
    placed.script.happens({ type: 'item.truncated', item, heardMs: 600 });
  },
  muted: async ({ element, live }) => {
    await live();
    element.micMuted = element.muted = true;
  },
  reconnecting: async ({ script, live }) => {
    await live();
    script.happens({ type: 'link.down', attempt: 1 });
  },
  'asking how it was': ended,
  rated: async (placed) => {
    await ended(placed);
    await placed.element.rate(5);
  },
  failed: ({ fails }) => fails('MIC_DENIED'),
  'asking for consent': ({ element }) => {
    element.consent = 'required';
    element.start().catch(() => undefined);
    return Promise.resolve();
  },
  'asking to confirm a function': async ({ element, script, live }) => {
    element.defineTool('book', { description: 'Books a table.', parameters: {}, confirm: true }, () => 'done');
    await live();
    script.happens({ type: 'tool.call', call: 'c', name: 'book', arguments: '{"at":"19:00","guests":2}' });
    await new Promise((resolve) => setTimeout(resolve));
  },
  typing: async ({ press, live }) => {
    await live();
    press('keyboard');
  },
  'showing its settings': async ({ element, press, live }) => {
    const known = new Promise((resolve) => element.addEventListener('devicechange', resolve));
    await live();
    await known;
    press('settings');
  },
  'without captions': async ({ element, live }) => {
    element.captions = 'off';
    await live();
  },
  disabled: ({ element }) => {
    element.disabled = true;
    return Promise.resolve();
  },
};

/** Two themes, two directions. */
const LOOKS = (['light', 'dark'] as const).flatMap((theme) => (['en', 'ar'] as const).map((lang) => ({ theme, lang })));

/** All looks of one variant in one state, each in a frame of its own, so that one run of axe sees all. */
async function placeAll(variant: string, reach: (placed: Placed) => Promise<unknown>): Promise<HTMLElement> {
  await loadLabels('ar');
  const page = document.createElement('main');
  document.body.append(page);
  for (const { theme, lang } of LOOKS) {
    const frame = document.createElement('div');
    // What is fixed to the window is fixed to the frame then.
    frame.style.cssText = 'contain:layout;inline-size:400px;block-size:620px;overflow:hidden';
    page.append(frame);
    const placed = await place({ variant, theme, lang });
    placed.element.strings = { assistant: `${theme} ${lang}` };
    placed.element.style.setProperty('--vjj-duration', '0ms');
    frame.append(placed.element);
    if (variant === 'launcher') placed.element.show();
    await placed.settled();
    await reach(placed);
    await placed.settled();
    await placed.settled();
  }
  return page;
}

afterEach(() => {
  clearPage();
  document.querySelector('main')?.remove();
});

for (const variant of ['launcher', 'panel', 'inline', 'bar'] as const) {
  describe(`the ${variant}`, () => {
    for (const [name, reach] of Object.entries(STATES)) {
      it(`has no fault that axe can find while ${name}: light and dark, left to right and right to left`, async () => {
        document.documentElement.lang = 'en';
        document.title = 'test';
        const page = await placeAll(variant, reach);
        // Four of the same on one page have landmarks of one name; a page has one, so each is asked alone.
        const alone = 'landmark-unique';
        const { violations } = await axe.run(page, {
          resultTypes: ['violations'],
          rules: { [alone]: { enabled: false } },
        });
        for (const one of page.querySelectorAll('voice-jib-jab')) {
          const own = await axe.run(one, { resultTypes: ['violations'], runOnly: [alone] });
          violations.push(...own.violations);
        }
        const faults = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`);
        expect(faults).to.deep.equal([]);
      });
    }
  });
}

it('is one pill with one word while closed, without a fault', async () => {
  const { element } = await place({ variant: 'launcher' });
  const { violations } = await axe.run(element, { resultTypes: ['violations'] });
  expect(violations).to.deep.equal([]);
});

it('shows nothing where it is headless, and works', async () => {
  const { element, live } = await place({ variant: 'headless' });
  await live();
  expect([element.readyState, getComputedStyle(element).display, element.shadowRoot?.childElementCount]).to.deep.equal([
    3,
    'none',
    0,
  ]);
});

it('gives every control a touch target of 44 pixels or more', async () => {
  for (const variant of ['panel', 'inline', 'bar']) {
    for (const state of ['typing', 'showing its settings', 'asking how it was', 'failed', 'asking for consent']) {
      const placed = await place({ variant });
      await STATES[state]?.(placed);
      await placed.settled();
      placed.find('[type=radio]')?.click();
      for (const control of placed.element.renderRoot.querySelectorAll('button, select, input')) {
        const { width, height } = control.getBoundingClientRect();
        expect(Math.min(width, height), control.outerHTML).to.be.at.least(43.99);
      }
      clearPage();
    }
  }
});

interface Node {
  role: string;
  name?: string;
  children?: Node[];
}
/** What a screen reader finds, in order: everything that can be pressed, set or entered, and what holds it. */
async function controls(): Promise<string[]> {
  const HELD = new Set([
    'button',
    'combobox',
    'slider',
    'textbox',
    'radio',
    'dialog',
    'alertdialog',
    'region',
    'group',
    'log',
  ]);
  const flat = (node: Node): string[] => [
    ...(HELD.has(node.role) ? [`${node.role} ${node.name ?? ''}`] : []),
    ...(node.children ?? []).flatMap(flat),
  ];
  return flat((await (a11ySnapshot({}) as Promise<unknown>)) as Node);
}

describe('the accessibility tree', () => {
  const HEADER = ['button Hide captions', 'button Mute sound'];
  const FOOTER = ['button Type a message', 'button Settings'];

  it('has a named button for the pill, and a named dialog for what it opens', async () => {
    const { element, live, settled } = await place({ variant: 'launcher' });
    expect(await controls()).to.deep.equal(['button Talk']);
    await live();
    element.show();
    await settled();
    expect(await controls()).to.deep.equal([
      'dialog Ada',
      ...HEADER,
      'button Close',
      ...FOOTER,
      'button Mute microphone',
      'button End',
    ]);
  });

  it('names the conversation, the way to stop the answer and the field to type in', async () => {
    const placed = await place({ variant: 'panel' });
    await speaking(placed);
    placed.press('keyboard');
    await placed.settled();
    await placed.settled();
    expect(await controls()).to.deep.equal([
      'region Ada',
      ...HEADER,
      'log Conversation',
      'button Stop the answer',
      'textbox Write a message',
      'button Send',
      ...FOOTER,
      'button Mute microphone',
      'button End',
    ]);
  });

  it('names devices and volume', async () => {
    const placed = await place({ variant: 'panel' });
    await STATES['showing its settings']?.(placed);
    await placed.settled();
    const list = await controls();
    expect(list.slice(list.indexOf('combobox Microphone'))).to.deep.equal([
      'combobox Microphone',
      'combobox Speaker',
      'slider Volume',
      ...FOOTER,
      'button Mute microphone',
      'button End',
    ]);
  });

  it('leaves only the question while one is open', async () => {
    const placed = await place({ variant: 'panel' });
    await STATES['asking for consent']?.(placed);
    await placed.settled();
    expect(await controls()).to.deep.equal([
      'region Assistant',
      ...HEADER,
      'alertdialog Before we begin',
      'button Agree',
      'button Not now',
    ]);
  });

  it('names each step of the rating, and both its ends', async () => {
    const placed = await place({ variant: 'panel' });
    await ended(placed);
    await placed.settled();
    const list = await controls();
    expect(list.filter((one) => /^radio/.test(one))).to.deep.equal([
      'radio 1, Poor',
      'radio 2',
      'radio 3',
      'radio 4',
      'radio 5, Very good',
    ]);
  });
});
