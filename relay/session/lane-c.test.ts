/** Lane C between a page and a provider that the test speaks for: what comes late, early or never. */
import { afterEach, describe, expect, it } from 'vitest';
import type { ClipRequest } from '../reflex/library.ts';
import type { AssistantPolicy } from '../tenants/tenant.ts';
import type { SessionEscalation } from './session-deps.ts';
import {
  answer,
  begin,
  bridge,
  commands,
  expectNothingLeft,
  finish,
  loud,
  outcomes,
  owners,
  page,
  pass,
  relay,
  say,
  sentMs,
  tell,
  userTurn,
} from './testing/conversation.ts';
import { aClip } from './testing/relay-under-test.ts';

afterEach(() => relay.stop());

const HANDOVER = 'A person takes over.';
const plain: AssistantPolicy = { disallowed: [], refusal: 'No.', fallback: 'Sorry.', handover: HANDOVER };
const handover = { ...aClip('person', 'refusal', 700), text: HANDOVER };
const clips = [aClip('no', 'refusal', 500), handover];
const lawsuit = { name: 'law', words: ['lawsuit'], action: 'refuse' as const };
/** The answer waits for the ruling on its question. */
const waiting: Partial<AssistantPolicy> = { topics: [lawsuit], moderation: { holdForInput: true } };
const withPolicy = (policy: Partial<AssistantPolicy>) => ({
  assistant: { policy: { ...plain, ...policy } },
  voiced: clips,
});
const userSaid = (text: string, item = 'user_1') => say({ type: 'input.transcript.done', item, text });
const played = () => page.all('clip.play').map(({ clip }) => clip);

describe('an answer that is to wait for the ruling on its question waits', () => {
  it('and is heard when that is good', async () => {
    await begin(withPolicy(waiting));
    await userTurn();
    await answer('r1', 'turn_1', 300);
    expect([sentMs(), page.all('transcript.delta').length]).toEqual([0, 0]);
    await userSaid('What a day');
    await finish('r1');
    expect(sentMs()).toBe(300);
    await tell({ type: 'playout.drained', epoch: 1, item: 'item_of_r1' });
    expect(outcomes()).toEqual(['turn_1 answered']);
  });

  it('and never when it is bad', async () => {
    await begin(withPolicy(waiting));
    await userTurn();
    await answer('r1', 'turn_1', 300);
    await userSaid('I want a lawsuit');
    expect(owners()).toEqual(['none→C policy']);
    expect(sentMs()).toBe(0);
    expect(played()).toEqual(['no']);
    expect(commands('delete').map(({ item }) => item)).toEqual(['user_1', 'item_of_r1']);
    await tell({ type: 'clip.ended', epoch: 2, clip: 'no' });
    expect(owners().at(-1)).toBe('C→none clip_ended');
  });

  it('that came before there was an answer: it is cancelled as it begins', async () => {
    await begin(withPolicy({ ...waiting, topics: [{ ...lawsuit, action: 'escalate' }] }));
    await userTurn();
    await userSaid('I want a lawsuit');
    expect(played()).toEqual([]);
    expect(page.all('policy.escalated')).toHaveLength(1);
    await answer('r1', 'turn_1', 300);
    expect(commands('cancel')).toEqual([{ is: 'cancel', response: 'r1' }]);
    expect(played()).toEqual(['person']);
    expect(outcomes()).toEqual(['turn_1 refused']);
    await tell({ type: 'clip.ended', epoch: 2, clip: 'person' });
    expect(owners().at(-1)).toBe('C→none clip_ended');
  });

  it('that came before there was a turn', async () => {
    await begin(withPolicy(waiting));
    await userSaid('I want a lawsuit');
    await userTurn();
    await answer('r1', 'turn_1', 300);
    expect(outcomes()).toEqual(['turn_1 refused']);
  });

  it('and has none where nobody could write the question down', async () => {
    await begin(withPolicy(waiting));
    await userTurn();
    await answer('r1', 'turn_1', 300);
    await userSaid('');
    await userSaid('I want a lawsuit');
    await finish('r1');
    expect(sentMs()).toBe(300);
  });

  it('for as long as policy may take: silence blocks', async () => {
    await begin(withPolicy(waiting));
    await userTurn();
    await answer('r1', 'turn_1', 300);
    await pass(400);
    expect(owners()).toEqual(['none→C policy_timeout']);
    expect(sentMs()).toBe(0);
  });

  it('for as long as policy may take: silence clears', async () => {
    await begin({ ...withPolicy(waiting), config: { POLICY_ON_TIMEOUT: 'open' } });
    await userTurn();
    await say({ type: 'response.created', response: 'r1', turn: 'turn_1' });
    await pass(200);
    await answer('r2', 'turn_9', 100);
    await say(
      { type: 'response.text', response: 'r1', item: 'i', delta: 'It is a fine day. ' },
      { type: 'response.audio', response: 'r1', item: 'i', samples: loud(500) },
    );
    expect(sentMs()).toBe(0);
    await pass(200);
    expect(sentMs()).toBeGreaterThan(300);
    await userSaid('I want a lawsuit');
    expect(owners().at(-1)).toBe('B→C policy');
    await say({ type: 'input.transcript.done', item: 'gone', text: 'a lawsuit' });
  });

  it('and leaves no timer behind', async () => {
    await begin({ ...withPolicy(waiting), config: { POLICY_ON_TIMEOUT: 'open' } });
    await userTurn();
    await say({ type: 'response.created', response: 'r1', turn: 'turn_1' });
    await tell({ type: 'session.end' });
    await page.closed;
    await expectNothingLeft();
  });

  it('not in lenient mode, where it is cut', async () => {
    await begin({ ...withPolicy(waiting), config: { POLICY_MODE: 'lenient' } });
    await userTurn();
    await answer('r1', 'turn_1', 1_000);
    expect(sentMs()).toBeGreaterThan(0);
    await userSaid('I want a lawsuit');
    expect(owners().at(-1)).toBe('B→C policy');
  });
});

