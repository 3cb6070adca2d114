/** Pages that break the protocol, flood, or take nothing. */
import { encodeAudioFrame, type WireLane } from '#wire';
import { closeCodeIn, frame, raw, upgradeWith } from '../../../relay/security/testing/raw.ts';
import type { PageClient } from '../../../relay/session/testing/page-client.ts';
import { fetchToken } from '../../load/tokens.ts';
import { ask, codes, converse, enter, knock, leave } from '../page.ts';
import type { Scenario } from '../scenario.ts';
import type { Instance, Tenant } from '../stage.ts';

const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
const mic = (over: { seq?: number; lane?: WireLane; flags?: number; samples?: number } = {}) =>
  encodeAudioFrame({
    ...{ epoch: 0, seq: 0, lane: 'mic', flags: 0, ...over },
    samples: new Int16Array(over.samples ?? 480),
  });

async function started(door: Instance, { token, origin }: Tenant): Promise<PageClient> {
  const page = await enter(door, { token: token(), origin });
  page.send({ type: 'session.start', turn: 'auto' });
  return page;
}
/** One page for each of these, which sends it. @returns their close codes. */
async function each(door: Instance, tenant: Tenant, sent: readonly (string | Uint8Array | (string | Uint8Array)[])[]) {
  const pages = await Promise.all(sent.map(() => started(door, tenant)));
  for (const [at, page] of pages.entries()) for (const one of [sent[at] ?? ''].flat()) page.sendRaw(one);
  return codes(pages);
}
/** The close code after bytes that no library would send. */
async function afterBytes(door: Instance, { token, origin }: Tenant, bytes: Buffer): Promise<number | string> {
  const open = await raw(door, upgradeWith(token(), origin));
  await open.until('session.created');
  open.socket.write(bytes);
  await open.closed;
  return closeCodeIn(open.bytes()) ?? 'closed';
}

