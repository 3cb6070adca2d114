/**
 * One conversation: the only place where socket, arbiter, bridge and policy meet. It reads in the
 * order of sound: from the page to the provider, and back through the gates to the page. What is
 * decided is decided by the arbiter; what is measured is measured by the files beside this one.
 */
import type { WebSocket } from 'ws';
import { stateName, type ArbiterConfig } from '#arbiter';
import { CLOSE, CLOSE_NORMAL, type RelayMessage } from '#wire';
import { createAuditLog } from '../audit/audit.ts';
import type { RealtimeBridge } from '../bridge/bridge.ts';
import type { Checkpoint } from '../continuity/continuity.ts';
import type { FaultCode } from '../errors.ts';
import { completePolicy } from '../policy/settings.ts';
import { createAgentVoice } from './agent-voice.ts';
import { createAskAgain } from './ask-again.ts';
import { createAnswers } from './answers.ts';
import { createArbiterShell, type Happening } from './arbiter-shell.ts';
import { isPaused, isQuiet, isWanted } from './arbiter-view.ts';
import { createBudgetEnd } from './budget-end.ts';
import { createCheckpointing } from './checkpointing.ts';
import { createClipSender } from './clip-sender.ts';
import { createComingBack } from './coming-back.ts';
import { createControlClips } from './control-clips.ts';
import { createDownlink } from './downlink.ts';
import { createEffects } from './effects.ts';
import { endingFor } from './ending-words.ts';
import { createEscalations } from './escalations.ts';
import { createLaneC } from './lane-c.ts';
import { createIntake } from './intake.ts';
import { createHolding } from './holding.ts';
import { createLine } from './line.ts';
import { createOpening } from './opening.ts';
import { createPageCodec } from './page-codec.ts';
import { createPageMirror } from './page-mirror.ts';
import { createPage } from './page.ts';
import { createRecording } from './recording.ts';
import { createRenewal } from './renewal.ts';
import { createReflexClips } from './reflex-clips.ts';
import type { Drainable } from './registry.ts';
import type { ResumeOffer } from './resume-offer.ts';
import { COME_BACK_MS, RESUME_WINDOW_MS, type SessionDeps, type SessionSeed } from './session-deps.ts';
import { createSessionEnd } from './session-end.ts';
import { createSessionLog } from './session-log.ts';
import { createSettlement } from './settlement.ts';
import { createTools } from './tools.ts';
import { createTurns } from './turns.ts';
import { createUplink } from './uplink.ts';
import { createVoiceClips } from './voice-clips.ts';
import { createWatching } from './watching.ts';

export interface Session extends Drainable {
  /** Whether the secret of this digest opens its next connection. */
  isOpenedBy(digest: Buffer): boolean;
  /**
   * Its page is back over this socket: who may is decided, and the secret is the right one.
   *
   * @param tokenEndsAt - Wall-clock milliseconds.
   * @returns false when the session has ended meanwhile; the socket is not touched then.
   */
  resume(socket: WebSocket, offer: ResumeOffer, tokenEndsAt: number): boolean;
  /** Another instance goes on with it. */
  taken(): void;
}

/** Speech shorter than this may have had no word in it. */
const LOST_WORDS_MS = 300;

/**
 * Starts the conversation on an admitted, open socket; everything it holds is let go when it ends. What is spread into an
 * object stands last in it: V8 gives one that goes on behind a spread a shape of its own, as large as the object again.
 */