describe('a question whose words come after its answer began', () => {
  it.each(['strict', 'lenient'] as const)('stops the answer when they are bad, in %s mode', async (mode) => {
    await begin({ ...withPolicy({ topics: [lawsuit] }), config: { POLICY_MODE: mode } });
    await userTurn();
    await answer('r1', 'turn_1', 2_000, 'It is a fine day, and so on, and on, and on. ');
    await pass(600);
    const before = sentMs();
    expect(before).toBeGreaterThan(0);
    await userSaid('I want a lawsuit');
    expect(owners().at(-1)).toBe('B→C policy');
    expect(outcomes()).toEqual(['turn_1 refused']);
    expect(page.all('policy.applied')).toMatchObject([
      { decision: 'refuse', reason: 'regulated_topic', side: 'input' },
    ]);
    await pass(1_000);
    expect(sentMs()).toBe(before);
    expect(played()).toEqual(['no']);
    expect(commands('delete').map(({ item }) => item)).toContain('user_1');
  });

  it('cuts it without a word where that is what is set', async () => {
    await begin(withPolicy({ topics: [{ ...lawsuit, action: 'cancel_output' }] }));
    await userTurn();
    await answer('r1', 'turn_1', 2_000, 'It is a fine day, and so on, and on, and on. ');
    await userSaid('I want a lawsuit');
    expect(outcomes()).toEqual(['turn_1 refused']);
    expect(page.all('policy.applied')).toMatchObject([{ decision: 'cancel_output', side: 'input' }]);
    expect([played(), owners().at(-1)]).toEqual([[], 'C→none clip_ended']);
  });

  it('leaves it alone when they are good', async () => {
    await begin(withPolicy({ topics: [lawsuit] }));
    await userTurn();
    await answer('r1', 'turn_1', 300);
    await pass(1_500);
    await userSaid('What a day');
    await finish('r1');
    expect(sentMs()).toBe(300);
    expect(page.all('policy.applied')).toEqual([]);
  });
});

