/**
 * The decoders of the wire, both ways: binary frames, packed bodies, messages, what a page offers to come
 * back, and how the provider closes. None may throw, and what is let through must be what was said.
 */
import { readFileSync } from 'node:fs';
import {
  RelayMessage,
  WidgetMessage,
  decodeAudioFrame,
  encodeAudioFrame,
  closeName,
  mayReconnect,
  packOpus,
  readMessage,
  readOpus,
  unwrapSequence,
  type AudioFrame,
} from '#wire';
import { endingOf, retryAfterMs } from '../../relay/bridge/openai/faults.ts';
import { virtualClock } from '../../relay/testing/virtual-clock.ts';
import { readOffer } from '../../relay/session/resume-offer.ts';
import { createUplink } from '../../relay/session/uplink.ts';
import { readRelayMessage } from '../../widget/link/read-relay.ts';
import type { Random } from '../load/random.ts';
import { mutateBytes, mutateJsonText } from './mutate.ts';
import { claim, type Target } from './target.ts';

/** The first byte of an input says which decoder it is for. */
const KINDS = ['frame', 'opus', 'up', 'down', 'offer', 'close'] as const;
type Kind = (typeof KINDS)[number];
const TEXT: ReadonlySet<Kind> = new Set(['up', 'down']);

const input = (kind: Kind, body: Uint8Array | string) =>
  Buffer.concat([Buffer.from([KINDS.indexOf(kind)]), typeof body === 'string' ? Buffer.from(body) : body]);

function examples(title: string): string[] {
  const document = readFileSync(new URL('../../relay/wire/PROTOCOL.md', import.meta.url), 'utf8');
  const section = document.split(/^## /m).find((part) => part.startsWith(title)) ?? '';
  return [...section.matchAll(/```json\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
}

function frames(): Uint8Array[] {
  const plain: AudioFrame = { epoch: 3, seq: 65_535, lane: 'mic', flags: 1, samples: Int16Array.from([1, -2, 3]) };
  const body = packOpus({ skip: 10, samples: 900, packets: [Uint8Array.of(1, 2, 3), Uint8Array.of(4)] });
  const opus: AudioFrame = { ...plain, flags: 4, samples: new Int16Array(0), opus: body };
  const down: AudioFrame = { ...plain, lane: 'B', flags: 2, epoch: 0xffffffff };
  return [plain, down, opus].map((frame) => encodeAudioFrame(frame));
}

function corpus(): Buffer[] {
  const offer = `vjj.1, token.e30.e30.x, resume.ses_06f3m4a1.${'Ab-_'.repeat(10)}abc`;
  return [
    ...frames().map((one) => input('frame', one)),
    input('opus', packOpus({ skip: 10, samples: 900, packets: [Uint8Array.of(1, 2, 3), Uint8Array.of(4)] })),
    ...examples('From the widget').map((one) => input('up', one)),
    ...examples('From the relay').map((one) => input('down', one)),
    ...[offer, `${offer}.12.3456789.4`, 'vjj.1'].map((one) => input('offer', one)),
    ...['1001 maximum duration', '4000 invalid_request', '1006 ', '3000 x'].map((one) => input('close', one)),
  ];
}

function frame(bytes: Uint8Array): void {
  const decoded = decodeAudioFrame(bytes);
  const uplink = createUplink(virtualClock());
  const taken = uplink.frame(bytes);
  claim(decoded.ok || !taken.ok, 'a frame that cannot be read was taken in');
  if (!decoded.ok) return;
  claim(Buffer.from(encodeAudioFrame(decoded.frame)).equals(bytes), 'a frame was read as something else');
  const next = unwrapSequence(70_000, decoded.frame.seq);
  claim((next & 0xffff) === decoded.frame.seq && Math.abs(next - 70_000) <= 0x8000, 'a frame got a wrong number');
  claim(!taken.ok || decoded.frame.lane === 'mic', "a page's frame of another lane was taken in");
  claim(!taken.ok || taken.samples.length > 0, 'sound without a sample was taken in');
}

function opus(bytes: Uint8Array): void {
  const body = readOpus(bytes);
  if (body === null) return;
  claim(Buffer.from(packOpus(body)).equals(bytes), 'packets were read as something else');
}

function message(text: string, schema: typeof WidgetMessage | typeof RelayMessage, isStrict: boolean): void {
  const read = readMessage(schema, text);
  if (!read.ok) {
    claim(/^[\w.]{1,64}$|^a field$/.test(read.at), 'where a message is wrong is told in its own words');
    return;
  }
  const again = JSON.stringify(read.message);
  const second = readMessage(schema, again);
  claim(second.ok && JSON.stringify(second.message) === again, 'a message changes when it is read again');
  const said = JSON.parse(text) as Record<string, unknown>;
  if (!isStrict) return;
  const kept = Object.keys(read.message);
  claim(
    Object.keys(said).every((key) => kept.includes(key)),
    'a field that is not known was let through',
  );
}

function offer(header: string): void {
  const read = readOffer(header);
  if (read === null) return;
  claim(/^[\w-]{1,64}$/.test(read.session) && read.digest.length === 32, 'an offer of a wrong form was taken');
  for (const count of Object.values(read.point ?? {}))
    claim(Number.isInteger(count) && count >= 0 && count <= 0xffffffff, 'an offer counts what is no number');
}

function close(text: string): void {
  const [code = '', ...reason] = text.split(' ');
  const ending = endingOf(Number(code), reason.join(' '), reason[0] ?? null);
  claim(typeof ending.reason === 'string', 'a close without a reason of ours');
  const wait = retryAfterMs(reason.join(' '), 0);
  claim(wait === undefined || wait >= 0, 'a wait that is no time');
  closeName(Number(code));
  claim(!(Number(code) >= 4_500 && Number(code) <= 4_999 && mayReconnect(Number(code))), 'a final code comes back');
}

export function wireTarget(): Target {
  const all = corpus();
  const texts = all.map((one) => one.subarray(1).toString());
  return {
    name: 'wire',
    corpus: all,
    mutate(random: Random, one) {
      const kind = KINDS[one[0] ?? 0] ?? 'frame';
      if (TEXT.has(kind) && random.chance(0.8))
        return input(kind, mutateJsonText(random, one.subarray(1).toString(), texts));
      return Buffer.concat([one.subarray(0, 1), mutateBytes(random, one.subarray(1), all)]);
    },
    run(one) {
      // A copy, at an even place: what comes from a socket need not lie so, which is another case.
      const body = Uint8Array.from(one.subarray(1));
      const text = Buffer.from(body).toString();
      const run: Record<Kind, () => void> = {
        frame: () => frame(body),
        opus: () => opus(body),
        up: () => message(text, WidgetMessage, true),
        down() {
          message(text, RelayMessage, false);
          readRelayMessage(text);
        },
        offer: () => offer(text),
        close: () => close(text),
      };
      run[KINDS[(one[0] ?? 0) % KINDS.length] ?? 'frame']();
    },
  };
}
