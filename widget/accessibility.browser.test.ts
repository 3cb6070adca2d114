import { expect } from '@esm-bundle/chai';
import 'axe-core';
import type { AxeResults } from 'axe-core';
import { CallError } from './index.ts';
import { clearPage, place } from './testing/place.ts';

const { axe } = globalThis as unknown as { axe: { run(on: Element, options: object): Promise<AxeResults> } };
type Placed = Awaited<ReturnType<typeof place>>;

const speaking = async ({ script, live }: Placed) => {
  await live();
  script.userSays('When are you open?', 't1');
  return script.agentSays('We are open from nine to six.', { turn: 't1', heardMs: 600, totalMs: 1_800 });
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
  ended: async (placed) => {
    await speaking(placed);
    placed.element.stop();
  },
  failed: ({ fails }) => fails('MIC_DENIED'),
  typing: async ({ press, live }) => {
    await live();
    press('keyboard');
  },
  disabled: ({ element }) => {
    element.disabled = true;
    return Promise.resolve();
  },
};

afterEach(() => {
  clearPage();
  document.documentElement.style.background = '';
});

for (const variant of ['launcher', 'panel', 'inline', 'bar'] as const) {
  describe(`the ${variant}`, () => {
    for (const [name, reach] of Object.entries(STATES)) {
      it(`has no fault that axe can find while ${name}, in light and dark`, async () => {
        const placed = await place({ variant });
        document.documentElement.lang = 'en';
        document.title = 'test';
        placed.element.style.setProperty('--vjj-duration', '0ms');
        if (variant === 'launcher') placed.element.show();
        await reach(placed);
        const faults: string[] = [];
        for (const theme of ['light', 'dark'] as const) {
          placed.element.theme = theme;
          await placed.settled();
          await placed.settled();
          const { violations } = await axe.run(placed.element, { resultTypes: ['violations'] });
          for (const { id, nodes } of violations)
            faults.push(`${theme} ${id}: ${nodes.map(({ html }) => html).join()}`);
        }
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
  expect(new CallError('QUOTA', '').recovery).to.equal('retry');
});

it('gives every control a touch target of 44 pixels or more', async () => {
  for (const variant of ['panel', 'inline', 'bar'] as const) {
    const { element, live } = await place({ variant });
    await live();
    for (const button of element.renderRoot.querySelectorAll('button')) {
      const { width, height } = button.getBoundingClientRect();
      expect(Math.min(width, height), button.outerHTML).to.be.at.least(44);
    }
  }
});
