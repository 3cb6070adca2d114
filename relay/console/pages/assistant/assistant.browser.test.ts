import { expect } from '@esm-bundle/chai';
import { setViewport } from '@web/test-runner-commands';
import 'axe-core';
import type { AxeResults } from 'axe-core';
import { createApi } from '../../api.ts';
import { ADA, answer, clear, dress, place, relay, until } from './testing/place.ts';

const { axe } = globalThis as unknown as { axe: { run(on: Element, options: object): Promise<AxeResults> } };

beforeEach(dress);
afterEach(clear);

describe('saving', () => {
  it('sends what was changed and no more, as a version made from the one that was read', async () => {
    const { field, type, press, says, from, find } = await place();
    expect(find('.bar .primary').disabled).to.equal(true);
    await type(field('name'), 'Grace');
    await type(field('voice'), 'cedar');
    await press('Save as version 4');
    await says('Saved as version 4.');
    expect(from.asked.at(-1)).to.deep.include({ ifMatch: '"v3"', body: { name: 'Grace', voice: 'cedar' } });
    expect(find('h1').textContent).to.equal('Grace');
    await type(field('name'), 'Grace H');
    await press('Save as version 5');
    await says('Saved as version 5.');
    expect(from.asked.at(-1)?.ifMatch).to.equal('"v4"');
    expect(from.newest('ast_1')?.policy).to.deep.equal(ADA.policy);
  });

  it('is one chord away on the keyboard, and nothing where nothing was changed', async () => {
    const { field, type, find, says, from } = await place();
    const chord = () =>
      new KeyboardEvent('keydown', { key: 's', ctrlKey: true, bubbles: true, cancelable: true, composed: true });
    expect(field('name').dispatchEvent(chord())).to.equal(false);
    expect(from.puts()).to.deep.equal([]);
    await type(field('instructions'), 'Be kind.');
    find('form[novalidate]').dispatchEvent(chord());
    await says('Saved as version 4.');
    expect(from.puts()).to.deep.equal([{ instructions: 'Be kind.' }]);
  });

  it('says what is wrong at its field, unfolds the part it is in, and puts the cursor there', async () => {
    const { root, field, labelled, type, press, says, from } = await place();
    await type(field('policy.disallowed'), 'one\n\n  ... \n');
    await type(labelled('Min delay'), '99999');
    from.refuse('putAssistant', [
      { at: 'policy.disallowed.1', message: 'holds no word' },
      { at: 'lanes.MIN_DELAY_BEFORE_REFLEX_MS', message: 'must be 0 to 10000' },
      { at: 'policy.topics.0.disclaimer', message: 'is what disclaim says' },
      { at: 'policy.moderation.output.hate', message: 'is wrong' },
      { at: 'policy.topics', message: 'must be at most 50' },
      { at: 'policy.pii', message: 'is odd' },
    ]);
    await press('Save');
    await says('“...” holds no word.');
    await says('Min delay before reflex must be 0 to 10000.');
    await says('Disclaimer is what disclaim says.');
    await says('hate is wrong.');
    await says('Topics must be at most 50.');
    // No field has it: it is said beside the button.
    expect(root.querySelector('.bar .wrong')?.textContent).to.equal('policy.pii is odd.');
    expect(await until(() => root.activeElement)).to.equal(field('policy.disallowed'));
    expect(field('policy.disallowed').value).to.equal('one\n\n  ... \n');
    expect([...root.querySelectorAll('.bar .wrong')]).to.have.length(1);
  });

  it('keeps what was typed when the relay is not reached', async () => {
    const { field, type, press, says, from, page } = await place();
    await type(field('name'), 'Grace');
    const { fetcher } = from;
    page.api = createApi(
      () => undefined,
      () => Promise.reject(new TypeError('offline')),
    );
    await press('Save');
    await says('The relay cannot be reached.');
    page.api = createApi(() => undefined, fetcher);
    // Signed out and in again: the same page comes back.
    const main = page.parentElement;
    page.remove();
    main?.append(page);
    await until(() => from.asked.filter(({ name }) => name === 'choices').length === 2);
    await page.updateComplete;
    expect(field('name').value).to.equal('Grace');
    await press('Save');
    await says('Saved as version 4.');
  });

  for (const [name, button, left, saved] of [
    ['theirs alone', 'Drop mine', 'Ada', 'Be terse.'],
    ['ours on top of theirs', 'Keep mine', 'Grace', 'Be terse.'],
  ] as const) {
    it(`says when somebody else saved meanwhile, and takes ${name}`, async () => {
      const { field, type, press, says, from } = await place();
      await type(field('name'), 'Grace');
      from.save(ADA, { instructions: 'Be terse.' });
      await press('Save as version 4');
      await says('Somebody else has saved a newer version. What you have changed is still here.');
      expect(field('name').value).to.equal('Grace');
      await press(button);
      await until(() => field('instructions').value === saved);
      expect(field('name').value).to.equal(left);
      if (left === 'Ada') return;
      await press('Save as version 5');
      await says('Saved as version 5.');
      expect(from.puts().at(-1)).to.deep.equal({ name: 'Grace' });
    });
  }

  it('can be done without: a question, and everything is as it was', async () => {
    const { field, type, press } = await place();
    await type(field('name'), 'Grace');
    await press('Discard');
    expect(await answer('Discard')).to.contain('The fields show version 3 again.');
    await until(() => field('name').value === 'Ada');
  });
});

