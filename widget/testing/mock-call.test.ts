import { describe, expect, it } from 'vitest';
import { CallError, ERROR_CODES } from '../errors.ts';
import { callErrorOf } from '../call/call-error-of.ts';
import { Conversation, type Happening } from '../call/conversation.ts';
import type { CallConfig, CallEvent } from '../call/call.ts';
import { definePersona, mockCall } from './testing.ts';

const CONFIG: CallConfig = {
  ...{ src: 'null', tenant: 'pk', assistant: '', tokenSrc: '', turn: 'auto', mode: 'voice', locale: 'en', context: '' },
  ...{ tools: [], workletUrls: [], inputId: '', micMuted: false, mutePolicy: 'silence', muted: false, volume: 1 },
};

/** A call whose time only the test lets pass, and what a person would say went on in it. */
async function place(address: string, config: Partial<CallConfig> = {}) {
  const call = mockCall(`mock:${address}${address.includes('?') ? '&' : '?'}speed=manual`);
  const conversation = new Conversation();
  const happened: Happening[] = [];
  const events: CallEvent[] = [];
  const failures: unknown[] = [];
  const abort = new AbortController();
  const opened = call.openCall({
    config: { ...CONFIG, ...config },
    signal: abort.signal,
    on(event) {
      events.push(event);
      happened.push(...conversation.apply(event, 0));
    },
    early: () => undefined,
    fail: (error) => failures.push(error),
  });
  opened.catch(() => undefined);
  await call.advance(200);
  const said = () => conversation.entries.map(({ role, text }) => `${role}: ${text}`);
  const seen = (type: Happening['type']) => happened.filter((one) => one.type === type);
  return { call, conversation, happened, events, failures, opened, abort, said, seen };
}

