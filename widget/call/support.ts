/** What this page and browser can do, found out without asking the person anything. */

export interface SupportVerdict {
  /** A voice call can be tried. */
  ok: boolean;
  secureContext: boolean;
  microphone: boolean;
  audioWorklet: boolean;
  webSocket: boolean;
  /** The microphone's permission as far as the browser tells it. */
  permission: 'granted' | 'denied' | 'prompt' | 'unknown';
  /** The page's policy lets frames like this one use the microphone. */
  permitted: boolean;
}

export async function checkSupport(): Promise<SupportVerdict> {
  const secureContext = globalThis.isSecureContext;
  // The types promise what only secure pages have.
  const media = navigator.mediaDevices as MediaDevices | undefined;
  const microphone = typeof media?.getUserMedia === 'function';
  const audioWorklet = 'AudioWorkletNode' in globalThis;
  const webSocket = 'WebSocket' in globalThis;
  const permission = (await microphonePermission())?.state ?? 'unknown';
  const policy = (document as Document & { featurePolicy?: { allowsFeature(name: string): boolean } }).featurePolicy;
  const permitted = policy?.allowsFeature('microphone') ?? true;
  const ok = secureContext && microphone && audioWorklet && webSocket && permitted && permission !== 'denied';
  return { ok, secureContext, microphone, audioWorklet, webSocket, permission, permitted };
}

/** The permission's live status; undefined where the browser keeps it to itself. */
export async function microphonePermission(): Promise<PermissionStatus | undefined> {
  try {
    return await navigator.permissions.query({ name: 'microphone' });
  } catch {
    return undefined;
  }
}

/** Microphones or speakers; labels are empty until the microphone was allowed once. */
export async function listDevices(): Promise<{ inputs: MediaDeviceInfo[]; outputs: MediaDeviceInfo[] }> {
  const media = navigator.mediaDevices as MediaDevices | undefined;
  const devices = (await media?.enumerateDevices()) ?? [];
  return {
    inputs: devices.filter(({ kind }) => kind === 'audioinput'),
    outputs: devices.filter(({ kind }) => kind === 'audiooutput'),
  };
}
