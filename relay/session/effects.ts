/**
 * What the arbiter decided, done: each effect becomes a message to the page, a command to the
 * bridge, or both. No decision is made here.
 */
import type { Effect } from '#arbiter';
import type { RelayMessage } from '#wire';
import type { RealtimeBridge } from '../bridge/bridge.ts';
import type { Downlink } from './downlink.ts';
import type { Tools } from './tools.ts';
import type { Turns } from './turns.ts';

export interface EffectsOptions {
  send(message: RelayMessage): void;
  /** Null before the page has started the session. */
  bridge(): RealtimeBridge | null;
  downlink: Downlink;
  turns: Turns;
  tools: Tools;
  now(): number;
  epoch(): number;
  isWanted(response: string): boolean;
  onMetric(name: string, value: number): void;
}

/** @returns what carries out one effect; `all` are those of the same step. */
export function createEffects(options: EffectsOptions): (effect: Effect, all: Effect[]) => void {
  const { send, bridge, downlink, turns, tools, now, isWanted } = options;
  return (effect, all) => {
    switch (effect.type) {
      case 'gate.close':
        downlink.close(isWanted);
        downlink.setPlaying(true);
        return send(effect);
      case 'gate.pause':
        downlink.setPlaying(false);
        return send(effect);
      case 'gate.resume':
        send(effect);
        return downlink.setPlaying(true);
      case 'gate.open':
        return send(effect);
      case 'lane.admit':
        send(effect);
        return downlink.admit(effect.response, effect.epoch, effect.upToMs);
      case 'clip.play':
        if (turns.open !== null) turns.sounded(turns.open, effect.lane);
        return send(effect);
      case 'response.cancel':
        return bridge()?.cancelResponse(effect.response);
      case 'response.create':
        turns.announce(effect.turn);
        return bridge()?.createResponse(effect.turn);
      case 'item.truncate':
        bridge()?.truncateItem(effect.item, effect.audioEndMs);
        return send({ type: 'item.truncated', item: effect.item, heardMs: effect.audioEndMs });
      case 'item.delete':
        bridge()?.deleteItem(effect.item);
        return send({ type: 'item.deleted', item: effect.item });
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
        if (clip) turns.sounded(effect.turn, clip.lane);
        turns.end(effect.turn, effect.outcome);
        return tools.turnEnded(effect.turn);
      }
      case 'metric':
        return options.onMetric(effect.name, effect.value);
      case 'audit':
      case 'stale':
        return;
      default:
        return effect satisfies never;
    }
  };
}
