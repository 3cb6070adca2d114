/**
 * What one conversation holds, told to the budget that all share, and the page held up while the
 * provider takes nothing. Joins the parts that hold something; each has its own bound.
 */
import type { RealtimeBridge } from '../bridge/bridge.ts';
import type { Clock } from '../clock.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { Downlink } from './downlink.ts';
import type { Line } from './line.ts';
import { createPageHold } from './page-hold.ts';
import type { Uplink } from './uplink.ts';

export interface Holding {
  /** After whatever may have changed what is held. */
  look(): void;
  /** The conversation has ended. */
  stop(): void;
}

export interface HoldingOptions {
  clock: Clock;
  line: Pick<Line, 'heldBytes' | 'pause' | 'goOn'>;
  downlink: Pick<Downlink, 'heldBytes'>;
  uplink: Pick<Uplink, 'wasHeld'>;
  bridge: () => Pick<RealtimeBridge, 'heldBytes' | 'isFull'> | null;
  budget: ByteBudget | undefined;
  /** Ends the conversation for want of room. */
  shed: () => void;
}

export function createHolding(options: HoldingOptions): Holding {
  const { clock, line, downlink, uplink, bridge } = options;
  const account = options.budget?.open(options.shed);
  const hold = createPageHold({
    isFull: () => bridge()?.isFull === true,
    onHeld: (ms) => uplink.wasHeld(ms),
    ...{ clock, line },
  });
  return {
    look() {
      hold.look();
      account?.hold(line.heldBytes + downlink.heldBytes + (bridge()?.heldBytes ?? 0));
    },
    stop() {
      hold.stop();
      account?.close();
    },
  };
}
