/**
 * The words of a conversation and how many of them reached the ear. The position comes in
 * milliseconds of sound; where a word lies in the sound is its share of the text, so an estimate
 * until the sound's length is known, and it never goes back. Knows no clock and no relay.
 */

export type WordState = 'heard' | 'unheard' | 'cut';

export interface TranscriptWord {
  /** With the space that follows it. */
  readonly text: string;
  readonly state: WordState;
}

export interface TranscriptEntry {
  readonly id: string;
  readonly turn: string | null;
  readonly role: 'user' | 'agent';
  readonly text: string;
  /** No more words will come. */
  readonly final: boolean;
  /** How much of its sound was heard, in milliseconds; null for text without sound. */
  readonly heardMs: number | null;
  readonly words: readonly TranscriptWord[];
}

/** Average length of a character in speech, in milliseconds, until this voice has been measured. */
export const MS_PER_CHARACTER = 62;

/** Words with the space after them; scripts without spaces go by the character. */
const WORD = /[\u3000-\u9fff]\s*|[^\s\u3000-\u9fff]+\s*/g;

/** One line being spoken or typed. Immutable from outside: `entry` is a new object after each change. */
export class Line {
  #entry: TranscriptEntry;
  #heardWords = 0;
  #isCut = false;
  /** Whether all words count as heard: typed, spoken by the user, or shown without sound. */
  readonly #isPlain: boolean;
  #playedMs = 0;
  #totalMs: number | null = null;

  constructor(id: string, role: 'user' | 'agent', turn: string | null, isPlain: boolean) {
    this.#isPlain = isPlain;
    this.#entry = { id, turn, role, text: '', final: false, heardMs: isPlain ? null : 0, words: [] };
  }

  /** One that was written on another page. */
  static from(entry: TranscriptEntry): Line {
    const line = new Line(entry.id, entry.role, entry.turn, entry.heardMs === null);
    line.#entry = entry;
    line.#heardWords = entry.words.filter(({ state }) => state === 'heard').length;
    line.#playedMs = entry.heardMs ?? 0;
    line.#isCut = entry.words.some(({ state }) => state === 'cut');
    return line;
  }

  get entry(): TranscriptEntry {
    return this.#entry;
  }

  get heardWords(): number {
    return this.#heardWords;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  /** Another name for the same line: what was typed gets its id later. */
  rename(id: string): void {
    this.#entry = { ...this.#entry, id };
  }

  append(delta: string): void {
    if (!this.#entry.final) this.#write(this.#entry.text + delta, false);
  }

  finish(text: string): void {
    this.#write(text, true);
  }

  /** @returns whether more words are heard than before. */
  played(playedMs: number, msPerCharacter: number): boolean {
    if (this.#isPlain || this.#isCut) return false;
    this.#playedMs = Math.max(this.#playedMs, playedMs);
    const { text, words } = this.#entry;
    const totalMs = this.#totalMs ?? Math.max(text.length * msPerCharacter, this.#playedMs);
    const heardCharacters = totalMs === 0 ? 0 : (this.#playedMs / totalMs) * text.length;
    let heard = 0;
    let end = 0;
    for (const word of words) {
      end += word.text.trimEnd().length;
      // A word that is nearly out has been understood.
      if (end > heardCharacters + 1) break;
      end += word.text.length - word.text.trimEnd().length;
      heard += 1;
    }
    return this.#hear(heard);
  }

  /** The sound's whole length. @returns milliseconds a character, once both are known. */
  complete(totalMs: number): number | null {
    this.#totalMs = totalMs;
    const { text, final } = this.#entry;
    return final && text.length >= 20 ? totalMs / text.length : null;
  }

  /** @returns whether more words are heard than before. */
  drained(): boolean {
    return !this.#isCut && this.#hear(this.#entry.words.length);
  }

  /** Nothing after `heardMs` was heard, and the model forgets it too. */
  cut(heardMs: number, msPerCharacter: number): void {
    this.played(heardMs, msPerCharacter);
    this.#isCut = true;
    this.#entry = { ...this.#entry, heardMs, final: true };
    this.#paint();
  }

  #write(text: string, final: boolean): void {
    const words = (text.match(WORD) ?? []).map((word): TranscriptWord => ({ text: word, state: 'unheard' }));
    this.#entry = { ...this.#entry, text, final: final || this.#isCut, words };
    if (this.#isPlain) this.#heardWords = words.length;
    this.#paint();
  }

  #hear(count: number): boolean {
    const isMore = count > this.#heardWords;
    if (isMore) this.#heardWords = count;
    if (!this.#isPlain) this.#entry = { ...this.#entry, heardMs: this.#playedMs };
    if (isMore) this.#paint();
    return isMore;
  }

  #paint(): void {
    const rest: WordState = this.#isCut ? 'cut' : 'unheard';
    const words = this.#entry.words.map(({ text }, index): TranscriptWord => {
      return { text, state: index < this.#heardWords ? 'heard' : rest };
    });
    this.#entry = { ...this.#entry, words };
  }
}
