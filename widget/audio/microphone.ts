/**
 * The microphone: asks for it once, says in our codes why it was not given, and tells when it is gone.
 * Knows nothing about what is done with its sound.
 */
import { CallError } from '../errors.ts';
import { VOICE, takeMicrophone } from './prepared-sound.ts';

/** A track that stays muted by its device this long is as good as lost. */
const MUTED_TOO_LONG_MS = 5000;

/** The parts of the browser that decide about a microphone; tests give their own. */
export interface MicrophoneHost {
  isSecureContext: boolean;
  navigator: {
    mediaDevices?: Pick<MediaDevices, 'getUserMedia'> & Partial<Pick<MediaDevices, 'getSupportedConstraints'>>;
    permissions?: { query(descriptor: { name: PermissionName }): Promise<{ state: PermissionState }> };
  };
  document: { permissionsPolicy?: FeaturePolicy; featurePolicy?: FeaturePolicy };
}

interface FeaturePolicy {
  allowsFeature(feature: string): boolean;
}

export interface OpenMicrophone {
  readonly stream: MediaStream;
  /** Whether the browser takes the loudspeaker's sound out of it. */
  readonly cancelsEcho: boolean;
  /** Keeps the device and sends silence. */
  setSilent(isSilent: boolean): void;
  /** Lets go of the device; `onLost` is not called for it. */
  stop(): void;
}

export interface MicrophoneOptions {
  /** The device, which must be there when `isExact`; otherwise another will do. */
  deviceId?: string | undefined;
  isExact?: boolean;
  signal: AbortSignal;
  /** The device ended, was taken away or stayed muted. Called once, the device is let go of. */
  onLost(): void;
}

/** @throws {CallError} `INSECURE_CONTEXT`, `POLICY_BLOCKED`, `MIC_DENIED`, `MIC_DISMISSED`, `MIC_NOT_FOUND` or `MIC_IN_USE`; the signal's reason. */
export async function openMicrophone(
  options: MicrophoneOptions,
  host: MicrophoneHost = globalThis as unknown as MicrophoneHost,
): Promise<OpenMicrophone> {
  const { signal } = options;
  const devices = host.navigator.mediaDevices;
  if (!host.isSecureContext || devices === undefined) {
    throw new CallError('INSECURE_CONTEXT', 'a microphone needs a page from https or localhost');
  }
  const audio: MediaTrackConstraints = {
    ...VOICE,
    ...(options.deviceId === undefined
      ? {}
      : { deviceId: options.isExact === true ? { exact: options.deviceId } : { ideal: options.deviceId } }),
  };
  let stream: MediaStream;
  try {
    // One that was asked for in the click is any one; it may have gone away since.
    const asked = options.deviceId === undefined && (await takeMicrophone());
    stream = asked && asked.active ? asked : await devices.getUserMedia({ audio });
  } catch (error) {
    throw await explain(error, host);
  }
  const track = stream.getAudioTracks()[0];
  if (track === undefined) throw new CallError('MIC_NOT_FOUND', 'the microphone has no sound');
  if (signal.aborted) {
    track.stop();
    throw signal.reason;
  }
  return watch(stream, track, options, host);
}

/** Resolves when a microphone may be had that could not: devices have changed, or the page is seen (again); or with the signal. */
export function microphoneMayBeBack(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const look = () => {
      if (!signal.aborted && document.visibilityState === 'hidden') return;
      over.abort();
      resolve();
    };
    const until = { signal: over.signal };
    navigator.mediaDevices.addEventListener('devicechange', look, until);
    document.addEventListener('visibilitychange', look, until);
    signal.addEventListener('abort', look, until);
  });
}

/** A browser that does not say is taken at its word where it knows the wish: the track has got it. */
function doesCancelEcho(setting: unknown, { navigator }: MicrophoneHost): boolean {
  if (setting !== undefined) return setting !== false;
  return navigator.mediaDevices?.getSupportedConstraints?.().echoCancellation !== false;
}

function watch(
  stream: MediaStream,
  track: MediaStreamTrack,
  options: MicrophoneOptions,
  host: MicrophoneHost,
): OpenMicrophone {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new AbortController();
  const until = { signal: over.signal };
  const stop = () => {
    clearTimeout(timer);
    over.abort();
    track.stop();
  };
  const lose = () => {
    stop();
    options.onLost();
  };
  const doubt = () => {
    clearTimeout(timer);
    timer = setTimeout(lose, MUTED_TOO_LONG_MS);
  };
  const trust = () => clearTimeout(timer);
  track.addEventListener('ended', lose, until);
  track.addEventListener('mute', doubt, until);
  track.addEventListener('unmute', trust, until);
  options.signal.addEventListener('abort', stop, until);
  return {
    stream,
    cancelsEcho: doesCancelEcho(track.getSettings().echoCancellation, host),
    setSilent(isSilent) {
      track.enabled = !isSilent;
    },
    stop,
  };
}

async function explain(error: unknown, host: MicrophoneHost): Promise<CallError> {
  const name = error instanceof Error ? error.name : '';
  const because = { cause: error };
  switch (name) {
    case 'NotAllowedError':
    case 'PermissionDeniedError': {
      const policy = host.document.permissionsPolicy ?? host.document.featurePolicy;
      if (policy?.allowsFeature('microphone') === false) {
        return new CallError('POLICY_BLOCKED', 'the page or its frame does not allow the microphone', because);
      }
      // Closing the question leaves the permission at "prompt"; browsers that cannot tell mean a refusal.
      return (await permission(host)) === 'prompt'
        ? new CallError('MIC_DISMISSED', 'the question about the microphone was closed', because)
        : new CallError('MIC_DENIED', 'the microphone is refused to this page', because);
    }
    case 'SecurityError':
      return new CallError('POLICY_BLOCKED', 'the browser or its owner switched the microphone off', because);
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return new CallError('MIC_IN_USE', 'another program holds the microphone', because);
    default:
      return new CallError('MIC_NOT_FOUND', 'there is no such microphone', because);
  }
}

async function permission(host: MicrophoneHost): Promise<PermissionState> {
  try {
    const status = await host.navigator.permissions?.query({ name: 'microphone' });
    return status?.state ?? 'denied';
  } catch {
    // Browsers that do not know this permission's name throw.
    return 'denied';
  }
}
