/** Opus by the browser's own codec, against a link that gives back what it is given. */
import { expect } from '@esm-bundle/chai';
import { CLOSE, FLAG_LAST, FRAME_SAMPLES, readOpus, type WidgetMessage } from '#wire';
import { tone, toInt16 } from '../audio/testing/sounds.ts';
import type { LinkClosed, LinkOptions } from './link.ts';
import { isOpusThere, openOpusLink } from './opus-link.ts';

/** What the relay's end would get, in order. */
type Sent = { message: WidgetMessage } | { samples: number; speaking: boolean; opus?: Uint8Array };

function open() {
  const sent: Sent[] = [];
  const heard: (string | Int16Array)[] = [];
  const closings: LinkClosed[] = [];
  const waiting: (() => void)[] = [];
  const abort = new AbortController();
  let inner!: LinkOptions;
  const changed = () => {
    for (const look of waiting) look();
  };
  const link = openOpusLink(
    {
      url: 'ws://nowhere',
      token: 't',
      signal: abort.signal,
      onOpen: () => undefined,
      onMessage: (message) => {
        heard.push(message.type);
        changed();
      },
      onSound: ({ samples }) => {
        heard.push(samples);
        changed();
      },
      onClosed: (closed) => closings.push(closed),
    },
    (options) => {
      inner = options;
      return {
        send: (message) => {
          sent.push({ message });
          changed();
        },
        sendSound: (samples, speaking, _epoch, opus) => {
          sent.push({ samples: samples.length, speaking, ...(opus && { opus }) });
          changed();
        },
        end: () => undefined,
      };
    },
  );
  const until = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (holds()) resolve();
      };
      waiting.push(look);
      look();
    });
  return { link, sent, heard, closings, abort, until, relay: inner };
}

const started = (item: string) =>
  ({ type: 'item.started', item, response: 'r', turn: 't', epoch: 1, lane: 'B', fromMs: 0 }) as const;

describe('a link in Opus', () => {
  it('is PCM16 until the relay agrees, and then carries speech whole and before the word of its end', async () => {
    expect(await isOpusThere()).to.equal(true);
    const call = open();
    call.link.send({ type: 'session.start', turn: 'hold' });
    expect(call.sent[0]).to.deep.equal({ message: { type: 'session.start', turn: 'hold', codecs: ['opus'] } });
    call.link.sendSound(new Int16Array(FRAME_SAMPLES), false, 1);
    expect(call.sent[1]).to.deep.equal({ samples: FRAME_SAMPLES, speaking: false });
    call.relay.onMessage({ type: 'session.ready', codec: 'opus' });
    const speech = toInt16(tone(300, 500, 0.4));
    for (let at = 0; at < speech.length; at += FRAME_SAMPLES) {
      call.link.sendSound(speech.slice(at, at + FRAME_SAMPLES), true, 1);
    }
    call.link.sendSound(speech.slice(0, 100), true, 1);
    call.link.send({ type: 'talk.end', utterance: 'u' });
    call.link.send({ type: 'user.interrupt' });
    await call.until(() => call.sent.some((one) => 'message' in one && one.message.type === 'user.interrupt'));
    const types = call.sent.map((one) => ('message' in one ? one.message.type : one.opus ? 'opus' : 'pcm'));
    expect(types.slice(-2)).to.deep.equal(['talk.end', 'user.interrupt']);
    const packets = call.sent.flatMap((one) => ('opus' in one ? (readOpus(one.opus)?.packets ?? []) : []));
    expect(packets.length).to.be.at.least(26);
    const bytes = packets.reduce((sum, packet) => sum + packet.length, 0);
    expect((bytes * 8) / (packets.length * 0.02)).to.be.below(36_000);

    // Back again: what the relay would send of it, with what is said between the frames.
    const frame = { epoch: 1, lane: 'B', seq: 0, samples: new Int16Array(0) } as const;
    const bodies = call.sent.flatMap((one) => ('opus' in one ? [one.opus] : []));
    call.relay.onMessage(started('one'));
    for (const opus of bodies) call.relay.onSound({ ...frame, flags: 0, opus });
    call.relay.onMessage(started('two'));
    call.relay.onSound({ ...frame, flags: FLAG_LAST, samples: new Int16Array(7) });
    call.relay.onMessage({ type: 'gate.close', epoch: 2, rampMs: 0 });
    await call.until(() => call.heard.at(-1) instanceof Int16Array && call.heard.at(-1)?.length === 7);
    const order = call.heard.map((one) => (typeof one === 'string' ? one : 'sound'));
    // The gate waits for nothing; an item's name stays where it was said.
    expect(order.indexOf('gate.close')).to.be.below(order.lastIndexOf('item.started'));
    expect(order.slice(-2)).to.deep.equal(['item.started', 'sound']);
    const sound = call.heard.filter((one) => one instanceof Int16Array).slice(0, -1);
    const loudest = Math.max(...sound.slice(5, 20).flatMap((samples) => [...samples].map(Math.abs)));
    expect(loudest).to.be.within(9_000, 17_000);
    expect(sound.reduce((sum, samples) => sum + samples.length, 0)).to.equal(packets.length * FRAME_SAMPLES);
    call.link.end();
    call.abort.abort();
  });

  it('is closed for a body that is broken, and stays PCM16 where the relay wants it so', () => {
    const plain = open();
    plain.relay.onMessage({ type: 'session.ready', codec: 'pcm16' });
    plain.link.sendSound(new Int16Array(3), true, 1);
    expect(plain.sent).to.deep.equal([{ samples: 3, speaking: true }]);
    const call = open();
    call.relay.onMessage({ type: 'session.ready', codec: 'opus' });
    call.relay.onSound({ epoch: 1, lane: 'B', seq: 0, flags: 0, samples: new Int16Array(0), opus: Uint8Array.of(1) });
    expect(call.closings.map(({ code }) => code)).to.deep.equal([CLOSE.protocol]);
  });
});
