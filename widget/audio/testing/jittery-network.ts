/**
 * Answers over a network that delays unevenly, in virtual time: what a relay sends, when it arrives, what
 * the gate makes of it. Frames keep their order, as over TCP; a late one holds up those behind it.
 */
import { FLAG_LAST, RATE_HZ, msToSamples } from '#wire';
import { virtualClock } from '../../../relay/testing/virtual-clock.ts';
import { createDownlink } from '../../../relay/session/downlink.ts';
import { PlayoutGate } from '../playout-gate.ts';
import { random } from './sounds.ts';

/** What passes at once. */
const STEP_MS = 4;
/** The way without jitter, each direction. */
const WAY_MS = 30;
/** Of the provider. */
const CHUNK_MS = 50;

export interface Conditions {
  /** Standard deviation of the delay of each frame, in milliseconds. */
  jitterMs: number;
  /** How much faster than it is spoken the provider makes sound; 1 is the hardest. */
  speed: number;
  seed: number;
  answers: number;
  /** Length of each, in milliseconds. */
  answerMs: number;
}

export interface Heard {
  underruns: number;
  /** Silence within answers, in milliseconds. */
  gapMs: number;
  /** From each answer's first frame in the page to its first sample, in milliseconds, on average. */
  startMs: number;
  /** Sound that was heard, in milliseconds: at least all of it, and again what faded before each gap. */
  heardMs: number;
  minutes: number;
}

/** Plays `answers` one after another through the relay's downlink, the network and one gate. */
export function playOver({ jitterMs, speed, seed, answers, answerMs }: Conditions): Heard {
  const clock = virtualClock();
  const next = random(seed);
  const gaussian = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  let free = { down: 0, up: 0 };
  const travel = (way: 'down' | 'up', arrive: () => void) => {
    const at = Math.max(free[way], clock.now() + WAY_MS + Math.abs(gaussian()) * jitterMs);
    free = { ...free, [way]: at };
    clock.wakeAt(at, arrive);
  };
  let epoch = 1;
  let drained = 0;
  let firstAt = NaN;
  const gate = new PlayoutGate(RATE_HZ, (event) => {
    if (event.type === 'playout') {
      travel('up', () => downlink.played(event.epoch, event.item, event.playedMs));
    } else if (event.type === 'drained') drained++;
  });
  gate.configure(epoch, 10);
  const downlink = createDownlink({
    clock,
    message: (message) =>
      travel('down', () => {
        if (message.type === 'item.started') gate.command(message);
      }),
    frame: ({ epoch: of, lane, flags, samples }) =>
      travel('down', () => {
        if (Number.isNaN(firstAt)) firstAt = clock.now();
        gate.push(of, lane, samples, (flags & FLAG_LAST) !== 0);
      }),
    onFirstSent: () => undefined,
  });
  const out = new Float32Array(msToSamples(STEP_MS));
  const heard: Heard = { underruns: 0, gapMs: 0, startMs: 0, heardMs: 0, minutes: (answers * answerMs) / 60_000 };
  for (let answer = 0; answer < answers; answer++) {
    const name = `r${answer}`;
    firstAt = NaN;
    let sounding = 0;
    let soundingFrom = NaN;
    const before = drained;
    gate.command({ type: 'gate.open', epoch, lane: 'B' });
    gate.command({ type: 'lane.admit', epoch, response: name });
    for (let made = 0, at = clock.now(); made < answerMs; made += CHUNK_MS, at += CHUNK_MS / speed) {
      const samples = new Int16Array(msToSamples(CHUNK_MS)).fill(8000);
      clock.wakeAt(at, () => {
        downlink.receive(name, `t${answer}`, `i${answer}`, samples);
        if (made === 0) downlink.admit(name, epoch);
        if (made + CHUNK_MS >= answerMs) downlink.complete(name);
      });
    }
    while (drained === before) {
      clock.advance(STEP_MS);
      gate.render(out, out.length);
      const isSounding = out[0] !== 0 || out.at(-1) !== 0;
      if (isSounding) {
        if (Number.isNaN(soundingFrom)) soundingFrom = clock.now();
        sounding = clock.now();
        heard.heardMs += STEP_MS;
      } else if (!Number.isNaN(soundingFrom)) heard.gapMs += STEP_MS;
    }
    heard.gapMs -= Math.max(0, clock.now() - sounding);
    heard.startMs += (soundingFrom - firstAt) / answers;
    epoch += 1;
    downlink.close(() => false);
    gate.command({ type: 'gate.close', epoch, rampMs: 0 });
  }
  heard.underruns = gate.underruns;
  downlink.stop();
  return heard;
}
