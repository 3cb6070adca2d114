/** A bridge that does what a test says and remembers what it was told; it reaches no provider. */
import type { BridgeEvent, BridgeSetup, OpenBridge, RealtimeBridge } from '../../bridge/bridge.ts';

/** One command as the bridge got it. */
export type Command =
  | { is: 'connect' }
  | { is: 'append'; samples: number }
  | { is: 'commit' }
  | { is: 'clear' }
  | { is: 'user-text'; text: string; item: string }
  | { is: 'context'; text: string }
  | { is: 'output'; call: string; output: string }
  | { is: 'create'; turn: string }
  | { is: 'cancel'; response: string }
  | { is: 'truncate'; item: string; audioEndMs: number }
  | { is: 'delete'; item: string }
  | { is: 'close' };

export interface ScriptedBridge extends RealtimeBridge {
  readonly setup: BridgeSetup;
  readonly commands: Command[];
  readonly isClosed: boolean;
  /** What the user said since the last commit, in samples. */
  readonly heard: number;
  /** Says something as the provider would; nothing after the bridge was closed. */
  emit(...events: BridgeEvent[]): void;
}

export interface ScriptedProvider {
  open: OpenBridge;
  /** Every bridge that was opened, newest last. */
  readonly bridges: ScriptedBridge[];
  readonly bridge: ScriptedBridge;
}

/** Samples of a push-to-talk turn that are too few. */
const TOO_FEW = 2_400;

export function scriptedProvider(options: { render?: (text: string) => Promise<Int16Array> } = {}): ScriptedProvider {
  const bridges: ScriptedBridge[] = [];
  const open: OpenBridge = (setup, onEvent) => {
    const commands: Command[] = [];
    let isClosed = false;
    let heard = 0;
    let items = 0;
    const tell = (command: Command) => void commands.push(command);
    const bridge: ScriptedBridge = {
      setup,
      commands,
      get isClosed() {
        return isClosed;
      },
      get heard() {
        return heard;
      },
      emit(...events) {
        for (const event of events) if (!isClosed) onEvent(event);
      },
      connect: () => tell({ is: 'connect' }),
      appendAudio(samples) {
        heard += samples.length;
        tell({ is: 'append', samples: samples.length });
      },
      commitAudio() {
        if (heard < TOO_FEW) return false;
        heard = 0;
        tell({ is: 'commit' });
        return true;
      },
      clearAudio() {
        heard = 0;
        tell({ is: 'clear' });
      },
      addUserText(text) {
        items += 1;
        const item = `text_${items}`;
        tell({ is: 'user-text', text, item });
        return item;
      },
      addContext: (text) => tell({ is: 'context', text }),
      addToolOutput: (call, output) => tell({ is: 'output', call, output }),
      createResponse: (turn) => tell({ is: 'create', turn }),
      cancelResponse: (response) => tell({ is: 'cancel', response }),
      truncateItem: (item, audioEndMs) => tell({ is: 'truncate', item, audioEndMs }),
      deleteItem: (item) => tell({ is: 'delete', item }),
      renderSpeech: (text) => options.render?.(text) ?? Promise.reject(new Error('no voice')),
      history: () => setup.history ?? [],
      close() {
        isClosed = true;
        tell({ is: 'close' });
      },
    };
    bridges.push(bridge);
    return bridge;
  };
  return {
    open,
    bridges,
    get bridge() {
      const last = bridges.at(-1);
      if (!last) throw new Error('no bridge was opened');
      return last;
    },
  };
}
