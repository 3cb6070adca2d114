import { describe, expect, it } from 'vitest';
import { initialState, type State } from '#arbiter';
import { createAgentVoice } from './agent-voice.ts';

const STORY =
  'Once upon a time there was a small harbour where the boats came in at night, and the weather in the bay was the talk of the town.';

function voiceOf(text: string) {
  const voice = createAgentVoice(() => 0);
  for (let at = 0; at < text.length; at += 7) voice.said('item', text.slice(at, at + 7));
  return voice;
}

describe('what the agent has said', () => {
  it.each([
    'a small harbour where the boats came in at night',
    'Small harbor where the boats came in at night!',
    'there was a small harbour',
    'The boats',
  ])('is found again in its echo: %s', (text) => {
    expect(voiceOf(STORY).hasSaid(text)).toBe(true);
  });

  it.each([
    'What is the weather in Paris?',
    'Stop.',
    'Wait a minute.',
    'Was that in the night or at noon?',
    'No, I was asking for the boat to the town.',
    '',
    '…',
  ])('is not what somebody else says: %s', (text) => {
    expect(voiceOf(STORY).hasSaid(text)).toBe(false);
  });

  it('is compared sign by sign where words have no spaces', () => {
    const voice = voiceOf('昔々、小さな港がありました。夜になると船が帰ってきます。');
    expect(voice.hasSaid('夜になると船が')).toBe(true);
    expect(voice.hasSaid('ちょっと待ってください')).toBe(false);
  });

  it('is forgotten after a few thousand letters, and items are not one word', () => {
    const voice = voiceOf(STORY);
    voice.said('next', 'Marvellous');
    expect(voice.hasSaid('town Marvellous')).toBe(true);
    voice.said('next', ' word'.repeat(2_000));
    expect(voice.hasSaid('a small harbour')).toBe(false);
  });
});

describe('the agent in the room', () => {
  it('is audible while it owns an open gate and for half a second afterwards', () => {
    let t = 0;
    const voice = createAgentVoice(() => t);
    const idle = initialState();
    const playing: State = { ...idle, owner: 'B', gate: { is: 'open' } };
    expect(voice.isAudible()).toBe(false);
    voice.stepped(idle);
    voice.stepped(playing);
    t = 10_000;
    expect(voice.isAudible()).toBe(true);
    voice.stepped({ ...playing, gate: { is: 'paused', at: 0, decideBy: 500 } });
    expect(voice.isAudible()).toBe(false);
    voice.stepped(playing);
    voice.stepped(idle);
    t += 499;
    expect(voice.isAudible()).toBe(true);
    t += 1;
    expect(voice.isAudible()).toBe(false);
  });
});
