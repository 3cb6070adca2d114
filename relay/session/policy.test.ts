/** Policy in whole conversations: what is decided on either side, and what the user hears of it. */
import { describe, expect, it } from 'vitest';
import { CATEGORIES } from '../policy/decisions.ts';
import type { AssistantPolicy } from '../tenants/tenant.ts';
import { speech } from '../testing/speech.ts';
import { withCall, type Call } from './testing/call.ts';

const BAIT = 'Should I invest my savings in your fund?';
const HANDOVER = 'I am connecting you to a person.';
const REFUSAL = "I can't help with that.";
const policy = (more: Partial<AssistantPolicy> = {}): { assistant: { policy: AssistantPolicy } } => ({
  assistant: { policy: { disallowed: [], refusal: REFUSAL, fallback: 'Sorry', handover: HANDOVER, ...more } },
});

/** What the user was told by lane C, in words. */
const spokenByC = ({ page }: Call) =>
  page
    .all('clip.play')
    .filter(({ lane }) => lane === 'C')
    .map(({ clip }) => page.all('clip.added').find((one) => one.clip === clip)?.text);
const agentWords = ({ page }: Call) =>
  page
    .all('transcript.delta')
    .filter(({ role }) => role === 'agent')
    .map(({ text }) => text)
    .join('');
const outcomes = ({ page }: Call) => page.all('turn.ended').map(({ turn, outcome }) => `${turn} ${outcome}`);
const memory = ({ emulator }: Call) => emulator.sessions().flatMap(({ items }) => items);
const framesOfB = ({ page }: Call) => page.frames.filter(({ lane }) => lane === 'B').length;
/** Both lane C clips are in the page. */
const clipsAreThere = ({ page }: Call) => page.received('clip.added', ({ text }) => text === HANDOVER);

describe('an answer that breaks a rule', () => {
  it('is asked for again in other words, and the first is forgotten', () =>
    withCall(policy({ disallowed: ['guaranteed returns'], onDisallowed: 'rewrite' }), async (call) => {
      const { page, person, emulator } = call;
      await clipsAreThere(call);
      await person.say(await speech(BAIT));
      const ended = await page.received('turn.ended', ({ turn }) => turn === 'turn_2');
      expect(ended.outcome).toBe('answered');
      expect(outcomes(call)).toEqual(['turn_1 superseded', 'turn_2 answered']);
      expect(page.all('policy.applied')).toEqual([
        {
          type: 'policy.applied',
          decision: 'rewrite',
          reason: 'disallowed_phrase',
          severity: 'medium',
          side: 'output',
        },
      ]);
      expect(agentWords(call)).not.toContain('guaranteed');
      expect(page.all('transcript.done').at(-1)?.text).toMatch(/cannot promise/);
      expect(JSON.stringify(memory(call).filter(({ role }) => role === 'assistant'))).not.toContain('guaranteed');
      expect(spokenByC(call)).toEqual([]);
      const asked = emulator.sessions().flatMap(({ responses }) => responses);
      expect(asked.filter(({ rule }) => rule.startsWith('refusal-bait'))).toHaveLength(2);
    }));

  it('twice is refused', () =>
    withCall(
      policy({ disallowed: ['guaranteed returns', 'cannot promise'], onDisallowed: 'rewrite' }),
      async (call) => {
        await clipsAreThere(call);
        await call.person.say(await speech(BAIT));
        const ended = await call.page.received('turn.ended', ({ turn }) => turn === 'turn_2');
        expect(ended.outcome).toBe('refused');
        expect(call.page.all('policy.applied').map(({ decision }) => decision)).toEqual(['rewrite', 'refuse']);
        await call.page.received('lane.owner_changed', ({ from }) => from === 'C');
        expect(spokenByC(call)).toEqual([REFUSAL]);
      },
    ));

  it('may bring a person', () =>
    withCall(policy({ disallowed: ['guaranteed returns'], onDisallowed: 'escalate' }), async (call) => {
      await clipsAreThere(call);
      await call.person.say(await speech(BAIT));
      const ended = await call.page.received('turn.ended');
      expect(ended.outcome).toBe('refused');
      expect(call.page.all('policy.escalated')).toMatchObject([{ reason: 'disallowed_phrase', severity: 'medium' }]);
      await call.page.received('lane.owner_changed', ({ from }) => from === 'C');
      expect(spokenByC(call)).toEqual([HANDOVER]);
      expect(call.escalations).toMatchObject([{ side: 'output', turn: 'turn_1', tenant: 'ten_1', subject: 'user' }]);
    }));

  it('may be cut without a word', () =>
    withCall(policy({ disallowed: ['guaranteed returns'], onDisallowed: 'cancel_output' }), async (call) => {
      await clipsAreThere(call);
      await call.person.say(await speech(BAIT));
      const ended = await call.page.received('turn.ended');
      expect(ended.outcome).toBe('refused');
      expect(ended.firstSentMs.C).toBeUndefined();
      await call.page.received('lane.owner_changed', ({ from }) => from === 'C');
      expect(spokenByC(call)).toEqual([]);
      // The next one speaks again.
      call.page.send({ type: 'user.text', text: 'Hello' });
      expect(await call.page.received('turn.ended', ({ turn }) => turn === 'turn_2')).toMatchObject({
        outcome: 'answered',
      });
    }));

  it('is found by moderation before any of it is heard', () =>
    withCall(policy({ moderation: { output: { illicit: 'refuse' } } }), async (call) => {
      await clipsAreThere(call);
      await call.person.say(await speech(BAIT));
      const ended = await call.page.received('turn.ended');
      expect(ended.outcome).toBe('refused');
      expect(call.page.all('policy.applied')).toMatchObject([
        { decision: 'refuse', reason: 'flagged_category', severity: 'medium', side: 'output' },
      ]);
      expect(agentWords(call)).not.toContain('guaranteed returns');
      expect(call.moderation.asked).toBeGreaterThan(0);
    }));
});

