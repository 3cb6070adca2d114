/**
 * The provider's half of one conversation, opened when the page starts: bridge, speech, and who gets
 * to hear of what the provider says. Knows nothing of sockets and of how a conversation ends.
 */
import type { ArbiterConfig } from '#arbiter';
import type { RelayMessage } from '#wire';
import type { BridgeEvent, RealtimeBridge } from '../bridge/bridge.ts';
import type { FaultCode } from '../errors.ts';
import type { Policy } from '../policy/settings.ts';
import { instructionsWith } from '../policy/told.ts';
import type { SessionWatch } from '../telemetry/observer.ts';
import type { AgentVoice } from './agent-voice.ts';
import type { Answers } from './answers.ts';
import type { ArbiterShell, Happening } from './arbiter-shell.ts';
import { isAgentActive, momentOf } from './arbiter-view.ts';
import type { LaneC } from './lane-c.ts';
import type { PageCodec } from './page-codec.ts';
import type { Live, StartOptions } from './page.ts';
import { createProviderLoss } from './provider-loss.ts';
import { createProviderSide } from './provider-side.ts';
import type { Recording } from './recording.ts';
import type { SessionDeps, SessionSeed } from './session-deps.ts';
import { createSpeech } from './speech.ts';
import type { Tools } from './tools.ts';
import type { Turns } from './turns.ts';

/** A provider that is gone for good may still be heard for this long. */
const LAST_WORDS_MS = 15_000;

export interface OpeningOptions {
  deps: Pick<SessionDeps, 'clock' | 'openBridge' | 'onUsage'>;
  seed: Pick<SessionSeed, 'admission' | 'restored'>;
  config: ArbiterConfig;
  policy: Policy;
  shell: ArbiterShell;
  voice: AgentVoice;
  send: (message: RelayMessage) => void;
  dispatch: (event: Happening) => void;
  turns: Turns;
  tools: Tools;
  answers: Answers;
  laneC: LaneC;
  recording: Recording;
  codec: Pick<PageCodec, 'offered'>;
  watch: Pick<SessionWatch, 'dialled' | 'providerUp' | 'providerDown'>;
  bridge: () => RealtimeBridge | null;
  /** There is a bridge from now on; it has not dialled yet. */
  onBridge: (bridge: RealtimeBridge) => void;
  /** The provider is up. */
  onUp: (locale: string, bridge: RealtimeBridge) => void;
  /** The arbiter took a turn, whose words are those of `item`. */
  asked: (turn: string, item: string) => void;
  /** Something the user said could not be kept for the next connection to the provider. */
  onSpeechLost: () => void;
  endWhenQuiet: (code: FaultCode, withinMs: number) => void;
  /** Has `undo` run when the session ends. */
  atEnd: (undo: () => void) => void;
  /** After each event of the provider's. */
  afterwards: () => void;
}

/** @returns what opens it; only to be called once. */
export function createOpening(options: OpeningOptions): (start: StartOptions) => Live {
  const { deps, config, shell, voice, send, dispatch, turns, tools, answers, laneC, recording, bridge, watch } =
    options;
  const { admission, restored } = options.seed;
  const { assistant } = admission;

  function commit(item: string, utterances: string[] | undefined): void {
    const turn = turns.propose('speech');
    const effects = shell.dispatch({ type: 'turn.committed', turn, item, ...(utterances && { utterances }) });
    // An acknowledgement is taken out of the model's memory and makes no turn.
    const isNoTurn = effects.some(
      (effect) => effect.type === 'stale' || (effect.type === 'item.delete' && effect.item === item),
    );
    if (isNoTurn) {
      turns.discard(turn);
      return;
    }
    turns.announce(turn);
    options.asked(turn, item);
  }

  return ({ mode, locale = assistant.locale, tools: offered, codecs }) => {
    const own = new Set(assistant.tools.map(({ name }) => name));
    const all = [...assistant.tools, ...offered.filter(({ name }) => !own.has(name))];
    tools.declare(all);
    if (codecs) options.codec.offered(codecs);
    recording.begin(locale);
    const speech = createSpeech({
      clock: deps.clock,
      locale,
      minSpeechMs: config.INTERRUPT_MIN_SPEECH_MS,
      decisionMs: config.INTERRUPT_DECISION_MS,
      now: () => shell.now(),
      dispatch,
      run: (job) => shell.run(job),
      isAgentActive: () => isAgentActive(shell.state),
      isAgentAudible: () => voice.isAudible(),
      hasAgentSaid: (text) => voice.hasSaid(text),
      drop(item) {
        bridge()?.deleteItem(item);
        send({ type: 'item.deleted', item });
      },
      commit,
    });
    const loss = createProviderLoss({
      state: () => shell.state,
      dispatch: (event) => shell.dispatch(event),
      run: (job) => shell.run(job),
      onAgain: (turn, next) => laneC.again(turn, next),
      ...{ clock: deps.clock, turns },
    });
    const side = createProviderSide({
      send,
      dispatch,
      loss,
      speech,
      answers,
      tools,
      onUserWords: (item, text) => laneC.userSaid(item, text),
      onUsage(usage) {
        deps.onUsage?.(admission, usage);
        recording.billed(usage);
      },
      onUp() {
        const speaker = bridge();
        if (speaker) options.onUp(locale, speaker);
      },
      onSpeechLost: () => options.onSpeechLost(),
      onGone: (code) => options.endWhenQuiet(code, LAST_WORDS_MS),
    });
    const setup = {
      tenant: admission.tenant.id,
      model: assistant.model,
      voice: assistant.voice,
      instructions: instructionsWith(assistant.instructions, options.policy),
      turn: mode === 'auto' ? ('auto' as const) : ('hold' as const),
      locale,
      tools: all,
      ...(restored && { history: restored.history }),
    };
    const onEvent = (event: BridgeEvent) =>
      shell.run(() => {
        if (event.type === 'response.text') voice.said(event.item, event.delta);
        else if (event.type === 'provider.up') watch.providerUp();
        else if (event.type === 'provider.down') watch.providerDown(event.reason);
        side(event);
        options.afterwards();
      });
    const opened = deps.openBridge(setup, onEvent, () => momentOf(shell.state));
    options.onBridge(opened);
    options.atEnd(() => {
      speech.stop();
      loss.stop();
    });
    watch.dialled();
    opened.connect();
    const ask = (item: string, text: string) => {
      commit(item, undefined);
      laneC.userSaid(item, text);
    };
    return { mode, bridge: opened, speech, ask };
  };
}
