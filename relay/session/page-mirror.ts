/**
 * What a page knows by now, as far as another in its place must know it: who is heard, what holds at
 * the gate, which turn is open, the last words. Learnt from what the page is told; sound is not its business.
 */
import type { RelayMessage } from '#wire';

type Of<T extends RelayMessage['type']> = Extract<RelayMessage, { type: T }>;

/** Items whose words are told again. */
const MOST_LINES = 16;

interface Line {
  words: Of<'transcript.done'> | Of<'transcript.delta'>;
  cut: Of<'item.truncated'> | null;
}

export interface PageMirror {
  told(message: RelayMessage): void;
  /** What brings a new page to where the former one was. */
  again(): RelayMessage[];
}

export function createPageMirror(): PageMirror {
  const lines = new Map<string, Line>();
  const admitted = new Map<string, Of<'lane.admit'>>();
  let provider: Of<'provider.changed'> | null = null;
  let turn: Of<'turn.started'> | null = null;
  let gate: Of<'gate.open'> | null = null;
  let pause: Of<'gate.pause'> | null = null;
  let owner: Of<'lane.owner_changed'> | null = null;
  let state: Of<'state.changed'> | null = null;

  function say(words: Line['words']): void {
    const line = lines.get(words.item);
    if (!line) {
      lines.set(words.item, { words, cut: null });
      const oldest = lines.size > MOST_LINES ? lines.keys().next().value : undefined;
      if (oldest !== undefined) lines.delete(oldest);
    } else if (words.type === 'transcript.done') line.words = words;
    else line.words = { ...line.words, text: line.words.text + words.text };
  }

  return {
    told(message) {
      switch (message.type) {
        case 'provider.changed':
          provider = message;
          return;
        case 'turn.started':
          turn = message;
          return;
        case 'turn.ended':
          if (turn?.turn === message.turn) turn = null;
          return;
        case 'gate.open':
          gate = message;
          pause = null;
          return;
        case 'gate.close':
          gate = pause = null;
          admitted.clear();
          return;
        case 'gate.pause':
          pause = message;
          return;
        case 'gate.resume':
          pause = null;
          return;
        case 'lane.admit':
          admitted.set(message.response, message);
          return;
        case 'lane.owner_changed':
          owner = message;
          return;
        case 'state.changed':
          state = message;
          return;
        case 'transcript.delta':
        case 'transcript.done':
          say(message);
          return;
        case 'item.truncated': {
          const line = lines.get(message.item);
          if (line) line.cut = message;
          return;
        }
        case 'item.deleted':
          lines.delete(message.item);
          return;
        default:
          return;
      }
    },
    again() {
      const heard = owner !== null && owner.to !== 'none' ? { ...owner, from: 'none' as const } : null;
      const words = [...lines.values()].flatMap((line) => [line.words, line.cut]);
      const all = [provider, turn, ...words, gate, ...admitted.values(), pause, heard, state];
      return all.filter((message) => message !== null);
    },
  };
}
