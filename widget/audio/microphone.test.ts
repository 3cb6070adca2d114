import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CallError } from '../errors.ts';
import { openMicrophone, type MicrophoneHost, type MicrophoneOptions } from './microphone.ts';

/** A track that a test can mute, end and look at. */
class Track extends EventTarget {
  enabled = true;
  isLive = true;
  settings: MediaTrackSettings = {};
  stop(): void {
    this.isLive = false;
  }
  getSettings(): MediaTrackSettings {
    return this.settings;
  }
}

let track: Track;
let asked: MediaStreamConstraints[];
let ending: AbortController;
let lost: number;

function host(overrides: Partial<MicrophoneHost> = {}, refusal?: DOMException): MicrophoneHost {
  return {
    isSecureContext: true,
    document: {},
    navigator: {
      mediaDevices: {
        getUserMedia(constraints) {
          asked.push(constraints ?? {});
          if (refusal) return Promise.reject(refusal);
          return Promise.resolve({ getAudioTracks: () => [track] } as unknown as MediaStream);
        },
      },
    },
    ...overrides,
  };
}

const options = (more: Partial<MicrophoneOptions> = {}): MicrophoneOptions => ({
  signal: ending.signal,
  onLost: () => lost++,
  ...more,
});

async function refusal(name: string, overrides: Partial<MicrophoneHost> = {}): Promise<string> {
  const { navigator, ...others } = overrides;
  const given = host(others, new DOMException('no', name));
  given.navigator = { ...given.navigator, ...navigator };
  const error: unknown = await openMicrophone(options(), given).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CallError);
  expect((error as CallError).cause).toBeInstanceOf(DOMException);
  return (error as CallError).code;
}

const permissions = (state: PermissionState) => ({ permissions: { query: () => Promise.resolve({ state }) } });

beforeEach(() => {
  vi.useFakeTimers();
  track = new Track();
  asked = [];
  ending = new AbortController();
  lost = 0;
});
afterEach(() => {
  vi.useRealTimers();
});

describe('asking for the microphone', () => {
  it('asks for one channel with the echo taken out, and for a device only as a wish', async () => {
    await openMicrophone(options({ deviceId: 'usb' }), host());
    expect(asked[0]?.audio).toEqual({
      channelCount: 1,
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
      deviceId: { ideal: 'usb' },
    });
    await openMicrophone(options(), host());
    expect(asked[1]?.audio).not.toHaveProperty('deviceId');
  });

  it('insists on a device that somebody chose', async () => {
    await openMicrophone(options({ deviceId: 'usb', isExact: true }), host());
    expect(asked[0]?.audio).toMatchObject({ deviceId: { exact: 'usb' } });
  });

  it.each([
    ['a refusal', 'NotAllowedError', { navigator: permissions('denied') }, 'MIC_DENIED'],
    ['a question that was closed', 'NotAllowedError', { navigator: permissions('prompt') }, 'MIC_DISMISSED'],
    ['a refusal where the browser cannot tell more', 'NotAllowedError', {}, 'MIC_DENIED'],
    ["an old browser's refusal", 'PermissionDeniedError', {}, 'MIC_DENIED'],
    [
      'a refusal where the browser does not know the question',
      'NotAllowedError',
      { navigator: { permissions: { query: () => Promise.reject(new TypeError('microphone')) } } },
      'MIC_DENIED',
    ],
    [
      "the frame's policy",
      'NotAllowedError',
      { document: { permissionsPolicy: { allowsFeature: () => false } } },
      'POLICY_BLOCKED',
    ],
    [
      "the frame's policy under its old name",
      'NotAllowedError',
      { document: { featurePolicy: { allowsFeature: () => false } } },
      'POLICY_BLOCKED',
    ],
    ["the browser's own policy", 'SecurityError', {}, 'POLICY_BLOCKED'],
    ['no device', 'NotFoundError', {}, 'MIC_NOT_FOUND'],
    ['a device that is gone', 'OverconstrainedError', {}, 'MIC_NOT_FOUND'],
    ['a device that another program holds', 'NotReadableError', {}, 'MIC_IN_USE'],
    ['a device that does not start', 'AbortError', {}, 'MIC_IN_USE'],
  ] as const)('tells %s from the others', async (_what, name, overrides, code) => {
    expect(await refusal(name, overrides as unknown as Partial<MicrophoneHost>)).toBe(code);
  });

  it('says that a page without https can have none', async () => {
    for (const overrides of [{ isSecureContext: false }, { navigator: {} }]) {
      await expect(openMicrophone(options(), host(overrides))).rejects.toMatchObject({ code: 'INSECURE_CONTEXT' });
    }
  });

  it('takes a stream without sound for no device', async () => {
    const empty = { getUserMedia: () => Promise.resolve({ getAudioTracks: () => [] } as unknown as MediaStream) };
    const opening = openMicrophone(options(), host({ navigator: { mediaDevices: empty } }));
    await expect(opening).rejects.toMatchObject({ code: 'MIC_NOT_FOUND' });
  });

  it('lets go at once of a microphone that is given after the call has ended', async () => {
    const opening = openMicrophone(options(), host());
    ending.abort(new Error('hung up'));
    await expect(opening).rejects.toThrow('hung up');
    expect(track.isLive).toBe(false);
  });
});

describe('an open microphone', () => {
  it('says whether the browser cancels the echo', async () => {
    track.settings = { echoCancellation: false };
    expect((await openMicrophone(options(), host())).cancelsEcho).toBe(false);
    for (const settings of [{}, { echoCancellation: true }, { echoCancellation: 'all' }] as MediaTrackSettings[]) {
      track.settings = settings;
      expect((await openMicrophone(options(), host())).cancelsEcho).toBe(true);
    }
    track.settings = {};
    const old = host();
    old.navigator.mediaDevices = {
      ...old.navigator.mediaDevices!,
      getSupportedConstraints: () => ({ echoCancellation: false }),
    };
    expect((await openMicrophone(options(), old)).cancelsEcho).toBe(false);
  });

  it('is silent or heard as it is told', async () => {
    const microphone = await openMicrophone(options(), host());
    microphone.setSilent(true);
    expect(track.enabled).toBe(false);
    microphone.setSilent(false);
    expect(track.enabled).toBe(true);
  });

  it('is lost when its device ends', async () => {
    await openMicrophone(options(), host());
    track.dispatchEvent(new Event('ended'));
    track.dispatchEvent(new Event('ended'));
    expect([lost, track.isLive]).toEqual([1, false]);
  });

  it('is lost when its device stays mute for five seconds, and not before', async () => {
    await openMicrophone(options(), host());
    track.dispatchEvent(new Event('mute'));
    vi.advanceTimersByTime(4999);
    track.dispatchEvent(new Event('unmute'));
    vi.advanceTimersByTime(5000);
    expect(lost).toBe(0);
    track.dispatchEvent(new Event('mute'));
    track.dispatchEvent(new Event('mute'));
    vi.advanceTimersByTime(5000);
    expect(lost).toBe(1);
  });

  it('is let go of without a word when the call ends or stops it', async () => {
    const microphone = await openMicrophone(options(), host());
    microphone.stop();
    expect(track.isLive).toBe(false);
    track = new Track();
    await openMicrophone(options(), host());
    track.dispatchEvent(new Event('mute'));
    ending.abort();
    expect(track.isLive).toBe(false);
    vi.advanceTimersByTime(10_000);
    expect(lost).toBe(0);
  });
});
