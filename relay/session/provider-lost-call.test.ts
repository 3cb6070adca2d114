/** Whole conversations whose provider goes away, with the emulator as the model, on a virtual clock and real sockets. */
import { describe, expect, it } from 'vitest';
import { speech } from '../testing/speech.ts';
import { type Call, withCall } from './testing/call.ts';

/** The provider ends its running session now, and takes the next one as ever. */
async function lose({ emulator, page }: Call, nth = 1): Promise<void> {
  emulator.faults.set({ expire: 0 });
  await page.until(() => page.all('provider.changed').filter(({ up }) => !up).length >= nth);
  emulator.faults.clear('expire');
}
const ups = ({ page }: Call) => page.all('provider.changed').map(({ up }) => up);
const userLines = ({ page }: Call) =>
  page.all('transcript.done').flatMap(({ role, text }) => (role === 'user' && text !== '' ? [text] : []));

describe('a conversation whose provider is lost', () => {
  it('before the answer is heard gets one answer all the same', () =>
    withCall({}, async (call) => {
      const { page, person, emulator, answering } = call;
      emulator.faults.set({ 'first-audio-ms': 5_000 });
      page.send({ type: 'user.text', text: 'What is two plus three?' });
      await page.received('turn.started');
      await lose(call);
      emulator.faults.clear('first-audio-ms');
      const item = await answering('turn_1');
      expect(await page.received('turn.ended')).toMatchObject({ turn: 'turn_1', outcome: 'answered' });
      expect(person.heardMs(item)).toBeGreaterThan(500);
      expect(new Set(page.all('item.started').map((one) => one.item)).size).toBe(1);
      expect(userLines(call)).toEqual(['What is two plus three?']);
      expect(page.all('turn.started')).toHaveLength(1);
      expect(ups(call)).toEqual([true, false, true]);
    }));

  it('between the question and its words is answered from the sound of it', () =>
    withCall({}, async (call) => {
      const { page, person, emulator, answering } = call;
      emulator.faults.set({ transcript: 'none', 'first-audio-ms': 5_000 });
      await person.say(await speech('What is two plus three?'));
      await page.received('turn.started');
      await lose(call);
      emulator.faults.clear('first-audio-ms');
      const item = await answering('turn_1');
      await page.received('turn.ended', ({ outcome }) => outcome === 'answered');
      expect(page.all('transcript.done').find((one) => one.item === item)?.text).toMatch(/five/i);
      expect(page.all('turn.started')).toHaveLength(1);
    }));

  it('while the user speaks hears all of it, as one line', () =>
    withCall({}, async (call) => {
      const { page, person } = call;
      const said = person.say(await speech('What is two plus three?'));
      await page.received('state.changed');
      await lose(call);
      await said;
      const ended = await page.received('turn.ended');
      expect(ended).toMatchObject({ outcome: 'answered' });
      expect(userLines(call)).toHaveLength(1);
      expect(userLines(call)[0]).toMatch(/two plus three/i);
    }));

  it('in the middle of the answer is not told it twice, and goes on with what was heard', () =>
    withCall({}, async (call) => {
      const { page, person, emulator, answering } = call;
      emulator.faults.set({ pace: 1 });
      page.send({ type: 'user.text', text: 'Tell me a long story.' });
      const item = await answering('turn_1');
      await person.hears(item, 800);
      await lose(call);
      emulator.faults.clear('pace');
      expect(await page.received('turn.ended')).toMatchObject({ turn: 'turn_1', outcome: 'failed' });
      await page.until(() => ups(call).length === 3);
      page.send({ type: 'user.text', text: 'What is two plus three?' });
      await page.received('turn.ended', ({ outcome }) => outcome === 'answered');
      expect(page.all('turn.started')).toHaveLength(2);
      const told = emulator.sessions().at(-1)?.items ?? [];
      const memory = JSON.stringify(told.find(({ id }) => id === item)?.['content'] ?? '');
      // Words of it, and no more than there was sound of.
      expect(memory.length).toBeGreaterThan(20);
      expect(memory.length).toBeLessThan(40 + person.heardMs(item) / 40);
    }));
});