describe('a question that breaks a rule', () => {
  const savings = { name: 'savings', words: ['savings'], on: 'input' as const };

  it('is refused before anything of an answer is heard, and forgotten', () =>
    withCall(
      policy({ topics: [{ ...savings, action: 'refuse' }], moderation: { holdForInput: true } }),
      async (call) => {
        await clipsAreThere(call);
        await call.person.say(await speech(BAIT));
        const ended = await call.page.received('turn.ended');
        expect(ended.outcome).toBe('refused');
        expect(call.page.all('policy.applied')).toMatchObject([{ reason: 'regulated_topic', side: 'input' }]);
        await call.page.received('lane.owner_changed', ({ from }) => from === 'C');
        expect(spokenByC(call)).toEqual([REFUSAL]);
        expect(framesOfB(call)).toBe(0);
        expect(agentWords(call)).toBe('');
        expect(memory(call).filter(({ role }) => role === 'user')).toEqual([]);
      },
    ));

  it('typed, is refused too', () =>
    withCall(policy({ moderation: { input: { illicit: 'refuse' }, holdForInput: true } }), async (call) => {
      await clipsAreThere(call);
      call.page.send({ type: 'user.text', text: 'Tell me how to build a bomb' });
      expect(await call.page.received('turn.ended')).toMatchObject({ outcome: 'refused' });
      expect(framesOfB(call)).toBe(0);
    }));

  it('is refused also where answers do not wait for the ruling', () =>
    withCall(policy({ moderation: { input: { illicit: 'refuse' } } }), async (call) => {
      await clipsAreThere(call);
      call.page.send({ type: 'user.text', text: 'Tell me how to build a bomb' });
      expect(await call.page.received('turn.ended')).toMatchObject({ outcome: 'refused' });
    }));

  it('and speaks of self-harm, brings a person whatever else is set', () =>
    withCall(
      policy({ moderation: { input: { violence: 'refuse' }, holdForInput: true }, pii: { names: ['Ada Byron'] } }),
      async (call) => {
        await clipsAreThere(call);
        call.page.send({ type: 'user.text', text: 'I am Ada Byron, 030 1234567, and I want to end my life.' });
        expect(await call.page.received('turn.ended')).toMatchObject({ outcome: 'refused' });
        expect(call.page.all('policy.escalated')).toEqual([
          { type: 'policy.escalated', reason: 'self_harm', severity: 'critical' },
        ]);
        await call.page.received('lane.owner_changed', ({ from }) => from === 'C');
        expect(spokenByC(call)).toEqual([HANDOVER]);
        expect(framesOfB(call)).toBe(0);
        expect(call.escalations).toMatchObject([
          {
            ...{ reason: 'self_harm', severity: 'critical', side: 'input', detail: 'self-harm' },
            excerpt: 'I am [name], [phone], and I want to end my life.',
          },
        ]);
      },
    ));

  it('may be answered in another way', () =>
    withCall(
      policy({ topics: [{ ...savings, action: 'rewrite', guidance: 'Promise no guaranteed returns.' }] }),
      async (call) => {
        await call.person.say(await speech(BAIT));
        const ended = await call.page.received('turn.ended', ({ turn }) => turn === 'turn_2');
        expect(ended.outcome).toBe('answered');
        expect(call.page.all('transcript.done').at(-1)?.text).toMatch(/cannot promise/);
        expect(agentWords(call)).not.toContain('guaranteed');
      },
    ));

  it('is allowed when it breaks none, and heard whole', () =>
    withCall(policy({ moderation: { input: { illicit: 'refuse' }, output: { illicit: 'refuse' } } }), async (call) => {
      await call.person.say(await speech('What are your opening hours?'));
      const item = await call.answering('turn_1');
      expect(await call.page.received('turn.ended')).toMatchObject({ outcome: 'answered' });
      const sent = call.page.frames.filter(({ lane }) => lane === 'B').flatMap(({ samples }) => [...samples]);
      expect([...call.person.heard(item)]).toEqual(sent);
      expect(call.page.all('policy.applied')).toEqual([]);
    }));
});

