/**
 * What policy adds to the wait for an answer: the same question in calls that differ in policy
 * only, one after the other, round by round, so that the machine's mood falls on all alike. The
 * relay's door, session, arbiter and bridge, real sockets and real time; the model is the
 * emulator, and moderation a server that takes as long as it is told.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createOpenAIBridgeFactory } from '../../relay/bridge/openai/open-bridge.ts';
import type { OpenBridge } from '../../relay/bridge/bridge.ts';
import { systemClock } from '../../relay/clock.ts';
import { startEmulator } from '../../relay/emulator/emulator.ts';
import { createModerator } from '../../relay/policy/moderation.ts';
import { openPage, type PageClient } from '../../relay/session/testing/page-client.ts';
import { GOOD_TOKEN, relayUnderTest } from '../../relay/session/testing/relay-under-test.ts';
import type { AssistantPolicy } from '../../relay/tenants/tenant.ts';
import { speech } from '../../relay/testing/speech.ts';
import { percentile } from './percentiles.mjs';

const QUESTION = 'What are your opening hours?';
const FRAME = 480;
/** Shorter presses are no speech. */
const PRESS_MS = 200;
const CATEGORIES = { illicit: 'refuse', violence: 'refuse' } as const;
const PHRASES = ['guaranteed returns', 'we are closed for good', 'from nine to five'];
/** How far ahead of its sound an answer's text is in half of the calls. */
const LEAD_MS = 200;

interface Setting {
  what: string;
  mode: 'strict' | 'lenient';
  policy: Partial<AssistantPolicy>;
  moderationMs: number;
  leadMs: number;
}

function settingsOf(leadMs: number): Setting[] {
  const moderated = { input: CATEGORIES, output: CATEGORIES };
  const settings: Setting[] = [];
  const add = (mode: Setting['mode'], what: string, policy: Partial<AssistantPolicy>, moderationMs = 0) =>
    settings.push({ what, mode, policy, moderationMs, leadMs });
  for (const mode of ['strict', 'lenient'] as const) {
    add(mode, 'nothing to look for', {});
    add(mode, 'phrases', { disallowed: PHRASES });
    for (const ms of [0, 50, 100, 200]) {
      add(mode, `phrases, moderation of ${ms} ms`, { disallowed: PHRASES, moderation: moderated }, ms);
    }
  }
  add(
    'strict',
    '100 ms, answers wait for their question',
    {
      ...{ disallowed: PHRASES, moderation: { ...moderated, holdForInput: true } },
    },
    100,
  );
  add(
    'strict',
    '200 ms, opening of 24 characters',
    {
      ...{ disallowed: PHRASES, moderation: { ...moderated, opening: 24 } },
    },
    200,
  );
  return settings;
}

