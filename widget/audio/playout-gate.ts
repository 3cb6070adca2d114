/**
 * The listener's gate: which of the sounds that came from the relay is heard, from which sample on.
 * It carries out the relay's commands by epoch, pauses itself when told that somebody speaks, hands
 * over from a clip to the answer without overlap, waits for enough sound before it starts, and counts
 * what was heard. Two sounds never overlap: there is one source at a time, and it fades before the next.
 * Works at the wire's rate on a count of samples, not on a clock; knows no ports and no devices.
 */
import type { WireLane } from '#wire';
import type { GateCommand } from './audio-engine.ts';
import { ClipPlayer } from './clip-player.ts';
import { Fade } from './fade.ts';
import { LaneStream } from './lane-stream.ts';
import { PlayoutReports, type PlayoutEvent } from './playout-reports.ts';

/** Fade of a pause, a resume and the end of what is there. */
const FADE_MS = 12;
/** Fade in of what begins: short, or the first consonant is lost. */
const ATTACK_MS = 4;
/** The shortest fade that does not click. */
const LEAST_FADE_MS = 3;
/** Sound that must be there before it starts; more after each underrun, less again after smooth play. */
const START = { leastMs: 60, mostMs: 240, moreMs: 30, lessMs: 10, lessAfterMs: 5000 } as const;
/** When nothing new came for this long less will do: policy may have admitted no more. */
const PATIENCE = { ms: 150, enoughMs: 40 } as const;
/** Sound kept ahead. The relay sends well under a second; strict policy and pauses may hold it. */
const CAPACITY_MS = 8000;

/** The relay's commands, but for the one that only announces a clip's frames. */
export type PlayoutCommand = Exclude<GateCommand, { type: 'clip.added' }>;

type Exit = 'pause' | 'close' | 'handover' | 'dry';

export class PlayoutGate {
  readonly #perMs: number;
  readonly #fadeLength: number;
  readonly #stream: LaneStream;
  readonly #clip: ClipPlayer;
  readonly #clips = new Map<string, Int16Array>();
  readonly #fade = new Fade();
  readonly #reports: PlayoutReports;
  #epoch = 0;
  #state: 'closed' | 'open' | 'paused' = 'closed';
  #lane: WireLane = 'B';
  /** What is heard, or what a pause keeps. */
  #source: LaneStream | ClipPlayer | null = null;
  #isSounding = false;
  /** Why the fade out runs, and how many samples it still takes. */
  #exit: Exit | null = null;
  #exitLeft = 0;
  #exitLength = 0;
  /** What was received before this goes when a closing fade ends. */
  #closeMark = 0;
  /** A resume that came while the pause still faded. */
  #rewindMs: number | null = null;
  #nextClip: { clip: string; epoch: number } | null = null;
  #handoverMs = 10;
  #startMs: number = START.leastMs;
  #waited = 0;
  #smooth = 0;
  #agentSamples = 0;
  #underruns = 0;
  #pauses = 0;

