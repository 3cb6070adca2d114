/** What this page and browser can do, found out without asking the person anything. */
import { CallError, type ErrorCode, type Recovery } from '../errors.ts';
import { listDevices, microphonePermission } from './media-devices.ts';

export interface SupportVerdict {
  /** A voice call can be tried. */
  ok: boolean;
  /** What a voice call would fail with, as far as it can be known, and what to offer then; null where nothing is in the way. */
  code: ErrorCode | null;
  recovery: Recovery | null;
  secureContext: boolean;
  microphone: boolean;
  audioWorklet: boolean;
  webSocket: boolean;
  /** The microphone's permission as far as the browser tells it. */
  permission: 'granted' | 'denied' | 'prompt' | 'unknown';
  /** The page's policy lets frames like this one use the microphone. */
  permitted: boolean;
  /** Microphones and speakers that the browser tells of; before the permission it may tell of one each. */
  inputs: number;
  outputs: number;
  /** The agent's own voice can be taken out of the microphone. */
  echoCancellation: boolean;
  /** A speaker can be chosen. */
  outputChoice: boolean;
  /** Sound can go compressed. */
  opus: boolean;
  online: boolean;
  language: string;
  browser: string;
}

export async function checkSupport(): Promise<SupportVerdict> {
  const secureContext = globalThis.isSecureContext;
  // The types promise what only secure pages have.
  const media = navigator.mediaDevices as MediaDevices | undefined;
  const microphone = typeof media?.getUserMedia === 'function';
  const audioWorklet = 'AudioWorkletNode' in globalThis;
  const webSocket = 'WebSocket' in globalThis;
  const permission: SupportVerdict['permission'] = (await microphonePermission())?.state ?? 'unknown';
  const policy = (document as Document & { featurePolicy?: { allowsFeature(name: string): boolean } }).featurePolicy;
  const permitted = policy?.allowsFeature('microphone') ?? true;
  const { inputs, outputs } = await listDevices();
  const facts: Obstacles = {
    secureContext,
    microphone,
    audioWorklet,
    webSocket,
    permission,
    permitted,
    inputs: inputs.length,
  };
  const code = obstacle(facts);
  return {
    ...{ ok: code === null, code, recovery: code === null ? null : new CallError(code, '').recovery },
    ...facts,
    outputs: outputs.length,
    echoCancellation: media?.getSupportedConstraints().echoCancellation === true,
    outputChoice: 'setSinkId' in HTMLMediaElement.prototype,
    opus: 'AudioEncoder' in globalThis,
    online: navigator.onLine,
    language: navigator.language,
    browser: navigator.userAgent,
  };
}

/** What may stand in the way of a voice call. */
export type Obstacles = Pick<
  SupportVerdict,
  'secureContext' | 'microphone' | 'audioWorklet' | 'webSocket' | 'permission' | 'permitted' | 'inputs'
>;

/** The first thing in the way, in the order in which a call would meet it. */
export function obstacle(facts: Obstacles): ErrorCode | null {
  if (!facts.secureContext) return 'INSECURE_CONTEXT';
  if (!facts.audioWorklet || !facts.webSocket) return 'PROTOCOL';
  if (!facts.permitted) return 'POLICY_BLOCKED';
  if (!facts.microphone || facts.inputs === 0) return 'MIC_NOT_FOUND';
  return facts.permission === 'denied' ? 'MIC_DENIED' : null;
}