/** Finds nothing wrong, after as many milliseconds as the path says. */
async function startModeration() {
  const verdict = JSON.stringify({ id: 'modr', model: 'none', results: [{ flagged: false, categories: {} }] });
  const server = createServer((request, response) => {
    const ms = Number(/^\/(\d+)\//.exec(request.url ?? '')?.[1] ?? 0);
    request.resume().on('end', () => {
      setTimeout(() => response.writeHead(200, { 'content-type': 'application/json' }).end(verdict), ms);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url: (ms: number) => `http://127.0.0.1:${port}/${ms}/v1`, close };
}

/** Sound, and what ends it, comes so much later than its text. */
function withTextAhead(open: OpenBridge, leadMs: number): OpenBridge {
  if (leadMs === 0) return open;
  const late = new Set(['response.audio', 'response.generated', 'response.done']);
  return (setup, onEvent) =>
    open(setup, (event) => {
      if (late.has(event.type)) setTimeout(() => onEvent(event), leadMs);
      else onEvent(event);
    });
}

interface Line {
  setting: Setting;
  page: PageClient;
  turns: number;
  waitsMs: number[];
  /** Beside the first call of the group, in the same round. */
  addedMs: number[];
  ratios: number[];
}

/** One question, up to the first sound of its answer, which is then cut off. @returns NaN for a refusal. */
async function ask(line: Line, question: Int16Array): Promise<number> {
  const { page } = line;
  line.turns += 1;
  const before = page.frames.length;
  const ended = page.all('turn.ended').length;
  page.send({ type: 'talk.start', utterance: `u${line.turns}`, paused: false, epoch: 1 });
  for (let at = 0; at < question.length; at += FRAME) page.speak(question.slice(at, at + FRAME));
  // The key is held as long as one would; by then what was said is with the provider.
  await new Promise((resolve) => setTimeout(resolve, PRESS_MS));
  await page.settled();
  const askedAt = performance.now();
  page.send({ type: 'talk.end', utterance: `u${line.turns}` });
  const isOver = () => page.all('turn.ended').length > ended || page.socket.readyState !== page.socket.OPEN;
  await page.until(() => page.frames.length > before || isOver());
  // Policy ran out of time: nothing was heard.
  const waitMs = isOver() ? Number.NaN : performance.now() - askedAt;
  page.send({ type: 'user.interrupt' });
  await page.until(isOver);
  await page.settled();
  return waitMs;
}

export interface PolicyFigures {
  json: Record<string, unknown>;
  lines: string[];
}

/** @param rounds - Questions in each call. */
export async function measurePolicy(rounds: number): Promise<PolicyFigures> {
  const clock = systemClock;
  const emulator = await startEmulator({ clock });
  const moderation = await startModeration();
  const relays = [];
  const groups: Line[][] = [];
  try {
    for (const leadMs of [0, LEAD_MS]) {
      const group: Line[] = [];
      for (const setting of settingsOf(leadMs)) {
        const { mode, policy, moderationMs } = setting;
        const baseUrl = moderation.url(moderationMs);
        const relay = await relayUnderTest({
          clock,
          openBridge: withTextAhead(
            createOpenAIBridgeFactory({ apiKey: 'none', baseUrl: emulator.url, clock }),
            leadMs,
          ),
          config: { POLICY_MODE: mode, LANE_A_ENABLED: false },
          assistant: { policy: { disallowed: [], refusal: 'No.', fallback: 'Sorry.', ...policy } },
          deps: { moderator: createModerator({ apiKey: 'none', baseUrl, clock }) },
        });
        relays.push(relay);
        const page = await openPage(relay.url, GOOD_TOKEN);
        page.send({ type: 'session.start', turn: 'hold' });
        await page.received('provider.changed', ({ up }) => up);
        group.push({ setting, page, turns: 0, waitsMs: [], addedMs: [], ratios: [] });
      }
      groups.push(group);
    }
    const question = await speech(QUESTION);
    for (const group of groups) for (const line of group) await ask(line, question);
    for (let round = 0; round < rounds; round++) {
      for (const group of groups) {
        const waits = new Map<Line, number>();
        // Each call has each place in the round.
        for (let i = 0; i < group.length; i++) {
          const line = group[(i + round) % group.length];
          if (line) waits.set(line, await ask(line, question));
        }
        const [first] = group;
        const plain = (first && waits.get(first)) ?? Number.NaN;
        for (const [line, waitMs] of waits) {
          if (Number.isNaN(waitMs) || Number.isNaN(plain)) continue;
          line.waitsMs.push(waitMs);
          line.addedMs.push(waitMs - plain);
          line.ratios.push(waitMs / plain);
        }
      }
    }
  } finally {
    for (const { page } of groups.flat()) page.socket.terminate();
    for (const relay of relays) await relay.stop();
    await emulator.close();
    await moderation.close();
  }
  const json: Record<string, unknown> = {};
  const lines: string[] = [];
  for (const group of groups) {
    const leadMs = group[0]?.setting.leadMs ?? 0;
    lines.push(
      `text ${leadMs === 0 ? 'with' : `${leadMs} ms ahead of`} its sound`.padEnd(56) +
        'wait   added   ratio  added p95',
    );
    for (const { setting, waitsMs, addedMs, ratios } of group) {
      const what = `${setting.mode}: ${setting.what}`;
      const [wait, added, ratio, worst] = [
        ...[percentile(waitsMs, 50), percentile(addedMs, 50), percentile(ratios, 50), percentile(addedMs, 95)],
      ];
      json[`policy ${leadMs} ${what}`] = { wait, added, ratio, worst };
      const figures = [wait?.toFixed(0), added?.toFixed(1), ratio?.toFixed(2), worst?.toFixed(1)];
      lines.push(
        `${what.padEnd(52)} ${figures.map((figure = '') => figure.padStart(7)).join(' ')}  n=${waitsMs.length}`,
      );
    }
  }
  return { json: { policy: json }, lines };
}
