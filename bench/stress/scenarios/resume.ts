/** Connections that are lost and come back: rightly, too late, with a secret that was used or stolen. */
import { createPageLink, LinkRefused, type Opened, type PageLink } from '../../load/page-link.ts';
import { createEar } from '../../load/ear.ts';
import { WebSocket } from 'ws';
import type { RelayMessage } from '#wire';
import { within } from '../page.ts';
import type { Scenario } from '../scenario.ts';
import { RESUME_WINDOW_MS, type Instance, type Tenant } from '../stage.ts';

const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
const LONG_MS = 30_000;
/** How much faster than a clock this ear hears. */
const HASTE = 20;

/** A page that can lose its connection. */
interface Caller {
  link: PageLink;
  /** The door that it comes to next. */
  at: { url: string };
  messages: RelayMessage[];
  closes: number[];
  /** Samples of the answer that came, and how often a number of a frame came twice or was left out. */
  frames: number;
  faults: number;
  open(token: string): Promise<Opened>;
  until(isSo: () => boolean, what: string): Promise<void>;
  ends(): string[];
}

function caller(at: { url: string }, { origin }: Pick<Tenant, 'origin'>): Caller {
  const waiting = new Set<() => void>();
  const look = () => {
    for (const one of [...waiting]) one();
  };
  let expected: number | undefined;
  const make = () =>
    createPageLink({
      ...{ url: () => one.at.url, origin },
      onMessage(message) {
        one.messages.push(message);
        ear.message(message);
        look();
      },
      onFrame(frame) {
        one.frames += 1;
        // Clips have numbers, too, and are not told: numbers only never go back.
        if (expected !== undefined && ((frame.seq - expected) & 0xffff) > 0x8000) one.faults += 1;
        expected = (frame.seq + 1) & 0xffff;
        ear.frame(frame);
        look();
      },
      onEnd({ code }) {
        one.closes.push(code);
        look();
      },
    });
  const ear = createEar({
    now: () => performance.now() * HASTE,
    later(ms, call) {
      const timer = setTimeout(call, ms / HASTE);
      return () => clearTimeout(timer);
    },
    send: (message) => one.link.send(message),
    ...{ onFirst: () => undefined, onClip: () => undefined, onUnderrun: () => undefined },
  });
  const one: Caller = {
    ...{ link: make(), at, messages: [], closes: [], frames: 0, faults: 0 },
    open: (token) => within(one.link.open(token, ear.epoch), LONG_MS, 'a greeting'),
    until: (isSo, what) =>
      within(
        new Promise<void>((resolve) => {
          const check = () => {
            if (!isSo()) return;
            waiting.delete(check);
            resolve();
          };
          waiting.add(check);
          check();
        }),
        LONG_MS,
        what,
      ),
    ends: () => one.messages.flatMap((message) => (message.type === 'turn.ended' ? [message.outcome] : [])),
  };
  return one;
}

/** A conversation that has begun. */
async function begun(at: { url: string }, tenant: Tenant, subject = 'somebody'): Promise<Caller> {
  const one = caller(at, tenant);
  await one.open(tenant.token(subject));
  one.link.send({ type: 'session.start', turn: 'auto' });
  await one.until(
    () => one.messages.some((message) => message.type === 'provider.changed' && message.up),
    'the provider',
  );
  return one;
}
async function ask(one: Caller, text: string): Promise<string> {
  const before = one.ends().length;
  one.link.send({ type: 'user.text', text });
  await one.until(() => one.ends().length > before || one.closes.length > 0, `an answer to "${text}"`);
  return one.ends()[before] ?? `closed ${one.closes.join()}`;
}
async function leave(all: readonly Caller[]): Promise<number[]> {
  for (const { link } of all) link.end();
  await Promise.all(all.map((one) => one.until(() => one.closes.length > 0, 'the goodbye')));
  return all.map(({ closes }) => closes.at(-1) ?? 0);
}
const sessionOf = ({ messages }: Caller) =>
  messages.flatMap((message) => (message.type === 'session.created' ? [message.session] : [])).at(-1);
const secretOf = ({ messages }: Caller) =>
  messages
    .flatMap((message) =>
      message.type === 'session.created' || message.type === 'session.resumed' ? [message.resume?.secret] : [],
    )
    .at(-1);

/** Comes with that secret, as somebody. @returns the first word of the relay, or its refusal. */
function tryWith(
  at: Instance,
  who: { token: string; origin: string },
  { session = '', secret = '' }: { session?: string | undefined; secret?: string | undefined },
): Promise<string | number> {
  const protocols = ['vjj.1', `token.${who.token}`, `resume.${session}.${secret}.0.0.1`];
  const socket = new WebSocket(at.url, protocols, { perMessageDeflate: false, origin: who.origin });
  return new Promise((resolve) => {
    let word: string | undefined;
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary || word !== undefined) return;
      word = (JSON.parse(data.toString()) as RelayMessage).type;
      socket.send('{"type":"session.end"}');
    });
    socket.on('close', (code) => resolve(word ?? code));
  });
}

