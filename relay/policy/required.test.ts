import { describe, expect, it } from 'vitest';
import { requiredPhrases } from './required.ts';
import { completePolicy } from './settings.ts';

const policy = completePolicy({
  disallowed: [],
  refusal: 'No.',
  fallback: 'Sorry.',
  topics: [{ name: 'funds', words: ['fund'], action: 'disclaim', disclaimer: 'Capital is at risk.' }],
  required: [
    { text: 'I am a machine.', when: 'first_answer' },
    { text: 'Over.', when: 'every_answer' },
  ],
});

describe('what must be said', () => {
  it('is missing until it is said, in whatever writing', () => {
    const required = requiredPhrases(policy);
    expect(required.missing('Hello.', [])).toEqual(['I am a machine.', 'Over.']);
    expect(required.missing('Hello, I AM a machine - over', [])).toEqual([]);
  });

  it('at first is missing no more once an answer said it', () => {
    const required = requiredPhrases(policy);
    required.answered('I am a machine. Over.');
    expect(required.missing('Hello.', [])).toEqual(['Over.']);
  });

  it('about a topic is missing when question or answer touch it', () => {
    const required = requiredPhrases(policy);
    expect(required.missing('I am a machine. This fund is good. Over.', [])).toEqual(['Capital is at risk.']);
    expect(required.missing('I am a machine. It is good. Over.', ['funds', 'unknown'])).toEqual([
      'Capital is at risk.',
    ]);
    expect(required.missing('I am a machine. This fund: capital is at risk. Over.', ['funds'])).toEqual([]);
  });

  it('is nothing where nothing was said', () => {
    expect(requiredPhrases(policy).missing(' ', ['funds'])).toEqual([]);
  });
});
