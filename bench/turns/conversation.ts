/**
 * Carries out one plan: a relay and a model of its own on one virtual clock, real sockets between
 * them, and the page with its room. Judges nothing: it returns what happened.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AuditRecord } from '../../relay/audit/audit.ts';
import type { OpenBridge } from '../../relay/bridge/bridge.ts';
import { createOpenAIBridgeFactory } from '../../relay/bridge/openai/open-bridge.ts';
import type { Clock } from '../../relay/clock.ts';
import { createEar } from '../../relay/emulator/ear/ear.ts';
import { startEmulator } from '../../relay/emulator/emulator.ts';
import type { Ear, Voice } from '../../relay/emulator/speech.ts';
import { createVoice } from '../../relay/emulator/voice/voice.ts';
import { createClipLibrary, type ClipLibrary } from '../../relay/reflex/library.ts';
import { GOOD_TOKEN, relayUnderTest } from '../../relay/session/testing/relay-under-test.ts';
import { virtualClock } from '../../relay/testing/virtual-clock.ts';
import { samplesToMs } from '#wire';
import { QUANTUM } from './audio-thread.ts';
import { openPage, type Page } from './page.ts';
import type { Plan, PlannedEvent } from './scenario.ts';
import { DEVICE_HZ, soundOf, voiceOf, type Sound } from './sounds.ts';
import { traceOf } from './trace-of.ts';
import type { PlacedEvent, Trace } from './trace.ts';

/** The room is listened to before anybody speaks. */
const SETTLE_MS = 1200;
const OPENING_DB = -22;
/** The model may take this long until it is heard. */
const ANSWER_MS = 10_000;
/** After the end of what was said: the τ-voice window of 2 s, and what is left of a decision. */
const AFTER_MS = 2300;
const DISALLOWED = ['guaranteed returns'];

/** What all conversations of a process share, because it costs and knows nothing of them. */
export interface Stage {
  voice: Voice;
  ear: Ear;
  clips: ClipLibrary;
}

export async function createStage(): Promise<Stage> {
  const [voice, ear] = await Promise.all([createVoice({ synthesise: null }), createEar()]);
  return { voice, ear, clips: createClipLibrary({ dir: null, now: () => 0 }) };
}

async function auditOf(folder: string, session: string): Promise<AuditRecord[]> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const text = await readFile(path.join(folder, `${session}.jsonl`), 'utf8').catch(() => '');
    if (text.includes('"session.ended"') && text.endsWith('\n')) {
      const records = text.trimEnd().split('\n').slice(1);
      return records.map((line) => JSON.parse(line) as AuditRecord);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('the audit file has no end');
}

/** Whether the agent's voice leaves the gate at this moment. */
function isAgentHeard(page: Page): boolean {
  const last = page.record.reads.at(-1);
  return last?.lane === 'B' && page.room.frame - last.frame <= 2 * QUANTUM;
}

function placed(event: PlannedEvent, sound: Sound, frame: number): PlacedEvent {
  const at = (samples: number) => ((frame + samples) * 1000) / DEVICE_HZ;
  const { kind, phrase, levelDb } = event;
  return { kind, phrase, levelDb, onsetMs: at(sound.from), endMs: at(sound.to) };
}

async function talk(page: Page, plan: Plan): Promise<PlacedEvent[]> {
  const events: PlacedEvent[] = [];
  page.send({ type: 'session.start', turn: 'auto' });
  if (!(await page.until(() => page.said('provider.changed').some(({ up }) => up), 5000))) {
    throw new Error('the provider never came up');
  }
  await page.pass(SETTLE_MS);
  page.room.place(await voiceOf(plan.opening, OPENING_DB));
  const isAnswered = await page.until(
    () => page.said('gate.open').some(({ lane }) => lane !== 'A') || page.said('turn.ended').length > 0,
    ANSWER_MS,
  );
  if (!isAnswered) throw new Error('the question was not answered');
  for (const event of plan.events) {
    const sound = await soundOf(event);
    const before = page.record.agentSamples;
    const isTime = () => samplesToMs(page.record.agentSamples - before) >= event.afterMs && isAgentHeard(page);
    if (!(await page.until(isTime, event.afterMs + 4000))) break;
    const one = placed(event, sound, page.room.place(sound));
    events.push(one);
    await page.pass(one.endMs - page.nowMs + AFTER_MS);
  }
  await page.pass(plan.listenMs);
  return events;
}

/** What a response says comes piece by piece, while its sound comes as ever: strict policy must then hold the sound. */
function withSlowText(open: OpenBridge, everyMs: number, clock: Clock): OpenBridge {
  if (everyMs === 0) return open;
  return (setup, onEvent) => {
    let freeAt = 0;
    return open(setup, (event) => {
      const isSound = event.type === 'response.audio' || event.type === 'response.created';
      if (isSound || !event.type.startsWith('response.')) {
        onEvent(event);
        return;
      }
      freeAt = Math.max(clock.now(), freeAt + everyMs);
      clock.wakeAt(freeAt, () => onEvent(event));
    });
  };
}

/** Runs one plan from beginning to end. Never rejects: what went wrong is the trace's `failure`. */
export async function converse(plan: Plan, stage: Stage): Promise<Trace> {
  const clock = virtualClock();
  const folder = await mkdtemp(path.join(tmpdir(), 'vjj-turns-'));
  const emulator = await startEmulator({
    clock,
    voice: stage.voice,
    ear: stage.ear,
    faults: { 'first-audio-ms': plan.firstAudioMs },
  });
  const relay = await relayUnderTest({
    clock,
    openBridge: withSlowText(
      createOpenAIBridgeFactory({ apiKey: 'none', baseUrl: emulator.url, clock }),
      plan.textEveryMs,
      clock,
    ),
    assistant: { policy: { disallowed: DISALLOWED, refusal: 'I cannot say that.', fallback: 'Sorry.' } },
    deps: { clips: stage.clips, auditDir: folder },
  });
  try {
    const page = await openPage(relay.url, GOOD_TOKEN, plan, clock);
    try {
      const events = await talk(page, plan);
      await page.close();
      const [created] = page.said('session.created');
      return traceOf(plan, page, events, await auditOf(folder, created?.session ?? ''));
    } finally {
      await relay.stop();
    }
  } catch (error) {
    return traceOf(plan, null, [], [], error instanceof Error ? error.message : String(error));
  } finally {
    await emulator.close();
    await rm(folder, { recursive: true, force: true });
  }
}
