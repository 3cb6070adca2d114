/**
 * What a person would say is going on, worked out from what the call reports: the phase, the turn,
 * who is heard, the words. A plain object fed with events; it starts nothing and knows no page.
 */
import type { CallEvent } from './call.ts';
import { Line, MS_PER_CHARACTER, type TranscriptEntry } from './transcript.ts';

export type Phase = 'idle' | 'listening' | 'thinking' | 'speaking' | 'held';
export type LaneOwner = 'none' | 'A' | 'B' | 'C';

/** The user's voice, what they typed, a button (or the page), or the relay's policy. */
export type InterruptedBy = 'speech' | 'text' | 'button' | 'relay';

export interface TurnMetrics {
  /** From the turn's start on this page to its first audible sound, in milliseconds; null when nothing was said. */
  ttfaMs: number | null;
  /** From the committed end of turn to each lane's first audible frame leaving the relay, in milliseconds. */
  firstSentMs: { A?: number | undefined; B?: number | undefined; C?: number | undefined };
  /** How much of the answer was heard, in milliseconds. */
  heardMs: number;
}

/** What changed, in the words of the element's events. */
export type Happening =
  | { type: 'phase'; phase: Phase; from: Phase }
  | { type: 'turn-start'; turn: string; source: 'speech' | 'text' }
  | { type: 'turn-end'; turn: string; outcome: string; metrics: TurnMetrics }
  | { type: 'transcript'; entry: TranscriptEntry }
  | { type: 'word-heard'; entry: TranscriptEntry; index: number }
  | { type: 'interrupt'; by: InterruptedBy; heardMs: number; recovered: boolean; item: string | null }
  | { type: 'lane'; from: LaneOwner; to: LaneOwner; cause: string; t: number };

interface Item {
  lane: LaneOwner;
  turn: string | null;
}

const KILLS = new Set(['onset', 'interrupt', 'decide', 'text', 'commit']);

export class Conversation {
  session = '';
  name = '';
  #isLive = false;
  #phase: Phase = 'idle';
  #owner: LaneOwner = 'none';
  #isHeld = false;
  #isUserSpeaking = false;
  #relayThinks = false;
  #isSoundless = false;
  /** The page asked for the interruption that is about to be told. */
  #isButton = false;
  #turn: string | null = null;
  #turnAtMs = 0;
  #ttfaMs: number | null = null;
  #openTurn: string | null = null;
  #playing: string | null = null;
  #typed = 0;
  #msPerCharacter = MS_PER_CHARACTER;
  readonly #items = new Map<string, Item>();
  readonly #clips = new Map<string, { text: string; kind: string }>();
  #lines: Line[];
  #happened: Happening[] = [];

  /** @param entries - of the same conversation, from another page. */
  constructor(entries: readonly TranscriptEntry[] = []) {
    this.#lines = entries.map((entry) => Line.from(entry));
  }

  get phase(): Phase {
    return this.#phase;
  }
  get owner(): LaneOwner {
    return this.#owner;
  }
  get turn(): string | null {
    return this.#turn;
  }
  get isUserSpeaking(): boolean {
    return this.#isUserSpeaking;
  }
  get entries(): readonly TranscriptEntry[] {
    return this.#lines.map((line) => line.entry);
  }
  /** What of the newest answer was heard. */
  get heardText(): string {
    const line = this.#lines.findLast(({ entry }) => entry.role === 'agent');
    const words = line?.entry.words.filter(({ state }) => state === 'heard') ?? [];
    return words
      .map(({ text }) => text)
      .join('')
      .trim();
  }

  /** Takes in one event. @param nowMs - monotonic. @returns what changed, in order. */
  apply(event: CallEvent, nowMs: number): Happening[] {
    this.#happened = [];
    this.#take(event, nowMs);
    this.#settle(this.#phaseNow());
    return this.#happened;
  }

  /** What the user typed is shown at once; the relay's own record of it takes its place. */
  typed(text: string): Happening[] {
    this.#typed += 1;
    const line = new Line(`typed-${this.#typed}`, 'user', null, true);
    line.finish(text);
    this.#lines.push(line);
    return [{ type: 'transcript', entry: line.entry }];
  }

