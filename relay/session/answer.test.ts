/** What the model does, and what comes of it. */
import { afterEach, describe, expect, it } from 'vitest';
import { FLAG_LAST } from '#wire';
import {
  answer,
  begin,
  bridge,
  clock,
  commands,
  expectNothingLeft,
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

describe('functions of the page', () => {
  const tool = { name: 'weather', description: 'Says the weather.', parameters: {} };

  async function call(name = 'weather'): Promise<void> {
    await userTurn();
    await say(
      { type: 'response.created', response: 'r1', turn: 'turn_1' },
      { type: 'tool.called', response: 'r1', call: 'c1', name, arguments: '{"city":"Oslo"}' },
      { type: 'response.generated', response: 'r1', text: '' },
      { type: 'response.done', response: 'r1', status: 'completed' },
    );
  }

  it('reach the page and come back into the answer', async () => {
    await begin({}, { tools: [tool] });
    expect(bridge.setup.tools).toEqual([tool]);
    await call();
    expect(page.all('tool.call')).toEqual([
      { type: 'tool.call', call: 'c1', name: 'weather', arguments: '{"city":"Oslo"}' },
    ]);
    expect(commands('create')).toHaveLength(1);
    await tell({ type: 'tool.result', call: 'c1', output: 'rain' });
    expect(commands('output')).toEqual([{ is: 'output', call: 'c1', output: 'rain' }]);
    expect(commands('create')).toHaveLength(2);
    await tell({ type: 'tool.result', call: 'c1', output: 'again' });
    expect(page.all('error')).toMatchObject([{ code: 'not-found' }]);
  });

  it('may fail, and the model is told', async () => {
    await begin({ assistant: { tools: [tool] } }, { tools: [{ ...tool, description: 'mine' }] });
    expect(bridge.setup.tools).toEqual([tool]);
    await call();
    await tell({ type: 'tool.result', call: 'c1', output: 'no network', failed: true });
    expect(commands('output')).toEqual([{ is: 'output', call: 'c1', output: '{"error":"no network"}' }]);
  });

  it('that do not exist are answered for the page', async () => {
    await begin({}, { tools: [tool] });
    await call('wether');
    expect(page.all('tool.call')).toEqual([]);
    expect(commands('output')).toEqual([{ is: 'output', call: 'c1', output: '{"error":"unknown function"}' }]);
    expect(commands('create')).toHaveLength(2);
  });

  it('are refused where the assistant takes none, and the session starts without them', async () => {
    await begin({ assistant: { pageTools: false } }, { tools: [tool] });
    expect(page.all('error')).toMatchObject([{ code: 'forbidden' }]);
    expect(bridge.setup.tools).toEqual([]);
  });

  it('are taken back when their turn ends; a late result asks for no answer', async () => {
    await begin({}, { tools: [tool] });
    await call();
    await tell({ type: 'user.text', text: 'Forget it' });
    expect(page.all('tool.cancelled')).toEqual([{ type: 'tool.cancelled', call: 'c1' }]);
    const asked = commands('create').length;
    await tell({ type: 'tool.result', call: 'c1', output: 'rain' });
    expect(commands('output')).toEqual([{ is: 'output', call: 'c1', output: 'rain' }]);
    expect(commands('create')).toHaveLength(asked);
    expect(page.all('error')).toEqual([]);
  });

  it('called by a response that is over are answered as cancelled', async () => {
    await begin({}, { tools: [tool] });
    await say({ type: 'tool.called', response: 'gone', call: 'c7', name: 'weather', arguments: '' });
    expect(commands('output')).toEqual([{ is: 'output', call: 'c7', output: '{"error":"cancelled"}' }]);
    expect(page.all('tool.call')).toEqual([]);
  });
});

describe('policy', () => {
  const assistant = { policy: { disallowed: ['secret plan'], refusal: 'No.', fallback: 'Sorry.' } };

  it('plays and shows nothing of a disallowed phrase, and refuses from the cache', async () => {
    await begin({ assistant, voiced: [aClip('no', 'refusal', 500)] });
    await userTurn();
    await say(
      { type: 'response.created', response: 'r1', turn: 'turn_1' },
      { type: 'response.text', response: 'r1', item: 'i', delta: 'Well, here is ' },
      { type: 'response.audio', response: 'r1', item: 'i', samples: loud(300) },
    );
    expect(sentMs()).toBeGreaterThan(0);
    await say(
      { type: 'response.text', response: 'r1', item: 'i', delta: 'the sec' },
      { type: 'response.audio', response: 'r1', item: 'i', samples: loud(1_500) },
    );
    await pass(300);
    const before = sentMs();
    expect(before).toBeLessThan(1_000);
    await say({ type: 'response.text', response: 'r1', item: 'i', delta: 'ret plan is' });
    expect(owners()).toEqual(['none→B b_audible', 'B→C policy']);
    expect(page.all('clip.play')).toEqual([{ type: 'clip.play', epoch: 2, lane: 'C', clip: 'no' }]);
    expect(page.all('turn.ended')).toMatchObject([{ outcome: 'refused', firstSentMs: { C: 300 } }]);
    expect(page.all('transcript.delta').map(({ text }) => text)).toEqual(['Well, here is ', 'the ']);
    await say(
      { type: 'response.text', response: 'r1', item: 'i', delta: ' more' },
      { type: 'response.text.done', response: 'r1', item: 'i', text: 'all of it' },
      { type: 'response.audio', response: 'r1', item: 'i', samples: loud(500) },
    );
    await pass(1_000);
    expect(sentMs()).toBe(before);
    await tell({ type: 'clip.ended', epoch: 2, clip: 'no' });
    expect(owners().at(-1)).toBe('C→none clip_ended');
  });

  it('in lenient mode lets sound play until it is blocked', async () => {
    await begin({ assistant, config: { POLICY_MODE: 'lenient' } });
    await userTurn();
    await say(
      { type: 'response.created', response: 'r1', turn: 'turn_1' },
      { type: 'response.audio', response: 'r1', item: 'i', samples: loud(1_000) },
    );
    expect(page.all('lane.admit')).toEqual([{ type: 'lane.admit', response: 'r1', epoch: 1 }]);
    await say({ type: 'response.text', response: 'r1', item: 'i', delta: 'The secret plan ' });
    expect(owners().at(-1)).toBe('B→none policy');
  });
});

describe('the provider', () => {
  it('may go and come back: the page is told, what is heard drains', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 300);
    await say({ type: 'provider.down', generation: 1, reason: 'close-1006', fatal: false });
    expect(sentMs()).toBe(300);
    expect(page.frames.at(-1)?.flags).toBe(FLAG_LAST);
    await tell({ type: 'playout.drained', epoch: 1, item: 'item_of_r1' });
    expect(outcomes()).toEqual(['turn_1 failed']);
    await say({ type: 'provider.up', generation: 2 });
    expect(page.all('provider.changed').map(({ up }) => up)).toEqual([true, false, true]);
  });

  it.each([
    ['invalid_api_key', 'upstream-refused'],
    ['close-1006', 'upstream-lost'],
  ])('that gives up for %s ends the session as %s', async (reason, code) => {
    await begin();
    bridge.emit({ type: 'provider.down', generation: 1, reason, fatal: true });
    expect(await page.closed).toEqual({ code: 4008, reason: 'upstream-lost' });
    expect(page.all('error')).toMatchObject([{ code }]);
    await expectNothingLeft();
  });

  it('that gives up while it is heard is heard to the end, but not for ever', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 20_000);
    await say({ type: 'provider.down', generation: 1, reason: 'close-1006', fatal: true });
    expect(page.all('error')).toEqual([]);
    await pass(14_999);
    clock.advance(1);
    expect((await page.closed).code).toBe(4008);
    await expectNothingLeft();
  });

  it('that says more than a session may hold is stopped', async () => {
    await begin();
    await userTurn();
    await say({ type: 'response.created', response: 'r1', turn: 'turn_1' });
    const minute = loud(60_000);
    for (let i = 0; i < 7; i++) await say({ type: 'response.audio', response: 'r1', item: 'i', samples: minute });
    expect(commands('cancel')).toEqual([{ is: 'cancel', response: 'r1' }]);
  });

  it('bills are passed on with who caused them', async () => {
    const bills: string[] = [];
    await begin({ deps: { onUsage: ({ subject }, { kind }) => bills.push(`${subject} ${kind}`) } });
    const none = { inputTextTokens: 0, inputAudioTokens: 0, cachedTextTokens: 0 };
    const usage = {
      kind: 'response' as const,
      ...none,
      cachedAudioTokens: 0,
      outputTextTokens: 0,
      outputAudioTokens: 9,
    };
    await say({ type: 'usage', usage }, { type: 'input.cleared' });
    expect(bills).toEqual(['user response']);
  });
});