describe('text that comes no faster than it is said', () => {
  const policy = withPolicy({ disallowed: ['we are closed for good now'] });
  /** A word every 240 ms, with as much sound. */
  async function saidSlowly(words: string): Promise<void> {
    await begin(policy);
    await userTurn();
    await say({ type: 'response.created', response: 'r1', turn: 'turn_1' });
    for (const delta of words.split(/(?<= )/)) {
      await say(
        { type: 'response.text', response: 'r1', item: 'item_of_r1', delta },
        { type: 'response.audio', response: 'r1', item: 'item_of_r1', samples: loud(240) },
      );
      await pass(240);
    }
  }

  it('is refused for its words, however long they take', async () => {
    await saidSlowly('Well, we are closed for good now, I fear. ');
    expect(owners()).toEqual(['none→B b_audible', 'B→C policy']);
    expect(page.all('policy.applied')).toMatchObject([{ decision: 'refuse', reason: 'disallowed_phrase' }]);
    expect(page.all('transcript.delta').map(({ text }) => text)).toEqual(['Well, ']);
    expect(sentMs()).toBeLessThan(600);
  });

  it('is heard whole when its words only began like a disallowed phrase', async () => {
    const words = 'We are closed for good reasons today. ';
    await saidSlowly(words);
    await finish('r1', words);
    await pass(3_000);
    expect(owners()).toEqual(['none→B b_audible', 'B→none drained_inferred']);
    expect(sentMs()).toBe(7 * 240);
  });

  it('and then not at all is out of time', async () => {
    await saidSlowly('We are ');
    await pass(159);
    expect(owners()).toEqual([]);
    await pass(1);
    expect(owners()).toEqual(['none→C policy_timeout']);
  });
});

describe('a rewrite', () => {
  const policy = withPolicy({ disallowed: ['secret plan'], onDisallowed: 'rewrite' });
  const bad = (response: string) =>
    say({ type: 'response.text', response, item: `i_${response}`, delta: 'The secret plan is ' });

  it('takes the place of the turn: the model is told why, and asked when the slot is free', async () => {
    await begin(policy);
    await userTurn();
    await answer('r1', 'turn_1', 300, 'Well, ');
    await bad('r1');
    expect(commands('context').at(-1)?.text).toContain('"secret plan"');
    expect(outcomes()).toEqual(['turn_1 superseded']);
    expect(page.all('turn.started').map(({ turn }) => turn)).toEqual(['turn_1', 'turn_2']);
    expect(commands('create')).toHaveLength(1);
    await say({ type: 'response.done', response: 'r1', status: 'cancelled' });
    // What was heard of the first answer is told before the next one is asked for.
    await tell({ type: 'playout', epoch: 1, item: 'item_of_r1', playedMs: 180, last: true });
    expect(commands('truncate')).toEqual([{ is: 'truncate', item: 'item_of_r1', audioEndMs: 180 }]);
    expect(commands('create').at(-1)).toEqual({ is: 'create', turn: 'turn_2' });
    await answer('r2', 'turn_2', 300);
    await finish('r2');
    await tell({ type: 'playout.drained', epoch: 2, item: 'item_of_r2' });
    expect(outcomes().at(-1)).toBe('turn_2 answered');
    expect(played()).toEqual([]);
  });

  it('is a refusal the second time', async () => {
    await begin(policy);
    await userTurn();
    await say({ type: 'response.created', response: 'r1', turn: 'turn_1' });
    await bad('r1');
    await say({ type: 'response.done', response: 'r1', status: 'cancelled' });
    await say({ type: 'response.created', response: 'r2', turn: 'turn_2' });
    await bad('r2');
    expect(outcomes()).toEqual(['turn_1 superseded', 'turn_2 refused']);
    expect(played()).toEqual(['no']);
  });

  it('is a refusal while the user speaks, said when they end', async () => {
    await begin(policy);
    await userTurn();
    await answer('r1', 'turn_1', 1_000);
    await tell({ type: 'user.onset', utterance: 'u2', epoch: 1, paused: true });
    await bad('r1');
    expect(page.all('policy.applied')).toMatchObject([{ decision: 'refuse' }]);
    expect(played()).toEqual([]);
    await pass(60);
    await tell({ type: 'user.offset', utterance: 'u2' });
    expect(played()).toEqual(['no']);
  });
});

