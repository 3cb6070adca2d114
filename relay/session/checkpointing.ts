/**
 * Keeps what the conversation needs to go on elsewhere: with each turn that is asked, answered and over, with
 * the user's words for it, and with each secret. Nobody waits for it. Where it is kept is the port's business.
 */
import { CLOSE, type RelayMessage } from '#wire';
import type { RealtimeBridge } from '../bridge/bridge.ts';
import type { Checkpoint, Continuity } from '../continuity/continuity.ts';
import type { SessionSeed } from './session-deps.ts';

type Start = NonNullable<Checkpoint['start']>;

export interface CheckpointingOptions {
  continuity: Continuity | undefined;
  seed: SessionSeed;
  /** Wall-clock milliseconds. */
  startedAt: number;
  epoch: () => number;
  bridge: () => RealtimeBridge | null;
  secrets: () => Pick<Checkpoint, 'secretHash' | 'formerSecretHash'>;
}

export interface Checkpointing {
  /** The conversation is under way. */
  began(start: Start): void;
  /** The arbiter took a turn; `item` has its words. */
  asked(turn: string, item: string): void;
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

  function save(): void {
    if (!continuity || !start) return;
    continuity.save({
      ...{ version: 1, session: id, tenant: admission.tenant.id, subject: admission.subject },
      origin: admission.origin ?? null,
      assistant: { id: admission.assistant.id, version: admission.assistant.version },
      ...{ start, startedAt: options.startedAt, epoch: options.epoch() },
      history: options.bridge()?.history() ?? [],
      unanswered: open?.item ?? null,
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
    told(message) {
      if (message.type === 'turn.ended') answered(message.turn);
      // Something of the answer is on its way to the ear: asked again it would be heard twice.
      else if (message.type === 'item.started' && open?.turn === message.turn) answered(message.turn);
      else if (message.type === 'transcript.done' && message.role === 'user') save();
    },
    save,
    end(closeCode) {
      if (!continuity || !start) return null;
      if (closeCode === CLOSE.drain) return continuity.left(id);
      continuity.ended(id);
      return null;
    },
  };
}
