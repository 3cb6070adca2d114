/** The whole engine in a live context: a scripted microphone in, the output recorded sample by sample. */
import { expect } from '@esm-bundle/chai';
import { CLIP_EPOCH, FLAG_LAST, FRAME_SAMPLES } from '#wire';
import type { AudioEngine, AudioEvent } from './audio-engine.ts';
import { openAudio } from './open-audio.ts';
import { scriptMicrophone, type ScriptedMicrophone } from './testing/scripted-microphone.ts';
import { join, noise, silence, toInt16, tone, voice } from './testing/sounds.ts';

const WORKLET = new URL('./worklet.ts?worklet=file', import.meta.url).href;

type Event<T extends AudioEvent['type']> = Extract<AudioEvent, { type: T }>;

interface Opened {
  engine: AudioEngine;
  events: AudioEvent[];
  abort: AbortController;
  /** The next event of this type that fits, also one that came already. */
  event<T extends AudioEvent['type']>(type: T, fits?: (event: Event<T>) => boolean): Promise<Event<T>>;
}

const opened: Opened[] = [];
let microphone: ScriptedMicrophone;

async function open(options: { withoutMicrophone?: boolean; workletUrls?: string[] } = {}): Promise<Opened> {
  const events: AudioEvent[] = [];
  const waiting: (() => void)[] = [];
  const abort = new AbortController();
  const engine = await openAudio({
    signal: abort.signal,
    workletUrls: [WORKLET],
    onEvent(event) {
      events.push(event);
      for (const look of waiting) look();
    },
    ...options,
  });
  const one: Opened = {
    engine,
    events,
    abort,
    event<T extends AudioEvent['type']>(type: T, fits: (event: Event<T>) => boolean = () => true) {
      return new Promise<Event<T>>((resolve) => {
        const look = () => {
          const found = events.find((event): event is Event<T> => event.type === type && fits(event as Event<T>));
          if (found) resolve(found);
        };
        waiting.push(look);
        look();
      });
    },
  };
  opened.push(one);
  return one;
}

/** Sends an answer as the relay would: announced, admitted, in frames of 100 ms. */
function answer(engine: AudioEngine, samples: Float32Array, epoch = 1, item = 'i1'): void {
  engine.command({ type: 'item.started', item, response: 'r1', turn: 't1', epoch, lane: 'B', fromMs: 0 });
  engine.command({ type: 'gate.open', epoch, lane: 'B' });
  engine.command({ type: 'lane.admit', epoch, response: 'r1' });
  const pcm = toInt16(samples);
  for (let at = 0, seq = 0; at < pcm.length; at += 2400, seq++) {
    const flags = at + 2400 >= pcm.length ? FLAG_LAST : 0;
    engine.play({ epoch, seq, lane: 'B', flags, samples: pcm.slice(at, at + 2400) });
  }
}

const knobs = { echoLevelDb: -45, echoGuardMs: 0, transitionGapMs: 10, epoch: 1 };

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until) Math.sqrt(until);
}