describe('leaving with changes that are not saved', () => {
  const heard = () => {
    const all: string[] = [];
    const listen = () => all.push(location.hash);
    addEventListener('hashchange', listen);
    return { all, stop: () => removeEventListener('hashchange', listen) };
  };

  it('asks first, and stays where the answer is no', async () => {
    // As the console does: before there is a page that could ask.
    const { all, stop } = heard();
    const { field, type } = await place();
    await type(field('name'), 'Grace');
    location.hash = '#/ten_1/origins';
    expect(await answer('Cancel')).to.contain('is lost');
    await until(() => all.length === 1);
    expect([location.hash, all]).to.deep.equal(['#/ten_1/assistant', ['#/ten_1/assistant']]);
    expect(field('name').value).to.equal('Grace');
    location.hash = '#/ten_1/origins';
    await until(() => all.length === 2);
    await answer('Leave');
    await until(() => all.length === 3);
    expect([location.hash, all.at(-1)]).to.deep.equal(['#/ten_1/origins', '#/ten_1/origins']);
    stop();
  });

  it('has the browser ask where the page is closed, and only then', async () => {
    const { page, field, type } = await place();
    const isAsked = () => !dispatchEvent(new Event('beforeunload', { cancelable: true }));
    expect(isAsked()).to.equal(false);
    await type(field('name'), 'Grace');
    expect(isAsked()).to.equal(true);
    page.remove();
    expect(isAsked()).to.equal(false);
  });
});

describe('the list', () => {
  it('opens the one of the address, and makes new ones', async () => {
    const from = relay([ADA, { ...ADA, id: 'ast_2', name: 'Bob' }]);
    const { root, find, type } = await place(from, { id: 'ast_2' });
    expect(root.querySelector('[aria-current="page"]')?.textContent).to.equal('Bob');
    await type(find('form:not([novalidate]) [name=name]'), 'Eve');
    find('form:not([novalidate]) [name=name]').form?.requestSubmit();
    await until(() => location.hash === '#/ten_1/assistant/ast_3');
    expect(from.asked.at(-1)).to.deep.include({ name: 'addAssistant', body: { name: 'Eve' } });
  });

  it('asks for the first one where there is none', async () => {
    const { says, find } = await place(relay([]));
    await says('No assistants yet.');
    expect(find('details').hasAttribute('open')).to.equal(true);
  });

  it('shows a viewer everything, and lets them change nothing', async () => {
    const { root, field, buttons } = await place(relay(), { role: 'viewer' });
    expect(field('name').matches(':disabled')).to.equal(true);
    const usable = buttons().filter((button) => !button.matches(':disabled'));
    expect(usable).to.deep.equal([]);
    expect(root.querySelector('vjj-test-call, vjj-voice-preview')).to.equal(null);
  });
});

for (const width of [360, 1080]) {
  for (const theme of ['light', 'dark']) {
    it(`has no fault that axe can find, ${theme}, at ${width} pixels, with everything unfolded and something wrong`, async () => {
      await setViewport({ width, height: 800 });
      document.documentElement.dataset.theme = theme;
      const from = relay([ADA, { ...ADA, id: 'ast_2', name: 'Bob' }]);
      const { page, field, type, press, says, unfold } = await place(from);
      unfold();
      await type(field('name'), 'Grace');
      from.refuse('putAssistant', [
        { at: 'name', message: 'must not be empty' },
        { at: 'elsewhere', message: 'is wrong' },
      ]);
      await press('Save');
      await says('elsewhere is wrong.');
      expect(document.documentElement.scrollWidth).to.be.at.most(width);
      const { violations } = await axe.run(page, { resultTypes: ['violations'] });
      const faults = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`);
      expect(faults).to.deep.equal([]);
      delete document.documentElement.dataset.theme;
    });
  }
}