describe('a mock call', () => {
  it('answers what was typed, word by word, and is heard to the end', async () => {
    const { call, conversation, said, seen } = await place('greeter');
    call.sendText('Hello there');
    await call.advance(700);
    expect([conversation.phase, conversation.heardText]).toEqual(['speaking', 'Hello!']);
    await call.advance(5_000);
    expect(said()).toEqual(['user: Hello there', 'agent: Hello! How can I help?']);
    expect([conversation.phase, conversation.heardText]).toEqual(['listening', 'Hello! How can I help?']);
    expect(seen('turn-end')).toMatchObject([{ outcome: 'answered', metrics: { heardMs: 1_600 } }]);
  });

  it('happens alike each time', async () => {
    const run = async () => {
      const { call, events } = await place('interrupted?at=900');
      call.sendText('Tell me');
      await call.advance(30_000);
      return events;
    };
    expect(await run()).toEqual(await run());
  });

  it('is interrupted by speech: the rest is cut off, and the new words are answered', async () => {
    const { call, conversation, said, seen } = await place('interrupted?at=900');
    call.sendText('Tell me');
    await call.advance(1_000);
    expect(conversation.phase).toBe('held');
    await call.advance(30_000);
    expect(seen('interrupt')).toMatchObject([{ by: 'speech', recovered: false, heardMs: 700 }]);
    expect(seen('turn-end')).toMatchObject([{ outcome: 'superseded' }, { outcome: 'answered' }]);
    expect(said().at(-1)).toBe('agent: All right.');
  });

  it('is paused by a cough, and goes on', async () => {
    const { call, seen } = await place('coughed');
    call.sendText('When?');
    await call.advance(30_000);
    expect(seen('interrupt')).toMatchObject([{ recovered: true }]);
    expect(seen('turn-end')).toMatchObject([{ outcome: 'answered' }]);
  });

  it('is stopped by a button', async () => {
    const { call, conversation, seen } = await place('story');
    call.sendText('A story');
    await call.advance(2_000);
    call.interrupt();
    expect(seen('interrupt')).toMatchObject([{ by: 'button', recovered: false }]);
    expect(conversation.phase).toBe('listening');
  });

  it('hears what a held button says, and says what the page wants', async () => {
    const { call, said } = await place('greeter?heard=Hi', { turn: 'hold' });
    call.talk(true);
    await call.advance(500);
    call.talk(false);
    await call.advance(5_000);
    call.say('Mind the step.');
    await call.advance(5_000);
    expect(said()).toEqual(['user: Hi', 'agent: Hello! How can I help?', 'agent: Mind the step.']);
    expect(call.asked.map(({ what }) => what)).toEqual(['talk', 'talk', 'say']);
  });

  it('fills a slow thought with a reflex', async () => {
    const { call, seen } = await place('slow?after=3000');
    call.sendText('Think');
    await call.advance(30_000);
    expect(seen('lane').map((one) => 'to' in one && one.to)).toEqual(['A', 'none', 'B', 'none']);
  });

  it('calls a function, and says what it answered', async () => {
    const tools = [{ name: 'book', description: '', parameters: {} }];
    const { call, events, said } = await place('caller?args={"nights":2}', { tools });
    call.sendText('Book it');
    await call.advance(100);
    expect(events).toContainEqual({ type: 'tool.call', call: 'mock-tool-1', name: 'book', arguments: '{"nights":2}' });
    call.answerTool('mock-tool-1', 'room 4', false);
    await call.advance(5_000);
    expect(said().at(-1)).toBe('agent: It says: room 4');
  });

  it('takes a function back that was interrupted', async () => {
    const { call, events, said } = await place('caller?tool=book');
    call.sendText('Book it');
    await call.advance(100);
    call.sendText('No, wait');
    await call.advance(100);
    expect(events).toContainEqual({ type: 'tool.cancelled', call: 'mock-tool-1' });
    call.answerTool('mock-tool-2', 'full', true);
    await call.advance(5_000);
    expect(said().at(-1)).toBe('agent: That did not work: full');
  });

  it('has nothing to call where the page offers nothing', async () => {
    const { call, said } = await place('caller');
    call.sendText('Book it');
    await call.advance(5_000);
    expect(said().at(-1)).toBe('agent: This page offers no functions.');
  });

  it('greets first, is refused by policy, hands over, loses the connection', async () => {
    const host = await place('host');
    await host.call.advance(5_000);
    expect(host.said()).toEqual(['agent: Welcome! What can I do for you?']);
    const refuser = await place('refuser');
    refuser.call.sendText('Invest for me');
    await refuser.call.advance(5_000);
    expect(refuser.said().at(-1)).toBe('agent: I cannot help with that.');
    const handover = await place('handover');
    handover.call.sendText('A person, please');
    await handover.call.advance(5_000);
    expect(handover.events.map(({ type }) => type)).toContain('policy.escalated');
    const lost = await place('reconnecting?gap=700');
    lost.call.sendText('Hello');
    await lost.call.advance(5_000);
    expect(lost.events).toContainEqual({ type: 'link.up', gapMs: 700 });
    expect(lost.said().at(-1)).toBe('agent: Hello! How can I help?');
  });

  it.each(ERROR_CODES)('fails with %s, before the call or in it', async (code) => {
    const before = await place(`fails?code=${code}`);
    await expect(before.opened).rejects.toMatchObject({ name: 'CallError', code });
    const within = await place(`fails?when=call&code=${code.toLowerCase().replaceAll('_', '-')}`);
    within.call.sendText('Hello');
    await within.call.advance(100);
    expect(within.failures).toMatchObject([{ code }]);
  });

  it('needs no microphone in writing', async () => {
    const { call, opened, said } = await place('fails?code=MIC_DENIED', { mode: 'text' });
    await opened;
    call.sendText('Hi');
    await call.advance(5_000);
    expect(said().at(-1)).toBe('agent: Hello! How can I help?');
  });

  it('takes personas of the test, and says what it does not know', async () => {
    definePersona('parrot', { answers: (scene, words) => scene.say(words) });
    const { call, said } = await place('parrot');
    call.sendText('Polly');
    await call.advance(2_000);
    expect(said()).toEqual(['user: Polly', 'agent: Polly']);
    expect(() => mockCall('mock:nobody')).toThrow(/no persona "nobody"; there are greeter/);
    expect(() => mockCall('mock:story?speed=0')).toThrow(CallError);
    const unnamed = await place('fails');
    await expect(unnamed.opened).rejects.toThrow(/takes \?code=/);
  });

  it('leaves nothing behind when it is over', async () => {
    const { call, abort, events } = await place('story');
    call.sendText('A story');
    await call.advance(1_000);
    abort.abort();
    const before = events.length;
    await call.advance(30_000);
    expect(events).toHaveLength(before);
  });
});

it('knows its own errors from another copy of the script', () => {
  const foreign = Object.assign(new Error('quota'), { name: 'CallError', code: 'QUOTA' });
  expect(callErrorOf(foreign)).toBeInstanceOf(CallError);
  expect(callErrorOf(foreign)).toMatchObject({ code: 'QUOTA', recovery: 'retry' });
  expect(callErrorOf(new Error('other'))).toBeNull();
});