describe('the audio engine', () => {
  beforeEach(() => {
    microphone = scriptMicrophone();
  });

  afterEach(async () => {
    for (const one of opened.splice(0)) one.abort.abort();
    await microphone.remove();
  });

  it('gives the microphone in batches of 100 ms while nobody speaks and in frames of 20 ms while somebody does', async () => {
    const call = await open();
    await call.event('mic.frame');
    await microphone.say(join(silence(400), voice(900, 0.4), silence(500)));
    await call.event('offset');
    const frames = call.events.filter((event) => event.type === 'mic.frame');
    expect(frames[0]?.samples.length).to.equal(2400);
    const spoken = frames.filter((frame) => frame.speaking);
    expect(spoken.length).to.be.greaterThan(40);
    expect(spoken.slice(3).every((frame) => frame.samples.length === FRAME_SAMPLES)).to.equal(true);
    const onset = await call.event('onset');
    expect(onset).to.include({ utterance: 'w1', paused: false });
    expect((await call.event('offset')).utterance).to.equal('w1');
  });

  it('plays an answer to its end and counts what was heard', async () => {
    const call = await open();
    call.engine.configure(knobs);
    answer(call.engine, tone(440, 700, 0.4));
    const output = new Float32Array(512);
    await call.event('playout');
    call.engine.waveform(new Float32Array(512), output);
    expect(Math.max(...output)).to.be.greaterThan(0.3);
    expect(call.engine.levels.out).to.be.greaterThan(0.2);
    expect(await call.event('drained')).to.deep.equal({ type: 'drained', epoch: 1, item: 'i1' });
    const playout = call.events.filter((event) => event.type === 'playout');
    expect(playout.at(-1)).to.include({ item: 'i1', playedMs: 700 });
    expect(playout.length).to.be.within(5, 10);
  });

  it('pauses within 25 ms of the decision although the main thread is blocked, and resumes where it was', async () => {
    const call = await open();
    call.engine.configure(knobs);
    await call.event('mic.frame');
    answer(call.engine, tone(330, 6000, 0.05));
    await call.event('playout', (event) => event.playedMs > 300);
    const saying = microphone.say(join(silence(100), voice(600, 0.5)));
    block(500);
    const onset = await call.event('onset');
    expect(onset.paused).to.equal(true);
    const silent = await call.event('playout', (event) => event.silentAtFrame !== undefined);
    const { decidedAtFrame = 0 } = onset.timing ?? {};
    const lateMs = (((silent.silentAtFrame ?? 0) - decidedAtFrame) * 1000) / call.engine.context.sampleRate;
    expect(lateMs).to.be.within(0, 25);
    await saying;
    const held = call.events.filter((event) => event.type === 'playout').at(-1)?.playedMs ?? 0;
    await call.event('offset');
    call.engine.command({ type: 'gate.resume', epoch: 1, rewindMs: 120 });
    const on = await call.event('playout', (event) => event.playedMs > held + 50);
    expect(on.playedMs).to.be.below(held + 250);
  });

  it('plays a clip from memory and lets the answer follow it', async () => {
    const call = await open({ withoutMicrophone: true });
    call.engine.configure(knobs);
    call.engine.command({ type: 'clip.added', clip: 'mm', kind: 'reflex', ms: 300, affirmative: false });
    const clip = toInt16(tone(500, 300, 0.3));
    call.engine.play({ epoch: CLIP_EPOCH, seq: 0, lane: 'A', flags: 0, samples: clip.slice(0, 2400) });
    call.engine.play({ epoch: CLIP_EPOCH, seq: 1, lane: 'A', flags: FLAG_LAST, samples: clip.slice(2400) });
    call.engine.command({ type: 'clip.play', epoch: 1, lane: 'A', clip: 'mm' });
    expect(await call.event('clip.ended')).to.deep.equal({ type: 'clip.ended', epoch: 1, clip: 'mm' });
    call.engine.command({ type: 'clip.play', epoch: 1, lane: 'A', clip: 'mm' });
    answer(call.engine, tone(300, 300, 0.3));
    await call.event('drained');
  });

  it('says that the device is as good as off while its sound is switched off', async () => {
    const call = await open({ withoutMicrophone: true });
    call.engine.setOutput({ muted: true });
    expect(await call.event('device', (event) => event.suspended)).to.deep.equal({ type: 'device', suspended: true });
    call.engine.setOutput({ muted: false, volume: 0.5 });
    await call.event('device', (event) => !event.suspended);
    call.events.length = 0;
    await call.engine.context.suspend();
    await call.event('device', (event) => event.suspended);
  });

  it('lets go of the microphone when muted by release, and takes it again', async () => {
    const call = await open();
    await call.event('mic.frame');
    await call.engine.setMicMuted(true, 'silence');
    expect(microphone.tracks.map((track) => [track.readyState, track.enabled])).to.deep.equal([['live', false]]);
    await call.engine.setMicMuted(true, 'release');
    expect(microphone.tracks[0]?.readyState).to.equal('ended');
    await call.engine.setMicMuted(false, 'release');
    await call.engine.setInput('another');
    expect(microphone.tracks.map((track) => track.readyState)).to.deep.equal(['ended', 'ended', 'live']);
  });

  it('says when the microphone is taken away and goes on with another as soon as there is one', async () => {
    const call = await open();
    await call.event('mic.frame');
    microphone.isGone = true;
    microphone.tracks[0]?.dispatchEvent(new Event('ended'));
    await call.event('mic.lost');
    navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
    await call.engine.setMicMuted(false, 'silence').catch(() => undefined);
    expect(call.events.some(({ type }) => type === 'mic.back')).to.equal(false);
    call.events.length = 0;
    microphone.isGone = false;
    navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
    await call.event('mic.back');
    await call.event('mic.frame');
  });

  it('goes on with another microphone at once, without a word, when one that ran for a while is pulled out', async () => {
    const call = await open();
    for (let batch = 0; call.engine.context.currentTime < 2.6; batch++) {
      call.events.length = 0;
      await call.event('mic.frame');
    }
    await call.engine.setMicMuted(true, 'silence');
    microphone.tracks[0]?.dispatchEvent(new Event('ended'));
    call.events.length = 0;
    await call.engine.setMicMuted(false, 'silence');
    await call.event('mic.frame');
    expect(microphone.tracks.map((track) => track.readyState)).to.deep.equal(['ended', 'live']);
    expect(call.events.some(({ type }) => type === 'mic.lost')).to.equal(false);
  });

  it('marks speech from push-to-talk and not from the detector', async () => {
    const call = await open();
    call.engine.configure(knobs);
    await call.event('mic.frame');
    answer(call.engine, tone(330, 6000, 0.05));
    await call.event('playout');
    expect(call.engine.setTalking('u1')).to.equal(true);
    await call.event('playout', (event) => event.silentAtFrame !== undefined);
    await microphone.say(voice(400, 0.5));
    await call.event('mic.frame', (event) => event.speaking);
    expect(call.engine.setTalking(null)).to.equal(false);
    expect(call.events.some((event) => event.type === 'onset')).to.equal(false);
  });

  it('raises no alarm in a steady noise', async () => {
    const call = await open();
    await call.event('mic.frame');
    await microphone.say(noise(1500, 0.02));
    const onsets = call.events.filter((event) => event.type === 'onset');
    expect(onsets.length).to.be.at.most(1);
  });

  it('takes the worklet from a blob when no file can be had', async () => {
    const call = await open({ withoutMicrophone: true, workletUrls: [new URL('./no-such-file.js', WORKLET).href] });
    call.engine.configure(knobs);
    answer(call.engine, tone(440, 200, 0.4));
    await call.event('drained');
  });

  it('leaves nothing running when it is aborted, also while the microphone is still asked for', async () => {
    const call = await open();
    call.abort.abort();
    expect(microphone.tracks[0]?.readyState).to.equal('ended');
    await new Promise<void>((resolve) => {
      const { context } = call.engine;
      if (context.state === 'closed') resolve();
      context.addEventListener('statechange', () => resolve());
    });
    let give = (_stream: MediaStream) => {};
    const asked = new Promise<MediaStream>((resolve) => {
      give = resolve;
    });
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    navigator.mediaDevices.getUserMedia = () => asked;
    const abort = new AbortController();
    const opening = openAudio({ signal: abort.signal, workletUrls: [WORKLET], onEvent: () => {} });
    abort.abort(new Error('hung up'));
    const failure = await opening.then(
      () => null,
      (error: unknown) => error,
    );
    expect((failure as Error).message).to.equal('hung up');
    give(stream);
    await asked;
    await Promise.resolve();
    expect(stream.getAudioTracks()[0]?.readyState).to.equal('ended');
  });

  it('says what to do when the microphone is refused', async () => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotReadableError'));
    const failure = await open().catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'MIC_IN_USE');
  });
});
