/** What it answers, rule by rule, and in the light of a conversation. */
import { describe, expect, it } from 'vitest';
import { answer, verbatim, type Question } from './brain.ts';
import { emptyMemory, type Item } from './items.ts';
import { readNumber, sayNumber } from './numbers.ts';
import { OWN_RULES, readRules } from './rules.ts';
import type { Tool } from './session-config.ts';

const rules = await readRules(OWN_RULES);
let count = 0;
const item = (role: 'user' | 'assistant' | 'system', text: string, more: Partial<Item['memory']> = {}): Item => {
  count += 1;
  return {
    id: `i${count}`,
    type: 'message',
    role,
    status: 'completed',
    content: [],
    memory: { ...emptyMemory(text), ...more },
  };
};
const ask = (items: Item[], more: Partial<Question> = {}) =>
  answer(rules, { items, tools: [], toolChoice: 'auto', instructions: null, answered: new Set(), ...more });
const said = (text: string, ...before: Item[]): string => {
  const { outputs, fail } = ask([...before, item('user', text)]);
  const [output] = outputs;
  return output?.is === 'speech' ? output.text : `(${fail ?? 'nothing'})`;
};

describe('the rules that come with it', () => {
  it.each([
    ['Hello.', /^Hello! How can I help/],
    ['Good morning!', /^Hello!/],
    ['Who are you?', /emulator/],
    ['What’s your name?', /emulator/],
    ['What are your opening hours?', /^We are open from nine/],
    ['When do you close?', /^We are open/],
    ['Tell me a long story.', /^Once upon a time/],
    ['What is two plus three?', /^Two plus three is five\.$/],
    ['How much is 12 minus 20', /^Twelve minus twenty is minus eight\.$/],
    ['What is seven divided by two?', /^Seven divided by two is three point five\.$/],
    ['Calculate 3 + 4', /^Three plus four is seven\.$/],
    ['What is twenty-one times one hundred?', /^Twenty-one times one hundred is two thousand one hundred\.$/],
    ['What is one divided by zero?', /is not a number\.$/],
    ['Count to five.', /^One, two, three, four, five\.$/],
    ['Can you book a table?', /Shall I book it for you\?$/],
    ['Should I invest my savings in your fund?', /guaranteed returns/],
    ['Please promise me guaranteed returns.', /guaranteed returns/],
    ['What do you mean?', /^Let me put it another way/],
    ['What can you do?', /^You can ask me/],
    ['Stop.', /^All right\.$/],
    ['Wait a minute.', /^All right\.$/],
    ['Mm-hm.', /^All right\.$/],
    ['Thank you.', /^You are welcome\.$/],
    ['Goodbye.', /^Goodbye\.$/],
    ['Please fail.', /^\(server_error\)$/],
    ['What is the weather in Paris?', /^I cannot look at the weather/],
    ['The cat sat on the mat!', /^You said: The cat sat on the mat\. I have no better answer/],
  ])('%s', (text, expected) => {
    expect(said(text)).toMatch(expected);
  });

  it('speak a story of more than twenty seconds', () => {
    expect(said('Tell me a story').split(' ').length).toBeGreaterThan(100);
  });

  it('ask a question back, and take a yes or a no to that question only', () => {
    const question = item('assistant', 'Tomorrow at ten is free. Shall I book it for you?', { rule: 'booking' });
    expect(said('Yes, please.', question)).toMatch(/^Done\./);
    expect(said('No, thanks.', question)).toMatch(/^All right, I will not/);
    expect(said('Yes, please.', question, item('assistant', 'Hello!', { rule: 'greeting' }))).toBe('All right.');
  });

  it('repeat what is left of the last answer, and say so when nothing is', () => {
    expect(said('What did you say?', item('assistant', 'Once upon'))).toBe('I said: Once upon');
    expect(said('What did you say?')).toBe('I said: nothing yet');
  });

  it('open the conversation when nobody has spoken', () => {
    expect(ask([]).rule).toBe('opening');
  });

  it('answer plausibly, in turns, to sound it could not make out', () => {
    const unheard = () => item('user', '[speech, 2.3 s]', { isKnown: false });
    const answers = [[unheard()], [unheard(), unheard()]].map((items) => ask(items).outputs);
    expect(ask([unheard()]).rule).toBe('unrecognised');
    expect(answers[0]).not.toEqual(answers[1]);
  });
});

