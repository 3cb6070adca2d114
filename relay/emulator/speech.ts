/**
 * What the emulator needs of a voice and of an ear. The server knows only these two interfaces:
 * how sound is made or recognised is the business of `voice/` and `ear/`.
 */

/** Makes speech. */
export interface Voice {
  /**
   * @param text - What to say; the empty text is no samples.
   * @param options - `voice` is the name a client asked for ("marin"); a voice may ignore it.
   * @returns 24 kHz PCM16 mono, without padding at either end.
   */
  speak(text: string, options: { voice: string }): Promise<Int16Array>;
}

/** Makes words of speech. */
export interface Ear {
  /**
   * @param samples - One utterance, 24 kHz PCM16 mono.
   * @returns what was said; `known` is false when `text` is only a description ("[speech, 2.3 s]").
   */
  understand(samples: Int16Array): { text: string; known: boolean };
}