export function createSession(deps: SessionDeps, socket: WebSocket, seed: SessionSeed): Session {
  const { clock, random = Math.random } = deps;
  const { admission } = seed;
  const { assistant, limits } = admission;
  const policy = completePolicy(assistant.policy);
  const config: ArbiterConfig = { ...deps.config, ...assistant.lanes };
  const log = createSessionLog(deps.log, seed);
  const abort = new AbortController();
  const ageMs = seed.restored ? Math.max(0, clock.wallNow() - seed.restored.startedAt) : 0;
  const startedAt = clock.wallNow() - ageMs;
  let written = Promise.resolve();
  let bridge: RealtimeBridge | null = null;
  let state = '';

  // To the page.
  const line = createLine({
    clock,
    heartbeatMs: deps.limits.heartbeatMs,
    onData: (bytes, isBinary) => shell.run(() => takeIn(bytes, isBinary)),
    onDown: (isFinal) => shell.run(() => comingBack.down(isFinal)),
  });
  const outlet = createPageCodec(line, (error) => log.warn('a page goes on without Opus', { error }));
  const mirror = createPageMirror();
  const send = (message: RelayMessage) => {
    outlet.message(message);
    mirror.told(message);
    recording.told(message);
    checkpoint.told(message);
    watch.told(message);
    log.told(message);
  };
  const audit = createAuditLog({
    head: { session: seed.id, startedAt, config },
    part: seed.restored?.epoch,
    dir: deps.auditDir,
    onProblem: (error) => log.warn('the audit file cannot be written', { error }),
  });

  // The arbiter and what carries out its effects.
  const voice = createAgentVoice(() => shell.now());
  const shell = createArbiterShell({
    onStep(event, effects, before) {
      audit.record(event, effects);
      recording.step(event, effects);
      checkpoint.step(event);
      watch.step(event, effects, before);
      if (event.type === 'playout' && downlink.leadMs !== null) watch.lead(downlink.leadMs);
    },
    perform(effect, all) {
      if (!again.takes(effect) && !ending.takes(effect)) perform(effect, all);
      if (effect.type === 'response.cancel') watch.cancelled();
    },
    afterStep: (event, effects) => {
      voice.stepped(shell.state);
      for (const effect of effects) if (effect.type === 'clip.play') reflexes.played(effect.clip);
      const name = stateName(shell.state);
      if (name === state) return;
      state = name;
      const owner = effects.find((effect) => effect.type === 'owner.changed');
      send({ type: 'state.changed', state: name, cause: owner?.cause ?? event.type, t: shell.now() });
    },
    onFault: (error) => {
      log.error('a session failed', { error });
      end.finish(CLOSE['upstream-lost']);
    },
    ...{ clock, config, ageMs },
  });
  const dispatch = (event: Happening) => void shell.dispatch(event);
  const end = createSessionEnd({
    comeBackMs: () => Math.floor(random() * (deps.limits.comeBackMs ?? COME_BACK_MS)),
    run: (job) => shell.run(job),
    isQuiet: () => !line.isUp || isQuiet(shell.state),
    ...{ clock, send, letGo },
  });
  const wanted = (response: string) => isWanted(shell.state, response);
  const turns = createTurns(() => shell.now(), send, seed.restored && `turn_${seed.restored.epoch}_`);
  const settlement = createSettlement({
    clock,
    run: (job) => shell.run(job),
    receivedMs: (item) => shell.state.items.find(({ id }) => id === item)?.receivedMs ?? Infinity,
    truncate(item, audioEndMs) {
      bridge?.truncateItem(item, audioEndMs);
      send({ type: 'item.truncated', item, heardMs: audioEndMs });
    },
    remove(item) {
      bridge?.deleteItem(item);
      send({ type: 'item.deleted', item });
    },
    request: (turn) => bridge?.createResponse(turn),
  });
  const downlink = createDownlink({
    clock,
    message(message) {
      if (message.type === 'item.started') settlement.began(message.item);
      send(message);
    },
    frame: (frame) => outlet.frame(frame),
    onFirstSent: (turn) => turns.sounded(turn, 'B'),
  });
  const tools = createTools({
    send,
    output: (call, output) => bridge?.addToolOutput(call, output),
    started: (call) => dispatch({ type: 'tool.started', call }),
    ended: (call) => dispatch({ type: 'tool.ended', call }),
  });
  const controls = createControlClips(policy.handover, endingFor(assistant.locale));
  const recording = createRecording({
    state: () => shell.state,
    now: () => shell.now(),
    onUsedUp: () => shell.run(() => ending.usedUp()),
    isRewrite: (turn) => turns.isInstead(turn),
    ...{ deps, seed, policy },
  });
  const ending = createBudgetEnd({
    mayAnswer: () => recording.mayAnswer(),
    state: () => shell.state,
    dispatch: (event) => shell.dispatch(event),
    run: (job) => shell.run(job),
    endWithin: (ms) => end.whenQuiet('quota-used-up', ms),
    later: (ms, job) => end.onEnd(clock.wakeAt(clock.now() + ms, () => shell.run(job))),
    ...{ turns, controls },
  });
  const again = createAskAgain({
    dispatch: (event) => shell.dispatch(event),
    run: (job) => shell.run(job),
    ...{ turns, controls },
  });
  const reflexes = createReflexClips((event) => shell.run(() => dispatch(event)));
  const onMetric = deps.onMetric ?? (() => undefined);
  const perform = createEffects({
    send,
    bridge: () => bridge,
    downlink,
    settlement,
    turns,
    tools,
    now: () => shell.now(),
    epoch: () => shell.state.epoch,
    isWanted: wanted,
    onMetric,
    clipOf: (name) => reflexes.clipOf(name) ?? controls.clipOf(name),
    onSilence: ({ epoch, clip }) => shell.run(() => dispatch({ type: 'clip.ended', epoch, clip })),
  });
  const laneC = createLaneC({
    state: () => shell.state,
    dispatch: (event) => shell.dispatch(event),
    run: (job) => shell.run(job),
    bridge: () => bridge,
    onRuling: (response, ruling) => answers.rule(response, ruling),
    stop: (response) => answers.stop(response),
    onEscalation: createEscalations(deps, seed, log),
    ...{
      policy,
      moderator: recording.counted(deps.moderator),
      config,
      clock,
      signal: abort.signal,
      send,
      turns,
      controls,
      onMetric,
    },
  });
  const answers = createAnswers({
    policy: laneC.output,
    isStrict: config.POLICY_MODE === 'strict',
    downlink,
    send,
    dispatch,
    isWanted: wanted,
    cancel: (response) => bridge?.cancelResponse(response),
    isHeld: (turn) => laneC.isHeld(turn),
    onCreated: (response, turn) => laneC.created(response, turn),
    onViolation: (response, turn, violation) => laneC.violated(response, turn, violation),
    onGenerated: (response, turn, text) => laneC.generated(response, turn, text),
  });

  // Up: from the page to the provider.
  const renew = createRenewal({ clock, send, renew: (token) => seed.renew(token), isOver: () => end.isOver });
  const page = createPage({
    send,
    dispatch,
    gate: () => ({ epoch: shell.state.epoch, isPaused: isPaused(shell.state) }),
    downlink,
    settlement,
    turns,
    tools,
    pageTools: assistant.pageTools,
    start(options) {
      const live = openProvider(options);
      const { mode, locale = assistant.locale, tools: offered, codecs } = options;
      checkpoint.began({ mode, locale, tools: offered, ...(codecs && { codecs }) });
      return live;
    },
    renew: (token) => void renew(token),
    clipName: (clip) => controls.nameOf(reflexes.nameOf(clip)),
    onTyped(turn, item, text) {
      asked(turn, item);
      laneC.userSaid(item, text);
    },
    end: () => end.finish(CLOSE_NORMAL),
    askAgain: () => again.ask(),
    refuse: (code, at) => refuse(code, at),
  });

  const uplink = createUplink(clock, outlet, line.received);
  const takeIn = createIntake({
    maxMessageBytes: deps.limits.maxMessageBytes,
    arrived: () => comingBack.arrived(),
    tookIn: () => holding.look(),
    ...{ line, page, afterwards, refuse, uplink },
  });

  const watch = createWatching({ deps, seed, log, line, downlink, bridge: () => bridge });

  // What waits here of both, and for how long the page is not read from.
  const holding = createHolding({
    bridge: () => bridge,
    shed: () => shell.run(() => end.close('busy')),
    ...{ clock, line, downlink, uplink, budget: deps.budget },
  });

  // Down: from the provider to the page.
  const openProvider = createOpening({
    codec: outlet,
    watch,
    asked,
    bridge: () => bridge,
    onBridge: (opened) => (bridge = opened),
    onUp: (locale, speaker) => voiceClips.render(locale, speaker),
    onSpeechLost() {
      page.loseSpeech();
      again.ask();
    },
    endWhenQuiet: (code, withinMs) => end.whenQuiet(code, withinMs),
    atEnd: (undo) => end.onEnd(undo),
    afterwards,
    ...{ deps, seed, config, policy, shell, voice, send, dispatch, turns, tools, answers, laneC, recording },
  });

  function asked(turn: string, item: string): void {
    again.settled();
    recording.asked(turn, item);
    laneC.asked(turn, item);
    checkpoint.asked(turn, item);
  }

  const clips = createClipSender(outlet, (clip) => {
    if (clip.kind === 'reflex') reflexes.ready(clip);
    else {
      dispatch(controls.ready(clip));
      again.ready();
    }
  });
  const isLaneA = config.LANE_A_ENABLED;
  const voiceClips = createVoiceClips({
    onClip: (clip) =>
      shell.run(() => {
        if (isLaneA || clip.kind !== 'reflex') clips.send(clip);
      }),
    ...{ clips: deps.clips, assistant, policy, recording, signal: abort.signal },
  });

  // The end.
  function refuse(code: FaultCode, at: string): void {
    log.info('a page was refused', { code, at });
    end.close(code);
  }

  // The page's connections.
  const comingBack = createComingBack({
    windowMs: deps.limits.resumeWindowMs ?? RESUME_WINDOW_MS,
    state: () => shell.state,
    run: (job) => shell.run(job),
    isStarted: () => page.live !== null,
    dropPage,
    onAway: () => {
      log.info('a page is away');
      afterwards();
    },
    onBack: (kept) => {
      log.info('a page is back');
      watch.resumed(kept);
    },
    onSecret: () => checkpoint.save(),
    onLost: () => end.finish(CLOSE_NORMAL),
    ...{ clock, seed, config, line, codec: outlet, clips, mirror, downlink, dispatch },
  });

  const checkpoint = createCheckpointing({
    state: () => shell.state,
    secrets: () => comingBack.secrets,
    ...{ continuity: deps.continuity, seed, startedAt },
    ...{ bridge: () => bridge, said: () => page.said },
  });

  /** The conversation began elsewhere: its memory is told to a new provider, and its open question asked again. */
  function restore({ start, history, unanswered, said = 0 }: Checkpoint): void {
    if (start === null) return;
    // A page that was loaded anew counts anew.
    const live = page.restore({ codecs: undefined, ...start }, seed.offer?.point ? said : 0);
    if (unanswered === null) return;
    const question = history.find((entry) => entry.id === unanswered);
    if (question?.is === 'user' && question.text !== '') live.ask(question.id, question.text);
    // Its words were not known yet, and its sound is gone.
    else again.ask();
  }

  function dropPage(isNewPage: boolean): void {
    tools.pageGone();
    const lostMs = page.loseSpeech();
    if (!isNewPage) return;
    page.said = 0;
    dispatch({ type: 'device.resumed' });
    if (lostMs >= LOST_WORDS_MS) again.ask();
  }

  /** After each message and provider event: whether a session that is to end may. */
  function afterwards(): void {
    ending.afterwards();
    end.afterwards();
    holding.look();
  }

  function letGo(code: number): void {
    try {
      dispatch({ type: 'session.ended' });
    } catch (error) {
      log.error('a session could not end in order', { error });
    } finally {
      shell.stop();
      outlet.stop();
      downlink.stop();
      abort.abort();
      laneC.close();
      settlement.flush();
      recording.end(code);
      watch.ended(code);
      bridge?.close();
      written = audit.close();
      admission.release();
      const free = checkpoint.end(code);
      // The page is sent away when it can go on elsewhere.
      if (free === null) line.close(code);
      else void free.catch(() => undefined).then(() => line.close(code));
      log.info('session ended', { closeCode: code, ms: shell.now() });
    }
  }

  const ended = line.closed.then(() => written);
  end.onEnd(
    () => comingBack.stop(),
    () => holding.stop(),
    clock.wakeAt(clock.now() + limits.longestSessionMs - ageMs, () => shell.run(() => end.close('longest-session'))),
  );
  shell.run(() => {
    comingBack.greet(socket);
    if (isLaneA) for (const clip of deps.clips.wordless(assistant.voice)) clips.send(clip);
    if (seed.restored) restore(seed.restored);
  });
  log.info('session started');

  return {
    id: seed.id,
    ended,
    glance: () => ({
      ...{ state: stateName(shell.state), since: startedAt, isProviderUp: shell.state.provider.is === 'up' },
    }),
    isOpenedBy: (digest) => !end.isOver && comingBack.isOpenedBy(digest),
    resume(back, offer, tokenEndsAt) {
      if (end.isOver) return false;
      shell.run(() => comingBack.resume(back, offer, tokenEndsAt));
      return true;
    },
    taken: () => shell.run(() => end.finish(CLOSE.moved)),
    drain: () => shell.run(() => end.whenQuiet('draining', null)),
    drainNow: () => shell.run(() => end.close('draining')),
    end: (code) => shell.run(() => end.close(code)),
  };
}
