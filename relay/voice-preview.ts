/** A sentence in a voice, outside of any conversation: a model is dialled, speaks, and is let go. */
import type { BridgeEvent, OpenBridge } from './bridge/bridge.ts';

export interface PreviewVoice {
  /** Who pays: a tenant may bring its own account. */
  tenantId: string;
  model: string;
  voice: string;
  /** BCP 47 tag. */
  locale: string;
}

/** @throws when the model refuses or is lost, or `signal` aborts. */
export async function previewVoice(
  openBridge: OpenBridge,
  { tenantId, model, voice, locale }: PreviewVoice,
  text: string,
  signal: AbortSignal,
): Promise<Int16Array> {
  const gone = new AbortController();
  const either = AbortSignal.any([signal, gone.signal]);
  let up: () => void = () => undefined;
  const isUp = new Promise<void>((resolve, reject) => {
    up = resolve;
    either.addEventListener('abort', () => reject(either.reason as Error), { once: true });
  });
  // It may end before anybody waits for it.
  isUp.catch(() => undefined);
  const onEvent = (event: BridgeEvent) => {
    if (event.type === 'provider.up') up();
    if (event.type === 'provider.down' && event.fatal) gone.abort(new Error('the model refused'));
  };
  const bridge = openBridge(
    { tenant: tenantId, model, voice, locale, instructions: '', turn: 'hold', tools: [] },
    onEvent,
  );
  try {
    either.throwIfAborted();
    bridge.connect();
    await isUp;
    return await bridge.renderSpeech(text, either);
  } finally {
    bridge.close();
  }
}
