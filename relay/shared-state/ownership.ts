/**
 * The port that says on which instance a conversation lives. One holds it at a time; it says every
 * few seconds that it still lives, and who does not is taken over from. Knows nothing of what a
 * conversation is.
 */

/** An instance as others reach it. */
export interface Owner {
  /** `ins_…` */
  instance: string;
  /** http(s) origin by which another instance reaches it. */
  url: string;
}

export interface Ownership {
  /**
   * Takes the conversation for this instance.
   *
   * @param from - Instance that held it and was found dead; without it only a free one is taken.
   * @returns whether it is held here now.
   */
  claim(session: string, from?: string): Promise<boolean>;
  /** Who holds it; undefined when nobody does or its holder has not been heard of for the life of a lease. */
  ownerOf(session: string): Promise<Owner | undefined>;
  /** Lets go of it. Never throws; what cannot be told runs out by itself. */
  release(session: string): void;
  /**
   * Told each conversation that another instance has taken from this one.
   *
   * @returns what ends it.
   */
  onTaken(listener: (session: string) => void): () => void;
}