  /** The call is over: nothing is going on any more, the words stay. */
  stop(): Happening[] {
    this.#happened = [];
    this.#isLive = this.#isUserSpeaking = this.#isSoundless = false;
    this.#quiet();
    this.#openTurn = null;
    this.#settle('idle');
    return this.#happened;
  }

  #take(event: CallEvent, nowMs: number): void {
    switch (event.type) {
      case 'session.created':
      case 'session.resumed':
        // Going on as if nothing had been, nothing has been.
        if ('kept' in event && event.kept === 'all') break;
        this.session = event.session;
        this.name = event.assistant.name;
        this.#isLive = true;
        this.#openTurn = null;
        this.#quiet();
        break;
      case 'onset':
        this.#isUserSpeaking = true;
        if (event.paused) this.#isHeld = true;
        break;
      case 'soundless':
        this.#isSoundless = true;
        break;
      case 'offset':
        this.#isUserSpeaking = false;
        break;
      case 'gate.pause':
        this.#isHeld = this.#owner !== 'none';
        break;
      case 'gate.resume':
        if (this.#isHeld) this.#interrupted('speech', true);
        this.#isHeld = false;
        break;
      case 'gate.close':
        // Who was cut off and why follows; that nobody is heard any more is true already.
        this.#owner = 'none';
        this.#isHeld = false;
        this.#openTurn = null;
        break;
      case 'sent':
        if (event.message.type === 'user.interrupt') this.#isButton = true;
        break;
      case 'gate.open':
        this.#sounds(event.lane, nowMs);
        break;
      case 'lane.owner_changed':
        this.#ownerChanged(event, nowMs);
        break;
      case 'clip.added':
        if (event.text) this.#clips.set(event.clip, { text: event.text, kind: event.kind });
        break;
      case 'clip.play':
        this.#clip(event.clip, event.epoch);
        break;
      case 'state.changed':
        this.#relayThinks = event.state === 'B_RESPONDING';
        break;
      case 'turn.started':
        this.#turn = this.#openTurn = event.turn;
        this.#turnAtMs = nowMs;
        this.#ttfaMs = null;
        this.#happened.push({ type: 'turn-start', turn: event.turn, source: event.source });
        break;
      case 'turn.ended':
        this.#turnEnded(event);
        break;
      default:
        this.#words(event);
    }
  }

  #words(event: CallEvent): void {
    switch (event.type) {
      case 'item.started':
        this.#items.set(event.item, { lane: event.lane, turn: event.turn });
        break;
      case 'transcript.delta':
      case 'transcript.done': {
        const line = this.#lineOf(event.item, event.role, event.text);
        const isKnown = line.entry.final && line.entry.text === event.text;
        if (event.type === 'transcript.delta') line.append(event.text);
        else line.finish(event.text);
        if (isKnown) break;
        if (line.entry.text !== '') this.#happened.push({ type: 'transcript', entry: line.entry });
        else this.#remove(event.item);
        break;
      }
      case 'playout':
        this.#playing = event.item;
        this.#hear(event.item, (line) => line.played(event.playedMs, this.#msPerCharacter));
        break;
      case 'drained':
        this.#hear(event.item, (line) => line.drained());
        break;
      case 'item.complete': {
        const measured = this.#find(event.item)?.complete(event.totalMs) ?? null;
        if (measured !== null) this.#msPerCharacter = measured;
        break;
      }
      case 'item.truncated': {
        const line = this.#find(event.item);
        line?.cut(event.heardMs, this.#msPerCharacter);
        if (line) this.#happened.push({ type: 'transcript', entry: line.entry });
        break;
      }
      case 'item.deleted':
        this.#remove(event.item);
        break;
      default:
    }
  }

  #ownerChanged(event: Extract<CallEvent, { type: 'lane.owner_changed' }>, nowMs: number): void {
    const { from, to, cause, t } = event;
    this.#happened.push({ type: 'lane', from, to, cause, t });
    if (to === 'none') {
      if (KILLS.has(cause) && from !== 'A') this.#interrupted(cause === 'text' ? 'text' : 'speech', false);
      else if (cause === 'policy') this.#interrupted('relay', false);
      else if (cause.startsWith('drained') && this.#playing) this.#hear(this.#playing, (line) => line.drained());
      this.#quiet();
    } else {
      this.#sounds(to, nowMs);
    }
  }