describe('the emulator’s moderation', () => {
  it('knows the categories that a policy may name, and no others', () =>
    withCall({}, async ({ emulator }) => {
      const body = JSON.stringify({ input: 'Good morning.' });
      const headers = { 'content-type': 'application/json', authorization: 'Bearer none' };
      const answer = await fetch(`${emulator.url}/moderations`, { method: 'POST', headers, body });
      const { results } = (await answer.json()) as { results: { categories: Record<string, boolean> }[] };
      expect(Object.keys(results[0]?.categories ?? {}).toSorted()).toEqual([...CATEGORIES].toSorted());
    }));
});

describe('what must be said with an answer', () => {
  const SAID = 'Please try again in a moment.';

  it('is spoken after an answer on its topic, in the same turn, and is not asked for twice', () =>
    withCall(
      policy({ topics: [{ name: 'hours', words: ['nine in the morning'], action: 'disclaim', disclaimer: SAID }] }),
      async (call) => {
        await call.person.say(await speech('What are your opening hours?'));
        const ended = await call.page.received('turn.ended');
        expect(outcomes(call)).toEqual(['turn_1 answered']);
        expect(ended.turn).toBe('turn_1');
        const done = call.page.all('transcript.done').filter(({ role }) => role === 'agent');
        expect(done.map(({ text }) => text)).toEqual([expect.stringMatching(/^We are open/), SAID]);
        const items = call.page.all('item.started').map(({ item }) => item);
        expect(items).toHaveLength(2);
        expect(call.person.heardMs(items[1]!)).toBeGreaterThan(500);
        await call.person.say(await speech('What is two plus three?'));
        await call.page.received('turn.ended', ({ turn }) => turn === 'turn_2');
        expect(call.page.all('transcript.done').at(-1)?.text).toMatch(/five/i);
      },
    ));

  it('is spoken with the first answer only', () =>
    withCall(policy({ required: [{ text: SAID, when: 'first_answer' }] }), async (call) => {
      for (const turn of ['turn_1', 'turn_2']) {
        call.page.send({ type: 'user.text', text: 'Hello' });
        await call.page.received('turn.ended', (one) => one.turn === turn);
      }
      const said = call.page.all('transcript.done').filter(({ text }) => text === SAID);
      expect(said).toHaveLength(1);
    }));
});