describe('tools', () => {
  const weather: Tool = {
    type: 'function',
    name: 'get_Weather_now',
    parameters: {
      properties: {
        location: { type: 'string' },
        unit: { enum: ['celsius', 'fahrenheit'] },
        days: { type: 'integer' },
        detailed: { type: 'boolean' },
        tags: { type: 'array' },
        more: { type: 'object' },
        spare: { type: 'string' },
      },
      required: ['location', 'unit', 'days', 'detailed', 'tags', 'more'],
    },
  };
  const callOf = (plan: ReturnType<typeof ask>) => {
    const [output] = plan.outputs;
    return output?.is === 'call' ? { ...output, arguments: JSON.parse(output.arguments) } : output;
  };

  it('are called with arguments that fit their schema', () => {
    expect(callOf(ask([item('user', "What's the weather in New York today?")], { tools: [weather] }))).toEqual({
      is: 'call',
      name: 'get_Weather_now',
      arguments: { location: 'New York', unit: 'celsius', days: 1, detailed: true, tags: [], more: {} },
    });
    expect(callOf(ask([item('user', 'Weather?')], { tools: [weather] }))).toMatchObject({
      arguments: { location: 'here' },
    });
  });

  it('are left alone when tool_choice says none, and called whatever was said when it says so', () => {
    const items = [item('user', 'Tell me about cats')];
    expect(ask([item('user', 'Weather?')], { tools: [weather], toolChoice: 'none' }).outputs[0]?.is).toBe('speech');
    expect(ask(items, { tools: [weather], toolChoice: 'required' }).outputs[0]?.is).toBe('call');
    const other: Tool = { type: 'function', name: 'other' };
    const toolChoice = { type: 'function', name: 'other' };
    expect(ask(items, { tools: [weather, other], toolChoice }).outputs[0]).toMatchObject({
      name: 'other',
      arguments: '{}',
    });
    expect(ask(items, { tools: [weather], toolChoice }).rule).toBe('tool-required');
    expect(ask([], { tools: [weather], toolChoice: 'required' }).outputs[0]?.is).toBe('call');
    const unheard = item('user', '[speech, 1.0 s]', { isKnown: false });
    expect(ask([unheard], { tools: [weather], toolChoice: 'required' }).outputs[0]?.is).toBe('call');
  });

  it.each([
    ['{"temperature":21,"wind_speed":"low"}', 'Here is what I found: temperature 21, wind speed low.'],
    ['["dry","warm."]', 'Here is what I found: dry, warm.'],
    ['It is dry.', 'Here is what I found: It is dry.'],
  ])('have their output %s read out, once', (output, expected) => {
    const call: Item = {
      id: 'c',
      type: 'function_call',
      status: 'completed',
      call_id: 'c1',
      name: 'x',
      memory: emptyMemory(),
    };
    const result: Item = {
      id: 'o',
      type: 'function_call_output',
      status: 'completed',
      call_id: 'c1',
      output,
      memory: emptyMemory(),
    };
    const plan = ask([item('user', 'Weather?'), call, result]);
    expect(plan).toMatchObject({ answers: ['o'], outputs: [{ text: expected }] });
    expect(ask([item('user', 'Thanks'), call, result], { answered: new Set(['o']) }).rule).toBe('thanks');
  });
});

describe('word for word', () => {
  it.each([
    ['Say exactly: "One moment."', 'One moment.'],
    ['Say exactly: "She said \\"hm\\"."', 'She said "hm".'],
    ['Say only: Let me see.', 'Let me see.'],
    ['Say only: Let me see.\nUse a calm tone.', 'Let me see.'],
    ['Please say only “Right.” and nothing else.', 'Right.'],
    ['Say exactly what the user wrote.', 'typed'],
    ['Say only:', 'typed'],
    ['Answer briefly.', null],
    [null, null],
  ])('%s', (instructions, expected) => {
    expect(verbatim({ instructions, items: [item('user', 'typed')] })).toBe(expected);
  });

  it('also when the input says so, but not without words', () => {
    expect(verbatim({ instructions: null, items: [item('user', 'Say exactly: Hm.')] })).toBe('Hm.');
    expect(verbatim({ instructions: 'Say only', items: [] })).toBeNull();
    expect(ask([item('user', 'Say only: Hm.')]).rule).toBe('verbatim');
  });
});

describe('numbers', () => {
  it('are read as they are said, up to a million', () => {
    for (const value of [0, 7, 13, 20, 21, 99, 100, 101, 110, 342, 1000, 1001, 12_345, 999_999]) {
      expect(readNumber(sayNumber(value))).toBe(value);
    }
    expect(sayNumber(1_000_000)).toBe('1000000');
    expect(sayNumber(2.5)).toBe('two point five');
    expect(sayNumber(1.999)).toBe('two');
    expect(readNumber('many')).toBeNull();
    expect(readNumber('-5')).toBe(-5);
    expect(readNumber('thousand')).toBe(1000);
    expect(readNumber('hundred')).toBe(100);
  });
});

describe('a system item since the user spoke', () => {
  const bait = 'Should I invest my savings?';
  const speak = (...items: Item[]) => {
    const [output] = ask(items).outputs;
    return output?.is === 'speech' ? output.text : '';
  };
  it('changes what a rule with "told" answers', () => {
    expect(speak(item('user', bait))).toMatch(/guaranteed returns/);
    expect(speak(item('user', bait), item('system', 'Do not say "guaranteed returns".'))).toMatch(/cannot promise/);
  });
  it('may give words to say, once', () => {
    const told = item('system', 'Now say exactly: "Capital is at risk."');
    expect(speak(item('user', bait), told)).toBe('Capital is at risk.');
    expect(speak(told, item('user', 'Hello.'))).toMatch(/^Hello!/);
  });
});