export const FRAMES: readonly Scenario[] = [
  {
    name: 'malformed-messages',
    promises: 'text that is no message of the protocol closes its own connection with 4505, and no other',
    isQuick: true,
    async run({ a, tenant }, { check }) {
      const one = await tenant();
      const good = await converse(a, { token: one.token(), origin: one.origin });
      const wrong = [
        ...['', '{', 'null', '[]', '{"type":1}', '{"type":"unknown"}', '{"type":"ping","extra":1}', '"ping"'],
        ...['{"type":"user.text","text":""}', '{"type":"session.start","turn":"auto"}', '{"type":"talk.start"}'],
        `{"type":"user.text","text":"${'x'.repeat(8_001)}"}`,
      ];
      check.tally('close codes', await each(a, one, wrong), { 4505: wrong.length });
      check.same('the other is answered', (await ask(good, 'Hello.')).outcome, 'answered');
      check.tally('the other', await leave([good]), { 1000: 1 });
    },
  },
  {
    name: 'malformed-frames',
    promises: 'sound in a wrong frame, of a wrong lane or out of order closes with 4505',
    isQuick: true,
    async run({ b, tenant }, { check }) {
      const wrong = [
        ...[new Uint8Array(0), new Uint8Array(7), mic().slice(0, 8), mic().slice(0, 11)],
        ...[mic({ lane: 'A' }), mic({ lane: 'B' }), mic({ lane: 'C' }), mic({ flags: 2 }), mic({ flags: 8 })],
        ...[[mic({ seq: 5 }), mic({ seq: 5 })], [mic({ seq: 9 }), mic({ seq: 8 })], mic({ flags: 4 })],
      ];
      check.tally('close codes', await each(b, await tenant(), wrong), { 4505: wrong.length });
    },
  },
  {
    name: 'too-early',
    promises: 'sound or words before the conversation has begun close with 4505',
    async run({ a, tenant }, { check }) {
      const { origin, token } = await tenant();
      const pages = await Promise.all(times(6, () => enter(a, { token: token(), origin })));
      for (const [at, page] of pages.entries()) page.sendRaw(at % 2 === 0 ? mic() : '{"type":"user.text","text":"x"}');
      check.tally('close codes', await codes(pages), { 4505: 6 });
    },
  },
  {
    name: 'oversize',
    promises: 'what is too large is refused: 4505 where it could be read, 1009 where it is not even read',
    isQuick: true,
    async run({ a, tenant }, { check }) {
      const one = await tenant();
      const over = `{"type":"user.text","text":"${'x'.repeat(1_050_000)}"}`;
      check.tally('over WS_MAX_PAYLOAD', await each(a, one, [over, over]), { 4505: 2 });
      check.tally('far over it', await each(a, one, ['x'.repeat(1_200_000)]), { 1009: 1 });
      const claims = await Promise.all(
        [1 << 30, 1n << 53n].map((claimed) => afterBytes(a, one, frame('x', { opcode: 2, claimed }))),
      );
      check.tally('a claim', claims, { 1009: 2 });
    },
  },
  {
    name: 'broken-sockets',
    promises: 'broken WebSocket frames close with 1002, text that is not UTF-8 with 1007, crumbs with 1008',
    async run({ b, tenant }, { check }) {
      const one = await tenant();
      const crumbs = Buffer.concat([
        frame('x', { opcode: 1, isFinal: false }),
        ...Array<Buffer>(70).fill(frame('x', { opcode: 0, isFinal: false })),
      ]);
      const sent = [
        ...[
          frame('{}', { opcode: 1, isMasked: false }),
          frame('x', { opcode: 1, reserved: 4 }),
          frame('x', { opcode: 3 }),
        ],
        ...[frame(Buffer.from([0xc3, 0x28]), { opcode: 1 }), crumbs],
      ];
      const outcomes = await Promise.all(sent.map((bytes) => afterBytes(b, one, bytes)));
      check.tally('close codes', outcomes, { 1002: 3, 1007: 1, 1008: 1 });
    },
  },
  {
    name: 'noise',
    promises: 'forty pages that send random bytes are closed for it, and the instance goes on',
    async run({ a, tenant }, { check, random }) {
      const one = await tenant();
      const sent = times(40, (at) => {
        const bytes = Buffer.from(times(random.whole(1, 2_000), () => random.whole(0, 255)));
        return at % 2 === 0
          ? bytes.toString('latin1')
          : Uint8Array.from(bytes.length < 9 ? [255] : [...bytes.subarray(0, 6), 9, ...bytes.subarray(7)]);
      });
      check.tally('close codes', await each(a, one, sent), { 4505: 40 });
      check.same('the next one', await knock(a, { token: one.token(), origin: one.origin }), 'in');
    },
  },
  {
    name: 'sound-flood',
    promises: 'sound faster than one and a half times real time closes with 4029 once its burst is used up',
    async run({ a, tenant }, { check }) {
      const one = await tenant();
      // 100 ms each: seven seconds at once, where six are allowed.
      const flood = times(75, (seq) => mic({ seq, samples: 2_400 }));
      check.tally(
        'close codes',
        await each(
          a,
          one,
          times(5, () => flood),
        ),
        { 4029: 5 },
      );
      const within = times(55, (seq) => mic({ seq, samples: 2_400 }));
      const page = await started(a, one);
      for (const sound of within) page.sendRaw(sound);
      await page.settled();
      check.tally('what is within it', await leave([page]), { 1000: 1 });
    },
  },
  {
    name: 'message-flood',
    promises: 'more than sixty messages a second close with 4029 once their burst is used up',
    async run({ b, tenant }, { check }) {
      const one = await tenant();
      const flood = times(400, () => '{"type":"ping"}');
      check.tally(
        'close codes',
        await each(
          b,
          one,
          times(5, () => flood),
        ),
        { 4029: 5 },
      );
    },
  },
  {
    name: 'deaf-page',
    promises: 'a page that answers no ping is cut off after two; one that answers stays',
    async run({ open }, { check }) {
      const strict = await open({ env: { WS_HEARTBEAT_INTERVAL: '1000', ALLOWED_ORIGINS: 'https://page.example' } });
      const origin = `http://localhost:${strict.port}`;
      const call = async () => ({
        token: await fetchToken(`http://127.0.0.1:${strict.port}`, { tenant: 'pk_demo', origin }),
        origin,
      });
      const [deaf, good] = [await enter(strict, await call()), await enter(strict, await call())];
      // Pings are answered by the library, as long as it reads.
      deaf.socket.pause();
      await check.soon('one conversation is left', () => strict.relay.sessions() === 1, 6_000);
      check.holds('the other is there', good.socket.readyState === good.socket.OPEN);
      deaf.socket.terminate();
      check.tally('the other', await leave([good]), { 1000: 1 });
    },
  },
];
