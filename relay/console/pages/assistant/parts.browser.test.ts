import { expect } from '@esm-bundle/chai';
import { TestCall } from './test-call.ts';
import { answer, clear, dress, place, until, type Widget } from './testing/place.ts';

beforeEach(dress);
afterEach(clear);

describe('the parts of an assistant', () => {
  it('stores the knobs that differ from the relay, and gives them back to it', async () => {
    const { labelled, type, press, says, from, root, unfold } = await place();
    unfold();
    expect(labelled('Min delay').value).to.equal('700');
    expect(labelled('Expected first').value).to.equal('');
    await type(labelled('Policy mode'), 'lenient');
    await type(labelled('Lane A'), 'off');
    await type(labelled('Expected first'), '250');
    await press('Back to 400');
    expect(labelled('Min delay').value).to.equal('400');
    await until(() => root.activeElement === labelled('Min delay'));
    await type(labelled('Lane A'), 'on');
    await press('Save');
    await says('Saved as version 4.');
    expect(from.puts()).to.deep.equal([{ lanes: { POLICY_MODE: 'lenient', EXPECTED_FIRST_AUDIO_MS: 250 } }]);
    await type(labelled('Expected first'), '');
    expect(root.querySelectorAll('.knobs button')).to.have.length(1);
  });

  it('has phrases a line, actions by class, topics, sentences and personal data', async () => {
    const { find, field, tick, type, press, says, from, root, unfold } = await place();
    unfold();
    await type(field('policy.disallowed'), ' never \n\nagain');
    await type(field('policy.onDisallowed'), 'escalate');
    await type(find('[aria-label="hate, the agent\'s words"]'), '');
    await type(find('[aria-label="hate, the user\'s words"]'), 'refuse');
    expect(find('[aria-label^="self-harm, the a"]').textContent).to.not.contain('Cut');
    await tick('An answer waits');
    await type(field('policy.moderation.opening'), '24');
    await press('Remove topic 1 medicine');
    await until(() => root.activeElement?.id === 'add-topic');
    await press('Add a topic');
    await until(() => root.activeElement === field('policy.topics.0.name'));
    await type(field('policy.topics.0.name'), 'money');
    await type(field('policy.topics.0.words'), 'stock\nbond');
    await type(field('policy.topics.0.on'), 'output');
    await type(field('policy.topics.0.action'), 'rewrite');
    await type(field('policy.topics.0.guidance'), 'Speak of savings.');
    await press('Add a sentence');
    await type(field('policy.required.1.text'), 'This is a machine.');
    await type(field('policy.required.1.when'), 'every_answer');
    await press('Remove sentence 1');
    await tick('Telephone numbers');
    await type(field('policy.pii.names'), 'Ada');
    await type(field('policy.handover'), 'One moment.');
    await press('Save');
    await says('Saved as version 4.');
    expect(from.puts()).to.deep.equal([
      {
        policy: {
          ...{ disallowed: ['never', 'again'], onDisallowed: 'escalate' },
          moderation: {
            ...{ input: { 'self-harm': 'escalate', hate: 'refuse' }, opening: 24, holdForInput: true },
          },
          topics: [
            { name: 'money', words: ['stock', 'bond'], action: 'rewrite', on: 'output', guidance: 'Speak of savings.' },
          ],
          required: [{ text: 'This is a machine.', when: 'every_answer' }],
          pii: { kinds: ['email', 'card', 'iban', 'name'], names: ['Ada'] },
          ...{ refusal: 'I cannot say that.', fallback: 'Please try again.', handover: 'One moment.' },
        },
      },
    ]);
  });

  it('has reflexes a line, and functions as JSON that is read before it is sent', async () => {
    const { field, tick, type, press, says, from } = await place();
    await type(field('reflex.neutral'), 'Hm\nLet me see');
    await tick('Pages may offer');
    for (const [text, wrong] of [
      ['[{', 'Functions that the page must serve are no JSON'],
      ['{}', 'must be a list'],
    ] as const) {
      await type(field('tools'), text);
      await press('Save');
      await says(wrong);
    }
    expect(from.puts()).to.deep.equal([]);
    const tool = { name: 'book', description: 'Books.', parameters: {} };
    await type(field('tools'), JSON.stringify([tool]));
    await press('Save');
    await says('Saved as version 4.');
    expect(from.puts()).to.deep.equal([
      { pageTools: true, tools: [tool], reflex: { neutral: ['Hm', 'Let me see'], affirmative: [] } },
    ]);
    await type(field('reflex.neutral'), '');
    await type(field('tools'), '');
    await press('Save');
    await says('Saved as version 5.');
    expect(from.puts().at(-1)).to.deep.equal({ tools: [], reflex: null });
  });

  it('restores an older version as a new one', async () => {
    const { field, press, says, from } = await place();
    await press('Restore version 1');
    expect(await answer('Restore it')).to.contain('It becomes version 4');
    await says('Version 1 is back, as version 4.');
    expect(from.puts()[0]).to.deep.include({ reflex: null, voice: 'marin' });
    expect(field('name').value).to.contain('Ada');
    await press('Restore version 3');
    await answer('Cancel');
    expect(from.puts()).to.have.length(1);
  });

  it('lets the chosen voice be heard before it is saved', async () => {
    const { root, field, type, from } = await place();
    await type(field('voice'), 'cedar');
    const preview = await until(() => root.querySelector('vjj-voice-preview')?.shadowRoot);
    preview.querySelector('button')?.click();
    const audio = await until(() => preview.querySelector('audio'));
    expect(audio.src).to.match(/^blob:/);
    await until(() => audio.duration > 0);
    expect(from.asked.at(-1)).to.deep.include({ name: 'previewVoice', body: { voice: 'cedar' } });
    from.refuse('previewVoice', []);
    preview.querySelector('button')?.click();
    await until(() => preview.textContent.includes('It is wrong.'));
    await type(field('voice'), 'marin');
    await until(() => !preview.textContent.includes('It is wrong.') && preview.querySelector('audio') === null);
  });
});

describe('the test call', () => {
  it('is of this assistant, by a token of its own, and says which version speaks', async () => {
    const { root, field, type, press, from } = await place();
    const call = await until(() => root.querySelector('vjj-test-call')?.shadowRoot);
    const widget = await until(() => call.querySelector<Widget>('voice-jib-jab'));
    expect(widget.getAttribute('assistant')).to.equal('ast_1');
    expect(await widget.getToken(new AbortController().signal)).to.equal('signed');
    expect(from.asked.at(-1)?.name).to.equal('testToken');
    const text = () => call.textContent.replaceAll(/\s+/g, ' ');
    expect(text()).to.contain('version 3, as it is saved. It counts');
    await type(field('name'), 'Grace');
    await until(() => text().includes('What you have changed since is not in it.'));
    widget.dispatchEvent(new Event('start'));
    await press('Save');
    await until(() => text().includes('This call began with version 3. End it and start again to hear 4.'));
    widget.dispatchEvent(new Event('end'));
    await until(() => !text().includes('This call began'));
  });

  it('says when the script does not come, and tries again', async () => {
    const call = new TestCall();
    let tries = 0;
    call.load = () => (++tries === 1 ? Promise.reject(new TypeError('404')) : Promise.resolve());
    const main = document.createElement('main');
    main.append(call);
    document.body.append(main);
    const button = await until(() => call.shadowRoot?.querySelector('button'));
    button.click();
    await until(() => call.shadowRoot?.querySelector('voice-jib-jab'));
  });
});
