/** Every way in which a session ends, and that nothing is left of it. */
import { afterEach, describe, expect, it } from 'vitest';
import { encodeAudioFrame, type WidgetMessage } from '#wire';
import {
  admit,
  answer,
  begin,
  bridge,
  clock,
  expectNothingLeft,
  finish,
  outcomes,
  page,
  relay,
  tell,
  userTurn,
} from './testing/conversation.ts';

afterEach(() => relay.stop());

describe('the end', () => {
  it.each<[string, () => void, number]>([
    ['the page says so', () => page.send({ type: 'session.end' }), 1000],
    ['the longest session has passed', () => clock.advance(400), 4506],
  ])('comes when %s', async (_, act, code) => {
    await begin({ limits: { longestSessionMs: 1_000 } });
    await userTurn();
    act();
    expect((await page.closed).code).toBe(code);
    expect(outcomes()).toEqual(['turn_1 failed']);
    await expectNothingLeft();
  });

  /** The relay has noticed that the page is away, and its page does not come back in time. */
  async function waitInVain(): Promise<void> {
    await relay.empty();
    clock.advance(59_999);
    expect([relay.door.live, bridge.isClosed]).toEqual([1, false]);
    clock.advance(1);
    await expectNothingLeft();
  }

  it('comes a minute after the connection was lost in mid-answer', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 3_000);
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, paused: true });
    page.socket.terminate();
    await waitInVain();
  });

  it('comes a minute after pings stayed unanswered', async () => {
    await begin();
    clock.advance(30_000);
    await page.settled();
    page.socket.removeAllListeners('ping');
    (page.socket as unknown as { _autoPong: boolean })._autoPong = false;
    clock.advance(30_000);
    await page.settled();
    clock.advance(30_000);
    expect((await page.closed).code).toBe(1006);
    await waitInVain();
  });

  it.each([
    ['1000', 1000],
    ['no code', undefined],
    ['a final code', 4900],
  ])('comes at once when the page closes with %s', async (_, code) => {
    await begin();
    await userTurn();
    page.socket.close(code);
    await expectNothingLeft();
  });

  it('comes at once when the connection is lost before the start', async () => {
    await admit();
    page.socket.terminate();
    await expectNothingLeft();
  });

  it('waits in a drain for the end of the turn, and no longer than it may', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 300);
    await finish('r1');
    const drained = relay.door.drain(60_000);
    await page.settled();
    expect(page.all('error')).toEqual([]);
    page.send({ type: 'playout.drained', epoch: 1, item: 'item_of_r1' });
    expect((await page.closed).code).toBe(4001);
    await drained;
    expect(outcomes()).toEqual(['turn_1 answered']);
    await expectNothingLeft();
  });

  it('comes in a drain at its limit', async () => {
    await begin();
    await userTurn();
    const drained = relay.door.drain(1_000);
    clock.advance(1_000);
    expect((await page.closed).code).toBe(4001);
    await drained;
    await expectNothingLeft();
  });

  it('waits as for any lost connection for a page that does not read: it is closed with 4009', async () => {
    await begin();
    await userTurn();
    page.socket.pause();
    for (let i = 0; i < 40; i++) {
      bridge.emit({ type: 'input.transcript.delta', item: `i${i}`, text: 'x'.repeat(500_000) });
    }
    page.socket.resume();
    expect(await page.closed).toEqual({ code: 4009, reason: 'slow' });
    await waitInVain();
  });

  it('of one that fails in our own code is 4008, and leaves nothing', async () => {
    await begin({
      deps: {
        onMetric: () => undefined,
        onUsage: () => {
          throw new Error('ours');
        },
      },
    });
    bridge.emit({ type: 'usage', usage: {} as never });
    expect((await page.closed).code).toBe(4008);
    await expectNothingLeft();
  });
});