  constructor(rateHz: number, emit: (event: PlayoutEvent) => void) {
    this.#perMs = rateHz / 1000;
    this.#fadeLength = Math.round(FADE_MS * this.#perMs);
    this.#stream = new LaneStream(rateHz, CAPACITY_MS);
    this.#clip = new ClipPlayer(rateHz);
    this.#reports = new PlayoutReports(this.#stream, rateHz, emit);
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Something is heard, or would be in a moment, and a pause would stop it. */
  get canPause(): boolean {
    if (this.#state !== 'open') return false;
    return this.#source !== null || this.#nextClip !== null || this.#available() > 0;
  }

  /** How long the agent has been heard since it last had nothing to say, in milliseconds. */
  get agentSoundMs(): number {
    return this.#agentSamples / this.#perMs;
  }

  /** How often it was paused so far. */
  get pauses(): number {
    return this.#pauses;
  }

  /** How often sound ran out before its end. */
  get underruns(): number {
    return this.#underruns;
  }

  /** A session begins, or the same one again: with another epoch all that came before is dropped. */
  configure(epoch: number, transitionGapMs: number): void {
    this.#handoverMs = Math.max(LEAST_FADE_MS, transitionGapMs);
    if (epoch === this.#epoch) return;
    this.#shut(transitionGapMs, this.#stream.mark, epoch);
  }

  /** How much later than it leaves the gate a sample is heard. */
  setLatency(latencyMs: number): void {
    this.#reports.latency = Math.round(latencyMs * this.#perMs);
  }

  /** Keeps a clip in memory to be played by its name. */
  keepClip(clip: string, samples: Int16Array): void {
    this.#clips.set(clip, samples);
  }

  push(epoch: number, lane: WireLane, samples: Int16Array, isLast: boolean): void {
    if (epoch < this.#epoch) return;
    this.#waited = 0;
    this.#stream.push(epoch, lane, samples, isLast);
  }

  /** Carries out what the relay says; a command of an epoch that is over changes nothing. */
  command(command: PlayoutCommand): void {
    const { epoch } = command;
    if (epoch < this.#epoch) return;
    switch (command.type) {
      case 'item.started':
        this.#stream.announce(command.item, command.response, epoch, command.lane, command.fromMs);
        break;
      case 'gate.open':
        this.#open(epoch, command.lane);
        break;
      case 'gate.close':
        this.#shut(command.rampMs, this.#stream.mark, epoch);
        break;
      case 'gate.pause':
        this.pause();
        break;
      case 'gate.resume':
        if (epoch === this.#epoch) this.#resume(command.rewindMs);
        break;
      case 'lane.admit':
        this.#stream.admit(command.response, command.upToMs);
        break;
      case 'clip.play':
        this.#open(epoch, command.lane);
        this.#nextClip = { clip: command.clip, epoch };
        break;
      default:
        command satisfies never;
    }
  }

  /** Holds what is heard at its place. @returns whether there was anything to hold. */
  pause(): boolean {
    if (!this.canPause) return false;
    this.#state = 'paused';
    this.#pauses++;
    this.#rewindMs = null;
    if (this.#isSounding && this.#exit === null) this.#leave('pause', FADE_MS);
    // What leaves by the fade is heard too, and so is what is on its way to the ear.
    this.#reports.report(this.#exit === null ? 0 : -this.#exitLeft);
    return true;
  }

  /** Fills the first `count` of `out` with what is heard next. */
  render(out: Float32Array, count: number): void {
    this.#begin(count);
    let left = this.#isSounding ? this.#left() : 0;
    for (let i = 0; i < count; i++) {
      if (!this.#isSounding || this.#source === null) {
        out[i] = 0;
        continue;
      }
      // The last of what is there fades, whether it is the end or more is only late.
      if (this.#exit === null && left <= this.#fadeLength) this.#leave('dry', FADE_MS);
      out[i] = this.#source.next() * this.#fade.next();
      left--;
      if (this.#exit !== null && --this.#exitLeft <= 0) {
        this.#stop();
        left = this.#left();
      }
    }
    if (this.#isSounding) this.#agentSamples += count;
    this.#reports.advance(count, this.#isSounding);
  }

  #open(epoch: number, lane: WireLane): void {
    if (epoch > this.#epoch) {
      // Of the new epoch there may be sound already; only what is older goes.
      this.#shut(this.#handoverMs, 0, epoch);
    }
    if (this.#state === 'paused') this.#resume(0);
    this.#state = 'open';
    this.#lane = lane;
    this.#waited = 0;
  }

  /** @param mark - what was received before it goes, and all of an older epoch. */
  #shut(rampMs: number, mark: number, epoch: number): void {
    this.#state = 'closed';
    this.#rewindMs = null;
    this.#nextClip = null;
    this.#agentSamples = 0;
    this.#closeMark = mark;
    if (this.#isSounding) this.#leave('close', rampMs);
    // As with a pause: what is on its way to the ear, and what the fade lets out, is heard.
    this.#reports.close(this.#isSounding && this.#source === this.#stream ? -this.#exitLeft : 0);
    this.#epoch = epoch;
    if (!this.#isSounding) this.#clear();
    this.#stream.forgetAdmissions();
  }

  #clear(): void {
    this.#source = null;
    this.#stream.drop(this.#closeMark, this.#epoch);
  }

  #resume(rewindMs: number): void {
    if (this.#state !== 'paused') return;
    this.#state = 'open';
    if (this.#exit === 'pause') this.#rewindMs = rewindMs;
    else if (!this.#isSounding) this.#wake(rewindMs);
  }

  #wake(rewindMs: number): void {
    if (this.#source === null) return;
    if (rewindMs > 0) this.#source.rewind(rewindMs);
    this.#sound(this.#source, FADE_MS);
  }

  #sound(source: LaneStream | ClipPlayer, fadeMs: number): void {
    this.#source = source;
    this.#isSounding = true;
    this.#exit = null;
    this.#waited = 0;
    this.#fade.reset();
    this.#fade.open(Math.round(fadeMs * this.#perMs));
    if (source === this.#stream) this.#reports.streamStarted();
  }

  /** Begins to fade, within what is there. A fade that runs already is quick enough for any reason. */
  #leave(exit: Exit, fadeMs: number): void {
    const isFading = this.#exit !== null;
    this.#exit = exit;
    if (isFading) return;
    this.#exitLength = Math.max(1, Math.min(Math.round(Math.max(LEAST_FADE_MS, fadeMs) * this.#perMs), this.#left()));
    this.#exitLeft = this.#exitLength;
    this.#fade.shut(this.#exitLength);
  }

  /** The fade out has reached silence. */
  #stop(): void {
    const exit = this.#exit;
    this.#exit = null;
    this.#isSounding = false;
    if (exit === 'pause') {
      const rewindMs = this.#rewindMs;
      this.#rewindMs = null;
      if (rewindMs === null) this.#reports.report(0);
      else this.#wake(rewindMs);
      return;
    }
    if (exit === 'close') this.#clear();
    else if (exit === 'dry') this.#ranDry();
    this.#source = null;
    this.#begin(0);
  }

  #ranDry(): void {
    if (this.#source === this.#clip) {
      this.#reports.clipEnded(this.#clip.epoch, this.#clip.clip);
      this.#agentSamples = 0;
    } else if (this.#stream.isDrained) {
      this.#reports.streamDrained();
      this.#agentSamples = 0;
    } else {
      // Nothing is lost: what faded is heard again when more is there.
      const isLate = this.#stream.isEmpty;
      this.#stream.back(this.#exitLength);
      if (!isLate) return;
      this.#underruns++;
      this.#smooth = 0;
      this.#startMs = Math.min(START.mostMs, this.#startMs + START.moreMs);
    }
  }

  #available(): number {
    return this.#stream.available(this.#epoch, this.#lane);
  }

  #left(): number {
    return this.#source === this.#clip ? this.#clip.left : this.#available();
  }

  #isReady(): boolean {
    const available = this.#available();
    if (available === 0) return false;
    if (this.#stream.isWhole && available === this.#stream.unread) return true;
    const enoughMs = this.#waited >= PATIENCE.ms * this.#perMs ? PATIENCE.enoughMs : this.#startMs;
    return available >= enoughMs * this.#perMs;
  }

  /** Starts, goes on with or hands over to what may be heard; `count` samples are about to go by. */
  #begin(count: number): void {
    if (this.#state !== 'open') return;
    if (this.#isSounding) {
      this.#smooth += count;
      if (this.#smooth >= START.lessAfterMs * this.#perMs) {
        this.#smooth = 0;
        this.#startMs = Math.max(START.leastMs, this.#startMs - START.lessMs);
      }
      if (this.#exit === 'dry' && this.#source === this.#stream && this.#left() > this.#fadeLength) {
        this.#exit = null;
        this.#fade.open(this.#fadeLength);
      }
      // The clip is heard until the answer can follow it on the next sample.
      const isOver =
        this.#source === this.#clip && (this.#nextClip !== null || (this.#lane === 'B' && this.#isReady()));
      if (isOver && this.#exit === null) this.#leave('handover', this.#handoverMs);
      return;
    }
    if (this.#source !== null) return;
    const next = this.#nextClip;
    if (next !== null) {
      this.#nextClip = null;
      const samples = this.#clips.get(next.clip);
      if (samples !== undefined && samples.length > 0) {
        this.#clip.load(next.clip, next.epoch, samples);
        this.#sound(this.#clip, ATTACK_MS);
        return;
      }
      // A clip that is not here is over at once: the relay waits for its end.
      this.#reports.clipEnded(next.epoch, next.clip);
    }
    this.#waited += this.#available() > 0 ? count : 0;
    if (this.#isReady()) this.#sound(this.#stream, ATTACK_MS);
  }
}