describe('what is said', () => {
  it('is a refusal where the hand-over is not rendered, and nothing where neither is', async () => {
    const policy = withPolicy({ disallowed: ['secret plan'], onDisallowed: 'escalate' });
    await begin({ ...policy, voiced: [clips[0]!] });
    await userTurn();
    await answer('r1', 'turn_1', 300, 'The secret plan is ');
    expect(played()).toEqual(['no']);
    await relay.stop();
    await begin({ ...policy, voiced: [] });
    await userTurn();
    await answer('r1', 'turn_1', 300, 'The secret plan is ');
    expect([played(), outcomes()]).toEqual([[], ['turn_1 refused']]);
  });

  it('promises no person to whom is only refused', async () => {
    await begin({ ...withPolicy({ disallowed: ['secret plan'] }), voiced: [handover] });
    await userTurn();
    await answer('r1', 'turn_1', 300, 'The secret plan is ');
    expect([played(), outcomes()]).toEqual([[], ['turn_1 refused']]);
    expect(owners().at(-1)).toBe('C→none clip_ended');
    expect(page.all('turn.ended')[0]?.firstSentMs.C).toBeUndefined();
  });

  it('is nothing of a response that nobody waits for, and is no other clip the next time', async () => {
    await begin(withPolicy({ disallowed: ['secret plan'], onDisallowed: 'escalate', topics: [lawsuit] }));
    await say({ type: 'response.created', response: 'r0', turn: null });
    await say({ type: 'response.text', response: 'r0', item: 'i0', delta: 'The secret plan is ' });
    expect([played(), page.all('policy.escalated')]).toEqual([[], []]);
    await userTurn();
    await answer('r1', 'turn_1', 300);
    await userSaid('a lawsuit');
    expect(played()).toEqual(['no']);
  });
});

describe('a hand-over', () => {
  const policy = withPolicy({ disallowed: ['secret plan'], onDisallowed: 'escalate' });
  /** Sound without words: policy's time passes. */
  async function outOfTime(item: string, turn: string): Promise<void> {
    await userTurn(item);
    await say({ type: 'response.created', response: `r_${item}`, turn });
    await say({ type: 'response.audio', response: `r_${item}`, item: `i_${item}`, samples: loud(300) });
    await pass(400);
    expect(owners().at(-1)).toBe('none→C policy_timeout');
  }

  it('is said once: what is refused next is only refused', async () => {
    await begin(policy);
    await userTurn();
    await answer('r1', 'turn_1', 300, 'The secret plan is ');
    expect(played()).toEqual(['person']);
    await tell({ type: 'clip.ended', epoch: 2, clip: 'person' });
    await say({ type: 'response.done', response: 'r1', status: 'cancelled' });
    await outOfTime('user_2', 'turn_2');
    expect(played()).toEqual(['person', 'no']);
  });

  it('that the user talked over is not said to what they said', async () => {
    await begin(policy);
    await userTurn();
    await answer('r1', 'turn_1', 1_000, 'Well, well. ');
    await tell({ type: 'user.onset', utterance: 'u2', epoch: 1, paused: true });
    await say({ type: 'response.text', response: 'r1', item: 'item_of_r1', delta: 'The secret plan is ' });
    expect(played()).toEqual([]);
    await say({ type: 'response.done', response: 'r1', status: 'cancelled' });
    await outOfTime('user_2', 'turn_2');
    expect(played()).toEqual(['no']);
  });

  it('for what nobody hears is not said later', async () => {
    await begin(policy);
    await userTurn();
    await say({ type: 'response.created', response: 'r0', turn: null });
    await say({ type: 'response.created', response: 'r1', turn: 'turn_1' });
    await say({ type: 'response.text', response: 'r0', item: 'i0', delta: 'The secret plan is ' });
    await say({ type: 'response.audio', response: 'r1', item: 'i1', samples: loud(300) });
    await pass(400);
    expect(played()).toEqual(['no']);
  });
});