describe('bad input', () => {
  const mic = (fields: object = {}) =>
    encodeAudioFrame({ epoch: 0, seq: 7, lane: 'mic', flags: 0, samples: new Int16Array(48), ...fields });

  it.each<[string, (string | Uint8Array)[], number]>([
    ['garbage', ['{{{'], 4505],
    ['an unknown type', ['{"type":"shout"}'], 4505],
    ['an unknown field', ['{"type":"ping","loud":true}'], 4505],
    ['a field out of range', ['{"type":"playout","epoch":-1,"item":"i","playedMs":0}'], 4505],
    ['a second start', ['{"type":"session.start","turn":"auto"}'], 4505],
    ['an oversize message', [`{"type":"user.text","text":"${'x'.repeat(1_048_600)}"}`], 4505],
    ['a message that is not even read', ['x'.repeat(1_300_000)], 1009],
    ['a frame without samples', [new Uint8Array(8)], 4505],
    ['half a header', [new Uint8Array(5)], 4505],
    ['half a sample', [new Uint8Array(9)], 4505],
    ['an oversize frame', [new Uint8Array(65_538)], 4505],
    ['a lane of the relay', [mic({ lane: 'B' })], 4505],
    ['an unknown lane', [Uint8Array.of(0, 0, 0, 0, 0, 0, 9, 0, 1, 1)], 4505],
    ['an unknown flag', [Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 64, 1, 1)], 4505],
    ['a frame twice', [mic(), mic()], 4505],
    ['frames in the wrong order', [mic(), mic({ seq: 6 })], 4505],
    [
      'sound faster than life',
      Array.from({ length: 7 }, (_, i) => mic({ seq: i, samples: new Int16Array(24_000) })),
      4029,
    ],
    ['a flood of messages', Array<string>(130).fill('{"type":"ping"}'), 4029],
  ])('%s ends the session with its code and leaves nothing', async (_, data, code) => {
    await begin();
    await userTurn();
    for (const one of data) page.sendRaw(one);
    expect((await page.closed).code).toBe(code);
    if (code !== 1009) expect(page.all('error')).toHaveLength(1);
    await expectNothingLeft();
  });

  it.each<[string, WidgetMessage | Uint8Array]>([
    ['a message', { type: 'user.text', text: 'early' }],
    ['sound', mic()],
  ])('%s before the start ends the session', async (_, data) => {
    await admit();
    if (data instanceof Uint8Array) page.sendRaw(data);
    else page.send(data);
    expect((await page.closed).code).toBe(4505);
    await expectNothingLeft();
  });

  it.each<[string, WidgetMessage[], string]>([
    ['talk.end alone', [{ type: 'talk.end', utterance: 'p' }], 'bad-request'],
    ['a result nobody waits for', [{ type: 'tool.result', call: 'x', output: '' }], 'not-found'],
    [
      'talk.start where the session listens',
      [{ type: 'talk.start', utterance: 'p', epoch: 1, paused: false }],
      'bad-request',
    ],
  ])('%s is answered with an error and the session goes on', async (_, messages, code) => {
    await begin();
    await tell(...messages);
    expect(page.all('error')).toMatchObject([{ code }]);
    expect(relay.door.live).toBe(1);
  });

  it('a second talk.start is answered with an error', async () => {
    await begin({}, { turn: 'hold' });
    await tell({ type: 'talk.start', utterance: 'p', epoch: 1, paused: false });
    await tell({ type: 'talk.start', utterance: 'q', epoch: 1, paused: false });
    expect(page.all('error')).toMatchObject([{ code: 'bad-request' }]);
  });

  it('what is over is ignored', async () => {
    await begin();
    await tell(
      { type: 'playout', epoch: 9, item: 'nothing', playedMs: 5 },
      { type: 'playout.drained', epoch: 0, item: 'nothing' },
      { type: 'clip.ended', epoch: 1, clip: 'nothing' },
      { type: 'user.offset', utterance: 'nothing' },
    );
    expect(page.all('error')).toEqual([]);
  });

  it('after the end is not heard', async () => {
    await begin();
    page.send({ type: 'session.end' });
    page.send({ type: 'user.text', text: 'wait' });
    page.sendRaw('garbage');
    expect((await page.closed).code).toBe(1000);
    await expectNothingLeft();
  });
});
