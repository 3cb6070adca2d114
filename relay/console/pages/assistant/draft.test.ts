import { describe, expect, it } from 'vitest';
import { changeOf, draftOf, isChanged, linesOf, rebased, restorationOf, withKnob, type Assistant } from './draft.ts';

const PLAIN: Assistant = {
  ...{ id: 'ast_1', version: 1, name: 'Ada', model: 'm', voice: 'marin', instructions: '', locale: 'en-US' },
  ...{ tools: [], pageTools: false, lanes: {} },
  policy: { disallowed: [], refusal: 'No.', fallback: 'Again.' },
};
const FULL: Assistant = {
  ...PLAIN,
  tools: [{ name: 'book', description: 'Books.', parameters: { type: 'object' } }],
  lanes: { POLICY_MODE: 'lenient' },
  policy: {
    ...{ disallowed: ['never'], onDisallowed: 'rewrite', refusal: 'No.', fallback: 'Again.', handover: 'Wait.' },
    moderation: { input: { hate: 'refuse' }, output: { hate: 'rewrite' }, opening: 12, holdForInput: true },
    topics: [
      { name: 'a', words: ['x', 'y'], on: 'input', action: 'disclaim', disclaimer: 'Ask.' },
      { name: 'b', words: ['z'], action: 'rewrite', guidance: 'Be mild.' },
    ],
    required: [{ text: 'Recorded.', when: 'every_answer' }],
    pii: { kinds: ['email'], names: ['Ada'] },
  },
  reflex: { neutral: ['Hm'], affirmative: ['Sure'] },
};

describe('a draft', () => {
  it('that nobody touched sends nothing', () => {
    for (const one of [PLAIN, FULL]) {
      expect(changeOf(draftOf(one), draftOf(one))).toEqual({});
      expect(isChanged(draftOf(one), draftOf(one))).toBe(false);
    }
  });

  it('says everything of an assistant in its own words again', () => {
    const { id: _, version: __, ...said } = FULL;
    const { policy, tools, lanes, reflex } = said;
    expect(changeOf(draftOf(FULL), draftOf(PLAIN))).toEqual({ policy, tools, lanes, reflex });
    expect(changeOf(draftOf(PLAIN), draftOf(FULL))).toEqual({
      ...{ policy: PLAIN.policy, tools: [], lanes: {}, reflex: null },
    });
  });

  it('keeps what is mine where another has changed something else, and mine where it is the same', () => {
    const base = draftOf(PLAIN);
    const mine = { ...base, name: 'Mine', voice: 'cedar' };
    const theirs = { ...base, name: 'Theirs', instructions: 'Be brief.' };
    expect(rebased(mine, base, theirs)).toEqual({ ...base, name: 'Mine', voice: 'cedar', instructions: 'Be brief.' });
  });

  it('holds only the knobs that differ from the relay', () => {
    const knob = { name: 'K', value: 5, means: '' };
    expect(withKnob({ L: true }, knob, 6)).toEqual({ L: true, K: 6 });
    expect(withKnob({ L: true, K: 6 }, knob, 5)).toEqual({ L: true });
    expect(withKnob({ L: true, K: 6 }, knob, undefined)).toEqual({ L: true });
  });

  it('is refused where the functions are no list in JSON, under the name of their field', () => {
    const base = draftOf(PLAIN);
    for (const tools of ['[', '{}', '"x"', 'null'])
      expect(() => changeOf({ ...base, tools }, base)).toThrow(
        expect.objectContaining({ code: 'bad-request', errors: [expect.objectContaining({ at: 'tools' })] }),
      );
    expect(changeOf({ ...base, tools: ' \n' }, base)).toEqual({ tools: [] });
  });
});

it('has a line for each phrase, without blanks around them and none between', () => {
  expect(linesOf(' a \n\n b\t\r\n')).toEqual(['a', 'b']);
});

it('brings back an older version with its reflexes, or without any where it had none', () => {
  expect(restorationOf(PLAIN)).toMatchObject({ name: 'Ada', reflex: null });
  expect(restorationOf(FULL)).toMatchObject({ reflex: FULL.reflex });
  expect(restorationOf(FULL)).not.toHaveProperty('version');
});