  #sounds(lane: LaneOwner, nowMs: number): void {
    this.#owner = lane;
    this.#isHeld = false;
    if (this.#openTurn !== null && this.#ttfaMs === null) this.#ttfaMs = nowMs - this.#turnAtMs;
    // After a reflex it goes on thinking; after the answer only if the relay says so.
    if (lane !== 'A') this.#openTurn = null;
  }

  #quiet(): void {
    this.#owner = 'none';
    this.#isHeld = this.#relayThinks = false;
    this.#playing = null;
  }

  #interrupted(cause: InterruptedBy, recovered: boolean): void {
    const by = this.#isButton && cause === 'speech' ? 'button' : cause;
    this.#isButton = false;
    const heardMs = this.#playing === null ? 0 : (this.#find(this.#playing)?.entry.heardMs ?? 0);
    this.#happened.push({ type: 'interrupt', by, heardMs, recovered, item: this.#playing });
  }

  #turnEnded(event: Extract<CallEvent, { type: 'turn.ended' }>): void {
    const { turn, outcome, firstSentMs } = event;
    let heardMs = 0;
    for (const line of this.#lines) {
      if (this.#items.get(line.entry.id)?.turn !== turn) continue;
      if (outcome === 'answered') this.#hear(line.entry.id, () => line.drained());
      heardMs += line.entry.heardMs ?? 0;
    }
    const ttfaMs = turn === this.#turn ? this.#ttfaMs : null;
    this.#happened.push({ type: 'turn-end', turn, outcome, metrics: { ttfaMs, firstSentMs, heardMs } });
    if (this.#openTurn === turn) this.#openTurn = null;
    this.#relayThinks = false;
  }

  /** A refusal, a fallback or a prompt says something; a reflex is only a sound. */
  #clip(clip: string, epoch: number): void {
    const known = this.#clips.get(clip);
    if (!known || known.kind === 'reflex') return;
    const line = new Line(`${clip}-${epoch}`, 'agent', this.#turn, true);
    line.finish(known.text);
    this.#lines.push(line);
    this.#happened.push({ type: 'transcript', entry: line.entry });
  }

  #hear(item: string, change: (line: Line) => boolean): void {
    const line = this.#find(item);
    if (!line) return;
    const before = line.heardWords;
    if (!change(line)) return;
    for (let index = before; index < line.heardWords; index += 1) {
      this.#happened.push({ type: 'word-heard', entry: line.entry, index });
    }
  }

  #find(item: string): Line | undefined {
    return this.#lines.find(({ entry }) => entry.id === item);
  }

  #remove(item: string): void {
    this.#lines = this.#lines.filter(({ entry }) => entry.id !== item);
  }

  #lineOf(id: string, role: 'user' | 'agent', text: string): Line {
    const known = this.#find(id);
    if (known) return known;
    if (role === 'user') {
      const typed = this.#lines.find(({ entry }) => entry.id.startsWith('typed-') && entry.text === text);
      if (typed) {
        typed.rename(id);
        return typed;
      }
    }
    const item = this.#items.get(id);
    const line = new Line(id, role, item?.turn ?? this.#turn, role === 'user' || this.#isSoundless);
    // The user's words are recognised late, sometimes after the answer to them began.
    const answer = role === 'user' ? this.#answerWithoutQuestion() : -1;
    if (answer >= 0) this.#lines.splice(answer, 0, line);
    else this.#lines.push(line);
    return line;
  }

  #answerWithoutQuestion(): number {
    const turn = this.#turn;
    if (turn === null) return -1;
    const first = this.#lines.findIndex(({ entry }) => entry.turn === turn && entry.role === 'agent');
    const isAsked = this.#lines.some(({ entry }) => entry.turn === turn && entry.role === 'user');
    return isAsked ? -1 : first;
  }

  #phaseNow(): Phase {
    if (!this.#isLive) return 'idle';
    if (this.#isHeld) return 'held';
    if (this.#owner !== 'none') return 'speaking';
    if (this.#isUserSpeaking) return 'listening';
    return this.#relayThinks || this.#openTurn !== null ? 'thinking' : 'listening';
  }

  #settle(phase: Phase): void {
    if (phase === this.#phase) return;
    this.#happened.push({ type: 'phase', phase, from: this.#phase });
    this.#phase = phase;
  }
}
