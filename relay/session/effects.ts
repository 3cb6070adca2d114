/**
 * What the arbiter decided, done: each effect becomes a message to the page, a command to the
 * bridge, or both. No decision is made here.
 */
import type { Effect } from '#arbiter';
import type { RelayMessage } from '#wire';
import type { RealtimeBridge } from '../bridge/bridge.ts';
import type { Downlink } from './downlink.ts';
import type { Settlement } from './settlement.ts';
import type { Tools } from './tools.ts';
import type { Turns } from './turns.ts';

export interface EffectsOptions {
  send: (message: RelayMessage) => void;
  /** Null before the page has started the session. */
  bridge: () => RealtimeBridge | null;
  downlink: Downlink;
  settlement: Settlement;
  turns: Turns;
  tools: Tools;
  now: () => number;
  epoch: () => number;
  isWanted: (response: string) => boolean;
  onMetric: (name: string, value: number) => void;
  /** The clip that the page has for what the arbiter calls it; null where nothing is to be said. */
  clipOf: (name: string) => string | null;
  /** A clip of no sound is over as it begins. */
  onSilence: (play: Extract<Effect, { type: 'clip.play' }>) => void;
}

/** @returns what carries out one effect; `all` are those of the same step. */
export function createEffects(options: EffectsOptions): (effect: Effect, all: Effect[]) => void {
  const { send, bridge, downlink, settlement, turns, tools, now, isWanted } = options;
  return (effect, all) => {
    switch (effect.type) {
      case 'gate.close':
        settlement.closed();
        downlink.close(isWanted);
        downlink.setPlaying(true);
        {
          send(effect);
          return;
        }
      case 'gate.pause':
        downlink.setPlaying(false);
        {
          send(effect);
          return;
        }
      case 'gate.resume':
        settlement.released();
        send(effect);
        {
          downlink.setPlaying(true);
          return;
        }
      case 'gate.open': {
        send(effect);
        return;
      }
      case 'lane.admit':
        send(effect);
        {
          downlink.admit(effect.response, effect.epoch, effect.upToMs);
          return;
        }
      case 'clip.play': {
        const clip = options.clipOf(effect.clip);
        if (clip === null) {
          options.onSilence(effect);
          return;
        }
        if (turns.open !== null) turns.sounded(turns.open, effect.lane);
        send({ ...effect, clip });
        return;
      }
      case 'response.cancel':
        return bridge()?.cancelResponse(effect.response);
      case 'response.create':
        turns.announce(effect.turn);
        settlement.request(effect.turn);
        return;
      case 'item.truncate': {
        settlement.settle(effect.item, effect.audioEndMs);
        return;
      }
      case 'item.delete': {
        settlement.settle(effect.item, 0);
        return;
      }
      case 'input.clear':
        return bridge()?.clearAudio();
      case 'owner.changed': {
        const { from, to, cause } = effect;
        send({ type: 'lane.owner_changed', from, to, cause, epoch: options.epoch(), t: now() });
        if (from === 'B') downlink.forget((response) => !isWanted(response));
        return;
      }
      case 'turn.outcome': {
        // A refusal's clip starts in the step that ends its turn.
        const clip = all.find((one) => one.type === 'clip.play');
        if (clip && options.clipOf(clip.clip) !== null) turns.sounded(effect.turn, clip.lane);
        turns.end(effect.turn, effect.outcome);
        tools.turnEnded(effect.turn);
        return;
      }
      case 'metric': {
        options.onMetric(effect.name, effect.value);
        return;
      }
      case 'audit':
      case 'stale':
        return;
      default:
        return effect satisfies never;
    }
  };
}
