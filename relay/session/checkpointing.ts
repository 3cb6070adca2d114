/**
 * Keeps what the conversation needs to go on elsewhere: with each turn that is asked, answered and over, while
 * an answer is heard, with the user's words, and with each secret. Of an answer only what was heard counts. Nobody waits for it. Where it is kept is the port's business.
 */
import type { ArbiterEvent, State } from '#arbiter';
import { CLOSE, type RelayMessage } from '#wire';
import type { RealtimeBridge } from '../bridge/bridge.ts';
import type { Checkpoint, Continuity } from '../continuity/continuity.ts';
import type { Admission } from '../tenants/tenant.ts';
import type { SessionSeed } from './session-deps.ts';

/** An answer that is being heard is kept this often, in milliseconds of it. */
const HEARD_STEP_MS = 2_000;

type Start = NonNullable<Checkpoint['start']>;

export interface CheckpointingOptions {
  continuity: Continuity | undefined;
  seed: SessionSeed;
  /** Wall-clock milliseconds. */
  startedAt: number;
  state: () => State;
  bridge: () => RealtimeBridge | null;
  /** The newest of the page's own turns. */
  said: () => number;
  secrets: () => Pick<Checkpoint, 'secretHash' | 'formerSecretHash'>;
}

export interface Checkpointing {
  /** The conversation is under way. */
  began(start: Start): void;
  /** The arbiter took a turn; `item` has its words. */
  asked(turn: string, item: string): void;
  /** One step of the arbiter. */
  step(event: ArbiterEvent): void;
  /** What the page is told. */
  told(message: RelayMessage): void;
  /** Something else of it changed. */
  save(): void;
  /** @returns when another instance may go on with it; null where nobody shall. */
  end(closeCode: number): Promise<void> | null;
}

class SessionCheckpoint implements Checkpointing {
  readonly #options: CheckpointingOptions;
  readonly #continuity: Continuity | undefined;
  readonly #admission: Admission;
  readonly #id: string;
  #start: Start | null = null;
  #open: { turn: string; item: string } | null = null;
  /** How much of which item was heard when it was kept last. */
  #kept = { item: '', ms: 0 };

  constructor(options: CheckpointingOptions) {
    this.#options = options;
    const { continuity, seed } = options;
    this.#continuity = continuity;
    const { admission, id } = seed;
    this.#admission = admission;
    this.#id = id;
  }

  /** Of an item that is still being heard; undefined where that is settled. */
  #heardMs(id: string): number | undefined {
    const item = this.#options.state().items.find((one) => one.id === id);
    return item?.fate === 'live' ? item.playedMs : undefined;
  }

  #answered(turn: string): void {
    if (this.#open?.turn === turn) this.#open = null;
    this.save();
  }

  save(): void {
    if (!this.#continuity || !this.#start) return;
    this.#continuity.save({
      ...{ version: 1, session: this.#id, tenant: this.#admission.tenant.id, subject: this.#admission.subject },
      origin: this.#admission.origin ?? null,
      assistant: { id: this.#admission.assistant.id, version: this.#admission.assistant.version },
      ...{ start: this.#start, startedAt: this.#options.startedAt, epoch: this.#options.state().epoch },
      history: this.#options.bridge()?.history((id) => this.#heardMs(id)) ?? [],
      ...{ unanswered: this.#open?.item ?? null, said: this.#options.said() },
      ...this.#options.secrets(),
    });
  }

  began(how: Start): void {
    this.#start = how;
    this.#continuity?.began(this.#id);
    this.save();
  }

  asked(turn: string, item: string): void {
    this.#open = { turn, item };
    this.save();
  }

  step(event: ArbiterEvent): void {
    if (event.type !== 'playout') return;
    const { item, playedMs } = event;
    if (item === this.#kept.item && playedMs < this.#kept.ms + HEARD_STEP_MS) return;
    this.#kept = { item, ms: playedMs };
    this.save();
  }

  told(message: RelayMessage): void {
    if (message.type === 'turn.ended') this.#answered(message.turn);
    // Something of the answer is on its way to the ear: asked again it would be heard twice.
    else if (message.type === 'item.started' && this.#open?.turn === message.turn) this.#answered(message.turn);
    else if (message.type === 'transcript.done' || message.type === 'item.truncated') this.save();
  }

  end(closeCode: number): Promise<void> | null {
    if (!this.#continuity || !this.#start) return null;
    // Whom there is no room for here may go on elsewhere, or later.
    if (closeCode === CLOSE.drain || closeCode === CLOSE.busy) return this.#continuity.left(this.#id);
    this.#continuity.ended(this.#id);
    return null;
  }
}

export function createCheckpointing(options: CheckpointingOptions): Checkpointing {
  return new SessionCheckpoint(options);
}
