/** Which clip hides the next wait, alone and in a whole call. */
import { describe, expect, it } from 'vitest';
import type { Clip } from '../reflex/library.ts';
import { LONGEST_REFLEX_MS } from '../reflex/render.ts';
import type { Happening } from './arbiter-shell.ts';
import { createReflexClips } from './reflex-clips.ts';
import { withCall } from './testing/call.ts';
import { aClip } from './testing/relay-under-test.ts';

const hum = (id: string) => aClip(id, 'reflex');
const spoken = (id: string, affirmative = false): Clip => ({ ...aClip(id, 'reflex', 300, affirmative), text: id });

/** Clips, and an arbiter that plays the first name that was not the last. */
function clipsAndArbiter() {
  const told: Extract<Happening, { type: 'clip.ready' }>[] = [];
  const clips = createReflexClips((event) => {
    if (event.type === 'clip.ready') told.push(event);
  });
  let last = '';
  const play = () => {
    const name = [...new Set(told.map(({ clip }) => clip))].find((one) => one !== last) ?? '';
    const clip = clips.clipOf(name);
    clips.played(name);
    last = name;
    return clip ?? name;
  };
  return { clips, told, play, plays: (count: number) => Array.from({ length: count }, play) };
}

describe('listening sounds', () => {
  it('are hums, in turn, while there is nothing else', () => {
    const { clips, plays } = clipsAndArbiter();
    for (const id of ['mm', 'hmm']) clips.ready(hum(id));
    expect(plays(4)).toEqual(['mm', 'hmm', 'mm', 'hmm']);
  });

  it('are the assistant’s own voice as soon as it has two of them, each in its turn', () => {
    const { clips, play, plays } = clipsAndArbiter();
    for (const id of ['mm', 'hmm']) clips.ready(hum(id));
    expect(play()).toBe('mm');
    clips.ready(spoken('One moment.'));
    expect(new Set(plays(3))).toEqual(new Set(['mm', 'hmm', 'One moment.']));
    for (const id of ['Let me see.', 'Hmm.']) clips.ready(spoken(id));
    const heard = plays(9);
    expect(new Set(heard)).toEqual(new Set(['One moment.', 'Let me see.', 'Hmm.']));
    expect(heard.some((one, i) => one === heard[i + 1])).toBe(false);
  });

  it('that may be taken for a yes come under their own names, behind all others', () => {
    const { clips, told, plays } = clipsAndArbiter();
    for (const clip of [hum('mm'), hum('hmm'), spoken('Sure.', true)]) clips.ready(clip);
    expect(told.at(-1)).toEqual({ type: 'clip.ready', kind: 'reflex', clip: 'Sure.', ms: 300, affirmative: true });
    expect(plays(6)).not.toContain('Sure.');
    expect(clips.clipOf('Sure.')).toBeUndefined();
  });

  it('that are alone are not heard twice in a row', () => {
    const { clips, play } = clipsAndArbiter();
    clips.ready(hum('mm'));
    expect([play(), play()]).toEqual(['mm', '']);
  });

  it('have the arbiter’s name while they play, also when others took it meanwhile', () => {
    const { clips } = clipsAndArbiter();
    for (const id of ['mm', 'hmm']) clips.ready(hum(id));
    expect(clips.nameOf('mm')).toBe('mm');
    clips.played('reflex-1');
    for (const id of ['a', 'b', 'c']) clips.ready(spoken(id));
    expect([clips.nameOf('mm'), clips.nameOf('refusal')]).toEqual(['reflex-1', 'refusal']);
  });
});

describe('the reflexes of a call', () => {
  it.each([
    ['marin', 'high'],
    ['cedar', 'low'],
  ])('are in the voice of %s: hums that are %s, then phrases of its own, no two alike in a row', (voice, register) =>
    withCall(
      { assistant: { voice }, config: { MIN_DELAY_BEFORE_REFLEX_MS: 20, PREEMPT_THRESHOLD_MS: 0 } },
      async ({ page }) => {
        await page.received('clip.added', ({ text }) => text === 'Sure.');
        const added = page.all('clip.added').filter(({ kind }) => kind === 'reflex');
        const hums = added.filter(({ text }) => text === undefined).map(({ clip }) => clip);
        expect(hums).toEqual(['mm', 'hmm', 'mhm'].map((sound) => `clip_${sound}-${register}`));
        expect(added.every(({ ms }) => ms <= LONGEST_REFLEX_MS)).toBe(true);
        for (const turn of ['turn_1', 'turn_2', 'turn_3', 'turn_4']) {
          page.send({ type: 'user.text', text: 'Hello' });
          await page.received('turn.ended', (ended) => ended.turn === turn);
        }
        const heard = page.all('clip.play').map(({ clip }) => added.find((one) => one.clip === clip)?.text);
        expect(heard).toEqual(['Hmm.', 'Let me see.', 'One moment.', 'Hmm.']);
        // What the page reports of a clip reaches the arbiter under the arbiter's name.
        expect(page.all('lane.owner_changed').filter(({ from, cause }) => from === 'A' && cause === 'cap')).toEqual([]);
        expect(page.all('lane.owner_changed').filter(({ cause }) => cause === 'clip_ended').length).toBe(4);
      },
    ),
  );
});
