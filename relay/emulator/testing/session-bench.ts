/**
 * A session without a socket and on a virtual clock: what is sent to it and what it answers, each
 * event judged by the agents package's schemas.
 */
import { virtualClock, type VirtualClock } from '../../testing/virtual-clock.ts';
import { FaultKnobs } from '../faults.ts';
import type { Fields } from '../protocol.ts';
import { RealtimeSession, type SessionDeps } from '../realtime-session.ts';
import { OWN_RULES, readRules } from '../rules.ts';
import { complaint } from './event-schemas.ts';
import { base64, toldEar, toneVoice } from './sounds.ts';

/** An event as it was sent; tests look into it as they please. */
export type SeenEvent = { type: string; event_id: string } & Record<string, ReturnType<typeof JSON.parse>>;

export interface Bench {
  session: RealtimeSession;
  clock: VirtualClock;
  faults: FaultKnobs;
  /** Everything the session sent, in order. */
  events: SeenEvent[];
  /** How the session closed the socket. */
  closes: { code: number; reason: string }[];
  send: (event: Fields) => void;
  append: (...sounds: Int16Array[]) => void;
  type: (text: string) => void;
  /** Lets time pass, and what waits for a promise go on. */
  run: (ms: number) => Promise<void>;
  /** Lets time pass until an event of this type has come that had not before. @throws after a minute. */
  until: (type: string) => Promise<SeenEvent>;
  /** Types since the last call, deltas of one type in a row as one with a `*`. */
  order: () => string[];
}

const rules = await readRules(OWN_RULES);

export function bench(more: Partial<SessionDeps> = {}, setup: Fields | null = null): Bench {
  const clock = virtualClock();
  const faults = more.faults ?? new FaultKnobs();
  const events: SeenEvent[] = [];
  const closes: Bench['closes'] = [];
  const complaints: string[] = [];
  const session = new RealtimeSession(
    {
      send: (text) => {
        const event = JSON.parse(text) as SeenEvent;
        const wrong = complaint(event);
        if (wrong !== null) complaints.push(wrong);
        if (event['error']?.code === 'server_error') complaints.push('an event made the session fail');
        events.push(event);
      },
      close: (code, reason) => closes.push({ code, reason }),
      cut: () => closes.push({ code: 1006, reason: '' }),
    },
    'gpt-realtime-2.1',
    { clock, faults, rules, voice: toneVoice, ear: toldEar(), vad: {}, pace: 6, ...more },
  );
  let read = 0;
  const awaited = new Set<SeenEvent>();
  const own: Bench = {
    session,
    clock,
    faults,
    events,
    closes,
    send: (event) => {
      session.receive(JSON.stringify(event));
      if (complaints.length > 0) throw new Error(complaints.join('\n'));
    },
    append: (...sounds) => {
      for (const sound of sounds) own.send({ type: 'input_audio_buffer.append', audio: base64(sound) });
    },
    type: (text) => {
      const content = [{ type: 'input_text', text }];
      own.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
    },
    run: async (ms) => {
      for (let passed = 0; passed < ms; passed += 5) {
        clock.advance(Math.min(5, ms - passed));
        await settled();
      }
      if (complaints.length > 0) throw new Error(complaints.join('\n'));
    },
    until: async (type) => {
      for (let passed = 0; passed <= 60_000; passed += 5) {
        const found = events.find((event) => event.type === type && !awaited.has(event));
        if (found !== undefined) {
          awaited.add(found);
          return found;
        }
        await own.run(5);
      }
      throw new Error(`no ${type} came; there were ${events.map((event) => event.type).join(', ')}`);
    },
    order: () => {
      const types = events.slice(read).map(({ type }) => (type.endsWith('.delta') ? `${type}*` : type));
      read = events.length;
      return types.filter((type, index) => !type.endsWith('*') || type !== types[index - 1]);
    },
  };
  if (setup !== null) own.send({ type: 'session.update', session: { type: 'realtime', ...setup } });
  return own;
}

/** Lets promises that are already kept run their callbacks. */
async function settled(): Promise<void> {
  for (let i = 0; i < 6; i += 1) await Promise.resolve();
}

/** Session settings the tests use. */
export const TEXT = { output_modalities: ['text'] };
export const PUSH_TO_TALK = { audio: { input: { turn_detection: null } } };
export const TRANSCRIBED = { audio: { input: { transcription: { model: 'gpt-transcribe' } } } };