describe('who may be in danger', () => {
  it('is told of also when the turn is over, and once more when something else was decided', async () => {
    const escalations: SessionEscalation[] = [];
    await begin({
      ...withPolicy({ disallowed: ['secret plan'], topics: [{ ...lawsuit, action: 'escalate', on: 'input' }] }),
      config: { POLICY_MODE: 'lenient' },
      deps: { onEscalation: (one) => void escalations.push(one) },
    });
    await userTurn();
    await answer('r1', 'turn_1', 300, 'The secret plan is ');
    await userSaid('My lawsuit! Call me at 030 1234567.');
    expect(escalations).toMatchObject([
      {
        ...{ session: expect.any(String) as string, tenant: 'ten_1', assistant: { id: 'ast_1', version: 1 } },
        ...{ turn: 'turn_1', detail: 'law', excerpt: 'My lawsuit! Call me at [phone].' },
      },
    ]);
    expect(played()).toEqual(['no']);
  });
});

describe('what must be said with an answer', () => {
  const policy = withPolicy({ required: [{ text: 'Over and out.', when: 'every_answer' }] });

  it('is asked for once, and noted when it is not said all the same', async () => {
    await begin(policy);
    expect(bridge.setup.instructions).toContain('Over and out.');
    await userTurn();
    await answer('r1', 'turn_1', 300);
    await finish('r1');
    expect(commands('context').at(-1)?.text).toContain('say exactly: "Over and out."');
    expect(commands('create').map(({ turn }) => turn)).toEqual(['turn_1', 'turn_1']);
    await answer('r2', 'turn_1', 300, 'I would rather not.');
    await finish('r2', 'I would rather not.');
    expect(page.all('policy.applied')).toMatchObject([{ decision: 'allow', reason: 'required_phrase_missing' }]);
    await tell({ type: 'playout.drained', epoch: 1, item: 'item_of_r2' });
    expect(outcomes()).toEqual(['turn_1 answered']);
  });

  it('waits until the functions of the answer have their results', async () => {
    const tool = { name: 'weather', description: 'Says the weather.', parameters: {} };
    await begin(policy, { tools: [tool] });
    await userTurn();
    await answer('r1', 'turn_1', 300, 'Let me see.');
    await say({ type: 'tool.called', response: 'r1', call: 'c1', name: 'weather', arguments: '{}' });
    await finish('r1', 'Let me see.');
    await tell({ type: 'tool.result', call: 'c1', output: 'rain' });
    expect(commands('context')).toEqual([]);
    await answer('r2', 'turn_1', 300, 'It rains. Over and out.');
    await finish('r2', 'It rains. Over and out.');
    expect(commands('context')).toEqual([]);
    expect(commands('create')).toHaveLength(2);
  });
});

describe('the clips of a session', () => {
  it('are asked for with the hand-over, and with the tenant’s reflex phrases in the tenant’s language', async () => {
    const asked: ClipRequest[] = [];
    const reflex = { neutral: ['One second.'], affirmative: ['Sure.'] };
    const deps = {
      clips: {
        wordless: () => [],
        clipsFor(request: ClipRequest) {
          asked.push(request);
          return Promise.resolve();
        },
      },
    };
    for (const locale of ['en-GB', 'de']) {
      await begin({ assistant: { reflex, policy: plain, locale: 'en-US' }, deps }, { locale });
      await relay.stop();
    }
    expect(asked.map(({ reflexPhrases }) => reflexPhrases)).toEqual([reflex, undefined]);
    expect(asked[0]?.handover).toBe(HANDOVER);
    await begin();
  });
});
