/**
 * What a microphone sends, laid out in advance: recorded phrases in frames of 20 ms, and a quiet
 * room in batches of 100 ms. Who sends one only writes its number into it.
 */
import { BATCH_MS, FLAG_SPEECH, FRAME_SAMPLES, encodeAudioFrame, msToSamples } from '#wire';
import { gain, noise, rms, speech } from '../../relay/testing/speech.ts';

/** How loud people speak, and the room they are in, in dBFS RMS. */
const VOICE_DB = -22;
const ROOM_DB = -62;

/** Offset of the frame's number in its header. */
export const SEQ_AT = 4;

export interface Phrase {
  text: string;
  /** Whole binary messages, in the order in which they are sent. */
  frames: readonly Buffer[];
  ms: number;
}

export interface Voice {
  /** Things to say that are answered in a sentence or two. */
  questions: readonly Phrase[];
  /** Something that is answered at length. */
  story: Phrase;
  /** Said into an answer. */
  interruptions: readonly Phrase[];
  /** A moment in which nobody speaks. */
  room: Buffer;
}

const QUESTIONS = [
  ...['Hello.', 'Who are you?', 'What are your opening hours?', 'What is two plus three?', 'Count to ten.'],
  ...['Can you book a table?', 'What can you do?', 'Thank you.', 'What is the weather in Paris?'],
];
const STORY = 'Tell me a long story.';
const INTERRUPTIONS = ['Stop.', 'Wait a minute.', 'What are your opening hours?'];

function binary(samples: Int16Array, flags: number): Buffer {
  return Buffer.from(encodeAudioFrame({ epoch: 0, seq: 0, lane: 'mic', flags, samples }).buffer);
}

async function phrase(text: string): Promise<Phrase> {
  const recorded = await speech(text);
  const samples = gain(recorded, VOICE_DB - 20 * Math.log10(rms(recorded)));
  const frames: Buffer[] = [];
  for (let at = 0; at < samples.length; at += FRAME_SAMPLES) {
    const part = new Int16Array(FRAME_SAMPLES);
    part.set(samples.subarray(at, at + FRAME_SAMPLES));
    frames.push(binary(part, FLAG_SPEECH));
  }
  return { text, frames, ms: frames.length * 20 };
}

/** Reads the phrase bank's user. */
export async function loadVoice(): Promise<Voice> {
  const all = (texts: readonly string[]) => Promise.all(texts.map(phrase));
  return {
    questions: await all(QUESTIONS),
    story: await phrase(STORY),
    interruptions: await all(INTERRUPTIONS),
    room: binary(noise(BATCH_MS, ROOM_DB).subarray(0, msToSamples(BATCH_MS)), 0),
  };
}