export const RESUME: readonly Scenario[] = [
  {
    name: 'resume',
    promises: 'pages that lose their connection in the middle of an answer come back and miss nothing',
    isQuick: true,
    async run({ a, b, tenant }, { check, random }) {
      const who = await tenant();
      const all = await Promise.all(times(8, (at) => begun(at % 2 === 0 ? a : b, who, `user ${at}`)));
      const ways = await Promise.all(
        all.map(async (one, at) => {
          one.link.send({ type: 'user.text', text: 'What can you do?' });
          await one.until(() => one.frames > random.whole(1, 8), 'sound');
          one.link.cut();
          await new Promise((resolve) => setTimeout(resolve, random.between(0, 300)));
          const way = await one.open(who.token(`user ${at}`));
          await one.until(() => one.ends().length === 1, 'the end of the answer');
          return way;
        }),
      );
      check.tally('ways', ways, { all: 8 });
      check.tally(
        'outcomes',
        all.flatMap((one) => one.ends()),
        { answered: 8 },
      );
      check.same(
        'frames twice or back',
        all.map(({ faults }) => faults),
        times(8, () => 0),
      );
      check.same('conversations', [a.relay.sessions(), b.relay.sessions()], [4, 4]);
      check.tally('close codes', await leave(all), { 1000: 8 });
    },
  },
  {
    name: 'resume-storm',
    promises: 'forty connections are cut at the same moment and all come back at the same moment',
    async run({ a, b, tenant }, { check }) {
      const who = await tenant();
      const all = await Promise.all(times(40, (at) => begun(at % 2 === 0 ? a : b, who, `user ${at}`)));
      for (const { link } of all) link.cut();
      const ways = await Promise.all(all.map((one, at) => one.open(who.token(`user ${at}`))));
      check.tally('ways', ways, { all: 40 });
      const answers = await Promise.all(all.slice(0, 6).map((one) => ask(one, 'Hello.')));
      check.tally('answers', answers, { answered: 6 });
      check.same('conversations', a.relay.sessions() + b.relay.sessions(), 40);
      check.tally('close codes', await leave(all), { 1000: 40 });
    },
  },
  {
    name: 'resume-again-and-again',
    promises: 'a connection that is cut fifteen times in a row is the same conversation after each',
    async run({ a, tenant }, { check, random }) {
      const who = await tenant();
      const one = await begun(a, who);
      const ways: string[] = [];
      for (let cut = 0; cut < 15; cut++) {
        if (cut % 5 === 0) one.link.send({ type: 'user.text', text: 'Hello.' });
        await new Promise((resolve) => setTimeout(resolve, random.between(0, 80)));
        one.link.cut();
        ways.push(await one.open(who.token()));
      }
      check.tally('ways', ways, { all: 15 });
      check.same('conversations', a.relay.sessions(), 1);
      await one.until(() => one.ends().length === 3, 'three ends');
      check.same('frames twice or back', one.faults, 0);
      check.tally('close codes', await leave([one]), { 1000: 1 });
    },
  },
  {
    name: 'resume-late',
    promises: 'who comes back after the window begins anew, and nothing is left of the old conversation',
    async run({ a, tenant }, { check }) {
      const who = await tenant();
      const one = await begun(a, who);
      const before = sessionOf(one);
      one.link.cut();
      await check.soon('the old one is over', () => a.relay.sessions() === 0, RESUME_WINDOW_MS + 5_000);
      check.same('way', await one.open(who.token()), 'created');
      check.holds('another conversation', sessionOf(one) !== before);
      check.tally('close codes', await leave([one]), { 1000: 1 });
    },
  },
  {
    name: 'resume-theft',
    promises: 'a secret is of no use to another user, another tenant or another page, nor a wrong one to anybody',
    isQuick: true,
    async run({ a, b, tenant }, { check }) {
      const [who, other] = [await tenant(), await tenant()];
      const one = await begun(a, who, 'owner');
      const key = { session: sessionOf(one), secret: secretOf(one) };
      one.link.cut();
      const wrong = `${'A'.repeat(42)}${key.secret?.slice(-1) ?? ''}`;
      const thieves = [
        ...[a, b].map((at) => tryWith(at, { token: who.token('thief'), origin: who.origin }, key)),
        ...[a, b].map((at) => tryWith(at, { token: other.token('owner'), origin: other.origin }, key)),
        tryWith(a, { token: who.token('owner'), origin: who.origin }, { ...key, secret: wrong }),
      ];
      check.tally('thieves', await Promise.all(thieves), { 'session.created': 5 });
      check.same('the owner', await one.open(who.token('owner')), 'all');
      check.tally('close codes', await leave([one]), { 1000: 1 });
    },
  },
  {
    name: 'resume-twice',
    promises: 'of two that come with the same secret one has the conversation, and a used one opens nothing',
    isQuick: true,
    async run({ a, tenant }, { check }) {
      const who = await tenant();
      const one = await begun(a, who);
      const used = { session: sessionOf(one), secret: secretOf(one) };
      one.link.cut();
      check.same('the first time', await one.open(who.token()), 'all');
      // What acknowledges the new secret makes the old one worthless.
      check.same('an answer', await ask(one, 'Hello.'), 'answered');
      check.same(
        'the second time',
        await tryWith(a, { token: who.token(), origin: who.origin }, used),
        'session.created',
      );
      check.same('the conversation goes on', await ask(one, 'Hello.'), 'answered');
      check.tally('close codes', await leave([one]), { 1000: 1 });
    },
  },
  {
    name: 'resume-revoked',
    promises: 'who was revoked while away does not come back',
    async run({ a, tenant, manage }, { check }) {
      const who = await tenant();
      const one = await begun(a, who, 'gone');
      one.link.cut();
      await manage('POST', `/tenants/${who.id}/revocations`, { kind: 'subject', value: 'gone' });
      const nowS = Math.floor(Date.now() / 1000);
      const refused = await one.open(who.token('gone', { iat: nowS - 5 })).catch((error: unknown) => error);
      check.same('refused with', refused instanceof LinkRefused ? refused.code : refused, 4504);
      await check.soon('the conversation is over', () => a.relay.sessions() === 0, 5_000);
    },
  },
  {
    name: 'resume-elsewhere',
    promises: 'who comes back to the other instance is passed on to its conversation while the owner lives',
    async run({ a, b, tenant }, { check }) {
      const who = await tenant();
      const one = await begun(a, who);
      check.same('before', await ask(one, 'What is two plus three?'), 'answered');
      const key = { session: sessionOf(one), secret: secretOf(one) };
      one.link.cut();
      const word = await tryWith(b, { token: who.token(), origin: who.origin }, key);
      check.same('by the other door', word, 'session.resumed');
      await check.soon('the conversation is over', () => a.relay.sessions() + b.relay.sessions() === 0, 5_000);
    },
  },
  {
    name: 'drain-under-load',
    promises: 'an instance that stops says so to everybody, ends no answer in the middle, and all go on at the other',
    async run({ a, b, tenant, replace }, { check }) {
      const who = await tenant();
      const all = await Promise.all(times(8, (at) => begun(a, who, `user ${at}`)));
      for (const one of all.slice(0, 4)) one.link.send({ type: 'user.text', text: 'Hello.' });
      await Promise.all(all.slice(0, 4).map((one) => one.until(() => one.frames > 0, 'sound')));
      const stopped = replace('a', 10_000);
      await Promise.all(all.map((one) => one.until(() => one.closes.length > 0, 'the close')));
      check.tally(
        'close codes',
        all.flatMap(({ closes }) => closes),
        { 4001: 8 },
      );
      const told = all.filter(({ messages }) => messages.some(({ type }) => type === 'relay.draining'));
      check.same('told before', told.length, 8);
      check.tally(
        'answers that were under way',
        all.slice(0, 4).flatMap((one) => one.ends()),
        { answered: 4 },
      );
      await stopped;
      check.same('the other', b.relay.sessions(), 0);
    },
  },
  {
    name: 'instance-killed',
    promises: 'an instance dies in the middle of a call; at another the conversation goes on and remembers',
    async run({ a, tenant, process, spy }, { check }) {
      const [who, mortal] = [await tenant(), await process()];
      const one = await begun(mortal, who);
      check.same('before', await ask(one, 'What is two plus three?'), 'answered');
      // It is kept with each turn; what has not been kept when it dies nobody knows.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await mortal.kill();
      await one.until(() => one.closes.length === 1, 'the loss');
      const beganAt = performance.now();
      one.at = a;
      one.closes.length = 0;
      check.same('way', await one.open(who.token()), 'memory');
      check.holds('within three seconds', performance.now() - beganAt < 3_000);
      check.same('afterwards', await ask(one, 'What did you say?'), 'answered');
      const said = one.messages.flatMap((message) =>
        message.type === 'transcript.done' && message.role === 'agent' ? [message.text] : [],
      );
      check.holds(`it remembers: ${said.at(-1) ?? ''}`, /five/i.test(said.at(-1) ?? ''));
      check.tally('close codes', await leave([one]), { 1000: 1 });
      // What the dead one held is free after half a minute; nobody here waits for that.
      const held = await spy.keys('vjj:lease:*');
      for (const key of await spy.keys('vjj:{own:*}:*'))
        if ((await spy.get(key))?.endsWith(`:${mortal.port}`) === true) held.push(key);
      for (const key of held) {
        check.holds('it runs out', (await spy.pttl(key)) <= 30_000);
        await spy.del(key);
      }
    },
    withinMs: 40_000,
  },
];
