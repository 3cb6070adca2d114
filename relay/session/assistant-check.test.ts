import { describe, expect, it } from 'vitest';
import { demoAssistant, firstAssistant } from '../tenants/demo.ts';
import { checkAssistant } from './assistant-check.ts';

const assistant = firstAssistant('ast_1', 'model', 'Acme');

describe('an assistant', () => {
  it('as new tenants and the demo have it is fine', () => {
    expect(checkAssistant(assistant)).toEqual([]);
    expect(checkAssistant(demoAssistant('ast_2', 'model'))).toEqual([]);
  });

  it('may have reflex phrases of its own', () => {
    expect(checkAssistant({ ...assistant, reflex: { neutral: ['One second.'], affirmative: ['Sure.'] } })).toEqual([]);
  });

  it('may not promise or state anything in a reflex: each phrase is named', () => {
    const reflex = {
      neutral: ['I promise.', 'It costs 5 dollars.', 'Let me look that up now.', 'Yes.', 7 as unknown as string],
      affirmative: new Array<string>(13).fill('Sure.'),
    };
    expect(checkAssistant({ ...assistant, reflex })).toEqual([
      { at: 'reflex.neutral.0', message: expect.stringMatching(/^"I promise\.": .*promise/) as string },
      { at: 'reflex.neutral.1', message: expect.stringMatching(/^"It costs 5 dollars\.": .*numbers/) as string },
      { at: 'reflex.neutral.2', message: expect.stringMatching(/^"Let me look that up now\.": .*4 words/) as string },
      { at: 'reflex.neutral.3', message: expect.stringMatching(/^"Yes\.": .*affirmative list/) as string },
      { at: 'reflex.neutral.4', message: 'must be a phrase' },
      { at: 'reflex.affirmative', message: 'must be at most 12' },
    ]);
    const half = { neutral: [] } as unknown as { neutral: string[]; affirmative: string[] };
    expect(checkAssistant({ ...assistant, reflex: half })).toEqual([
      { at: 'reflex.affirmative', message: 'must be a list of phrases' },
    ]);
  });

  it('has its policy’s mistakes named', () => {
    const policy = { ...assistant.policy, disallowed: ['!'] };
    expect(checkAssistant({ ...assistant, policy })).toEqual([{ at: 'policy.disallowed.0', message: 'holds no word' }]);
  });
});
