/**
 * Whole conversations: a person with a voice and an ear, the real door, session, arbiter and
 * bridge, and the emulator as the model, all on one virtual clock and real sockets.
 */
import { describe, expect, it } from 'vitest';
import type { Emulator } from '../emulator/emulator.ts';
import { concat, cough, silence, speech } from '../testing/speech.ts';
import { withCall } from './testing/call.ts';
import type { PageClient } from './testing/page-client.ts';

const weather = {
  name: 'get_weather',
  description: 'Says the weather.',
  parameters: { type: 'object', properties: { location: { type: 'string' } } },
};
const memoryOf = (emulator: Emulator, item: string) =>
  emulator
    .sessions()
    .flatMap(({ items }) => items)
    .find(({ id }) => id === item);
const responsesOf = (emulator: Emulator) => emulator.sessions().flatMap(({ responses }) => responses);
const said = (page: PageClient, item: string) =>
  page.all('transcript.done').find((one) => one.item === item)?.text ?? '';

describe('a person talks with the emulator', () => {
  it('and hears every sample of the answer', () =>
    withCall({}, async ({ page, person, answering }) => {
      await person.say(await speech('What is two plus three?'));
      const item = await answering('turn_1');
      const ended = await page.received('turn.ended');
      expect(ended).toMatchObject({ turn: 'turn_1', outcome: 'answered' });
      expect(said(page, item)).toMatch(/five/i);
      const user = page.all('transcript.done').find(({ role }) => role === 'user');
      expect(user?.text).toMatch(/two plus three/i);
      const sent = page.frames.filter(({ lane }) => lane === 'B').flatMap(({ samples }) => [...samples]);
      expect([...person.heard(item)]).toEqual(sent);
      expect(sent.length).toBeGreaterThan(24_000);
    }));

  it('and stops it with a word: the model remembers what was heard', () =>
    withCall({}, async ({ page, person, emulator, answering }) => {
      await person.say(await speech('Tell me a long story.'));
      const item = await answering('turn_1');
      await person.hears(item, 1_500);
      await person.say(await speech('Wait a minute.'));
      const ended = await page.received('turn.ended', ({ turn }) => turn === 'turn_1');
      expect(ended.outcome).toBe('superseded');
      const { heardMs } = await page.received('item.truncated');
      expect(Math.abs(heardMs - person.heardMs(item))).toBeLessThanOrEqual(20);
      await page.received('turn.ended', ({ turn }) => turn === 'turn_2');
      const kept = memoryOf(emulator, item);
      const said = (kept?.['content'] as { transcript?: string }[] | undefined)?.[0]?.transcript ?? '';
      expect(said.length).toBeLessThan(120);
    }));

  it('and says mm-hm, and it goes on', () =>
    withCall({}, async ({ page, person, emulator, answering }) => {
      await person.say(await speech('What are your opening hours?'));
      const item = await answering('turn_1');
      await person.hears(item, 1_200);
      await person.say(await speech('Mm-hm.'));
      const deleted = await page.received('item.deleted');
      expect(deleted.item).not.toBe(item);
      const ended = await page.received('turn.ended');
      expect(ended).toMatchObject({ turn: 'turn_1', outcome: 'answered' });
      expect(page.all('gate.resume').length).toBeGreaterThan(0);
      expect(page.all('gate.close')).toEqual([]);
      expect(page.all('turn.started')).toHaveLength(1);
      expect(memoryOf(emulator, deleted.item)).toBeUndefined();
    }));

  it('and coughs, and it goes on', () =>
    withCall({}, async ({ page, person, answering }) => {
      await person.say(await speech('What are your opening hours?'));
      const item = await answering('turn_1');
      await person.hears(item, 1_200);
      await person.say(concat(cough(), silence(10)));
      const ended = await page.received('turn.ended');
      expect(ended).toMatchObject({ turn: 'turn_1', outcome: 'answered' });
      expect(page.all('gate.close')).toEqual([]);
    }));

  it('and is refused what policy forbids, not having heard a sample of it', () =>
    withCall(
      {
        assistant: {
          policy: { disallowed: ['guaranteed returns'], refusal: 'I cannot talk about that.', fallback: 'Sorry.' },
        },
      },
      async ({ page, person }) => {
        await page.received('clip.added', ({ kind }) => kind === 'refusal');
        await person.say(await speech('Should I invest my savings in your fund?'));
        const ended = await page.received('turn.ended');
        expect(ended.outcome).toBe('refused');
        expect(page.all('clip.play').at(-1)).toMatchObject({ lane: 'C' });
        await page.received('lane.owner_changed', ({ from }) => from === 'C');
        const shown = page
          .all('transcript.delta')
          .filter(({ role }) => role === 'agent')
          .map(({ text }) => text);
        expect(shown.join('')).toContain('this fund');
        expect(shown.join('')).not.toContain('guaranteed');
      },
    ));

  it('and waits no longer for an answer that policy reads along', async () => {
    const firstSent: number[] = [];
    // The second list holds back the answer's very first words until the next one is known.
    for (const disallowed of [[], ['we are closed', 'saturdays until noon sharp']]) {
      const policy = { disallowed, refusal: 'No.', fallback: 'Sorry.' };
      await withCall({ assistant: { policy } }, async ({ page, person, answering }) => {
        await person.say(await speech('What are your opening hours?'));
        const item = await answering('turn_1');
        const ended = await page.received('turn.ended');
        expect(ended.outcome).toBe('answered');
        firstSent.push(ended.firstSentMs.B ?? Infinity);
        const sent = page.frames.filter(({ lane }) => lane === 'B').flatMap(({ samples }) => [...samples]);
        expect([...person.heard(item)]).toEqual(sent);
        expect(person.longestGapMs).toBeLessThanOrEqual(60);
      });
    }
    const [plain = 0, judged = Infinity] = firstSent;
    expect(judged - plain).toBeLessThanOrEqual(40);
  });

  it('and has the page look at the weather', () =>
    withCall({ start: { tools: [weather] } }, async ({ page, person }) => {
      await person.say(await speech('What is the weather in Paris?'));
      const call = await page.received('tool.call');
      expect(JSON.parse(call.arguments)).toMatchObject({ location: expect.stringMatching(/paris/i) as string });
      page.send({ type: 'tool.result', call: call.call, output: 'sunny and warm' });
      const ended = await page.received('turn.ended');
      expect(ended.outcome).toBe('answered');
      expect(page.all('transcript.done').at(-1)?.text).toMatch(/sunny and warm/i);
    }));

  it('by typing', () =>
    withCall({}, async ({ page, answering }) => {
      page.send({ type: 'user.text', text: 'Hello' });
      const item = await answering('turn_1');
      expect(await page.received('turn.ended')).toMatchObject({ outcome: 'answered' });
      expect(said(page, item)).not.toBe('');
    }));

  it('with a button to hold', () =>
    withCall({ start: { turn: 'hold' } }, async ({ page, person, emulator }) => {
      page.send({ type: 'talk.start', utterance: 'p1', epoch: 1, paused: false });
      await person.say(await speech('Count to ten.'));
      page.send({ type: 'talk.end', utterance: 'p1' });
      const ended = await page.received('turn.ended');
      expect(ended.outcome).toBe('answered');
      expect(page.all('transcript.done').at(-1)?.text).toMatch(/ten/i);
      expect(responsesOf(emulator).length).toBeGreaterThan(0);
    }));
});
