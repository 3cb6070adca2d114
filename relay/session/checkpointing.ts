/**
 * Keeps what the conversation needs to go on elsewhere: with each turn that is asked, answered and over, while
 * an answer is heard, with the user's words, and with each secret. Of an answer only what was heard counts. Nobody waits for it. Where it is kept is the port's business.
 */
import type { ArbiterEvent, State } from '#arbiter';
import { CLOSE, type RelayMessage } from '#wire';
import type { RealtimeBridge } from '../bridge/bridge.ts';
import type { Checkpoint, Continuity } from '../continuity/continuity.ts';
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

export function createCheckpointing(options: CheckpointingOptions): Checkpointing {
  const { continuity, seed } = options;
  const { admission, id } = seed;
  let start: Start | null = null;
  let open: { turn: string; item: string } | null = null;
  /** How much of which item was heard when it was kept last. */
  let kept = { item: '', ms: 0 };

  /** Of an item that is still being heard; undefined where that is settled. */
  function heardMs(id: string): number | undefined {
    const item = options.state().items.find((one) => one.id === id);
    return item?.fate === 'live' ? item.playedMs : undefined;
  }

  function save(): void {
    if (!continuity || !start) return;
    continuity.save({
      ...{ version: 1, session: id, tenant: admission.tenant.id, subject: admission.subject },
      origin: admission.origin ?? null,
      assistant: { id: admission.assistant.id, version: admission.assistant.version },
      ...{ start, startedAt: options.startedAt, epoch: options.state().epoch },
      history: options.bridge()?.history(heardMs) ?? [],
      ...{ unanswered: open?.item ?? null, said: options.said() },
      ...options.secrets(),
    });
  }

  function answered(turn: string): void {
    if (open?.turn === turn) open = null;
    save();
  }

  return {
    began(how) {
      start = how;
      continuity?.began(id);
      save();
    },
    asked(turn, item) {
      open = { turn, item };
      save();
    },
    step(event) {
      if (event.type !== 'playout') return;
      const { item, playedMs } = event;
      if (item === kept.item && playedMs < kept.ms + HEARD_STEP_MS) return;
      kept = { item, ms: playedMs };
      save();
    },
    told(message) {
      if (message.type === 'turn.ended') answered(message.turn);
      // Something of the answer is on its way to the ear: asked again it would be heard twice.
      else if (message.type === 'item.started' && open?.turn === message.turn) answered(message.turn);
      else if (message.type === 'transcript.done' || message.type === 'item.truncated') save();
    },
    save,
    end(closeCode) {
      if (!continuity || !start) return null;
      // Whom there is no room for here may go on elsewhere, or later.
      if (closeCode === CLOSE.drain || closeCode === CLOSE.busy) return continuity.left(id);
      continuity.ended(id);
      return null;
    },
  };
}
