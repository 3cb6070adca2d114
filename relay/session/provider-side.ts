/** What the provider says, one event after the other, brought to whom it concerns. */
import type { RelayMessage } from '#wire';
import type { BridgeEvent, BridgeUsage } from '../bridge/bridge.ts';
import type { FaultCode } from '../errors.ts';
import type { Answers } from './answers.ts';
import type { Happening } from './arbiter-shell.ts';
import type { ProviderLoss } from './provider-loss.ts';
import type { Speech } from './speech.ts';
import type { Tools } from './tools.ts';

/** Reasons of a provider that will say the same to everybody until an operator acts. */
const REFUSED = /api_key|organization|account|model|quota|billing|invalid_request|beta_api|setup-refused|^http-4/;
/** User items whose words are being collected. */
const MOST_ITEMS = 32;

export interface ProviderSideOptions {
  send: (message: RelayMessage) => void;
  dispatch: (event: Happening) => void;
  speech: Speech;
  answers: Answers;
  tools: Tools;
  /** Tells the arbiter of the provider's coming and going. */
  loss: Pick<ProviderLoss, 'up' | 'down'>;
  /** All words of a user item are known; empty when nobody could write them down. */
  onUserWords: (item: string, text: string) => void;
  /** So many milliseconds of what the user said are lost for good. */
  onSpeechLost?: (ms: number) => void;
  onUsage: (usage: BridgeUsage) => void;
  onUp: () => void;
  /** The bridge has given up. */
  onGone: (code: FaultCode) => void;
}

/** @returns the receiver of the bridge's events. */
export function createProviderSide(options: ProviderSideOptions): (event: BridgeEvent) => void {
  const { send, dispatch, speech, answers, tools } = options;
  const heard = new Map<string, string>();

  function words(item: string, text: string): string {
    const all = (heard.get(item) ?? '') + text;
    heard.set(item, all);
    const oldest = heard.size > MOST_ITEMS ? heard.keys().next().value : undefined;
    if (oldest !== undefined) heard.delete(oldest);
    return all;
  }

  return (event) => {
    switch (event.type) {
      case 'provider.up':
        send({ type: 'provider.changed', up: true });
        options.loss.up(event.generation);
        options.onUp();
        return;
      case 'provider.down': {
        send({ type: 'provider.changed', up: false });
        options.loss.down(event.generation, event.fatal);
        answers.lost();
        speech.providerLost();
        if (event.fatal) options.onGone(REFUSED.test(event.reason) ? 'upstream-refused' : 'upstream-lost');
        return;
      }
      case 'speech.started': {
        speech.providerStarted(event.item, event.atMs);
        return;
      }
      case 'speech.stopped': {
        speech.providerStopped(event.item, event.atMs);
        return;
      }
      case 'input.committed': {
        speech.committed(event.item);
        return;
      }
      case 'input.cleared':
        return;
      case 'input.transcript.delta':
        send({ type: 'transcript.delta', item: event.item, role: 'user', text: event.text });
        {
          speech.words(event.item, words(event.item, event.text), false);
          return;
        }
      case 'input.transcript.done':
        heard.delete(event.item);
        send({ type: 'transcript.done', item: event.item, role: 'user', text: event.text });
        {
          speech.words(event.item, event.text, true);
          options.onUserWords(event.item, event.text);
          return;
        }
      case 'response.created': {
        answers.created(event.response, event.turn);
        return;
      }
      case 'response.text': {
        answers.text(event.response, event.item, event.delta);
        return;
      }
      case 'response.text.done': {
        answers.textDone(event.response, event.item, event.text);
        return;
      }
      case 'response.audio': {
        answers.sound(event.response, event.item, event.samples);
        return;
      }
      case 'response.generated': {
        answers.generated(event.response, event.text);
        return;
      }
      case 'response.done': {
        answers.done(event.response, event.status);
        return;
      }
      case 'response.error':
        // An error that names neither concerns no request of the arbiter's.
        if (event.response === undefined && event.turn === undefined) return;
        {
          dispatch({
            type: 'response.error',
            code: event.code,
            ...(event.response === undefined ? {} : { response: event.response }),
          });
          return;
        }
      case 'tool.called': {
        const { call, name, arguments: args } = event;
        tools.called({ call, name, arguments: args, turn: answers.turnOf(event.response) });
        return;
      }
      case 'speech.lost': {
        options.onSpeechLost?.(event.ms);
        return;
      }
      case 'usage': {
        options.onUsage(event.usage);
        return;
      }
      default:
        return event satisfies never;
    }
  };
}