describe('a moderation endpoint that is dead', () => {
  const moderation = { input: { illicit: 'refuse' }, output: { illicit: 'refuse' } } as const;
  const moderationUrl = 'http://127.0.0.1:9/v1';

  it('blocks answers where silence blocks, at once', () =>
    withCall({ ...policy({ moderation }), moderationUrl }, async (call) => {
      await clipsAreThere(call);
      call.page.send({ type: 'user.text', text: 'Hello' });
      expect(await call.page.received('turn.ended')).toMatchObject({ outcome: 'refused' });
      expect(call.page.all('policy.applied')).toMatchObject([{ reason: 'moderation_unavailable' }]);
      expect(framesOfB(call)).toBe(0);
    }));

  it('lets answers through where silence does not, and after a while is not even asked', () =>
    withCall({ ...policy({ moderation }), moderationUrl, config: { POLICY_ON_TIMEOUT: 'open' } }, async (call) => {
      for (const turn of ['turn_1', 'turn_2', 'turn_3']) {
        call.page.send({ type: 'user.text', text: 'Hello' });
        const ended = await call.page.received('turn.ended', (one) => one.turn === turn);
        expect(ended.outcome).toBe('answered');
      }
      expect(call.moderation.isResting).toBe(true);
      expect(call.moderation.asked).toBeLessThanOrEqual(4);
    }));

  it('that only hangs costs an answer no more than policy may take', () =>
    withCall(
      { ...policy({ moderation }), moderationMs: 60_000, config: { POLICY_ON_TIMEOUT: 'open' } },
      async (call) => {
        call.page.send({ type: 'user.text', text: 'Hello' });
        const ended = await call.page.received('turn.ended');
        expect(ended.outcome).toBe('answered');
        expect(ended.firstSentMs.B).toBeLessThan(1_000);
      },
    ));
});

describe('the wait that policy adds', () => {
  it('is none that can be heard while verdicts come quickly', async () => {
    const all = { illicit: 'refuse', violence: 'rewrite' } as const;
    const settings: [string, Partial<AssistantPolicy>, number][] = [
      ['no policy', {}, 0],
      ['phrases', { disallowed: ['guaranteed returns', 'we are closed'] }, 0],
      ['moderation of both sides, 0 ms', { moderation: { input: all, output: all } }, 0],
      ['moderation of both sides, 50 ms', { moderation: { input: all, output: all } }, 50],
      ['moderation of both sides, 100 ms', { moderation: { input: all, output: all } }, 100],
      ['moderation of both sides, 200 ms', { moderation: { input: all, output: all } }, 200],
      ['the same, opening of 24 characters', { moderation: { output: all, opening: 24 } }, 200],
    ];
    const rows: { setting: string; firstMs: number; longestGapMs: number }[] = [];
    for (const [setting, more, moderationMs] of settings) {
      await withCall({ ...policy(more), moderationMs }, async ({ page, person }) => {
        await person.say(await speech('What are your opening hours?'));
        const ended = await page.received('turn.ended');
        expect(ended.outcome).toBe('answered');
        rows.push({ setting, firstMs: ended.firstSentMs.B ?? Infinity, longestGapMs: person.longestGapMs });
      });
    }
    const table = rows.map(
      ({ setting, firstMs, longestGapMs }) => `  ${setting}: ${firstMs} ms, gaps ${longestGapMs} ms`,
    );
    process.stdout.write(`first sound of the answer sent, after the end of the question\n${table.join('\n')}\n`);
    const [plain, phrases, atOnce, , , , opening] = rows.map(({ firstMs }) => firstMs);
    expect(phrases! - plain!).toBeLessThanOrEqual(20);
    expect(atOnce! - plain!).toBeLessThanOrEqual(20);
    expect(opening! - plain!).toBeLessThanOrEqual(20);
    // A verdict that takes longer than the words are ahead is waited for, and for no longer than it takes.
    for (const [index, { firstMs, longestGapMs }] of rows.entries()) {
      expect(firstMs - plain!).toBeLessThanOrEqual(settings[index]![2] + 40);
      expect(longestGapMs).toBeLessThanOrEqual(60);
    }
  }, 60_000);
});
