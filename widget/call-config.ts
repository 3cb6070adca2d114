/** What a call is opened with, read from the element when it begins. Opens none. */
import { WORKLET, workletUrl } from './audio/prepared-sound.ts';
import type { CallConfig } from './call/call.ts';
import type { Settings } from './settings.ts';
import type { StartMode } from './voice-jib-jab.ts';

/** Where tokens come from. */
export function tokenSourceOf({ src, tenant, assistant, tokenSrc, getToken }: Settings) {
  const relay = src ? new URL(src, document.baseURI).origin : new URL(import.meta.url).origin;
  return { src: relay, tenant, assistant, tokenSrc, getToken };
}

export function callConfigOf(host: Settings, mode: StartMode, context: string, tools: CallConfig['tools']): CallConfig {
  const beside = [workletUrl()];
  if (host.workletBase) beside.push(new URL(WORKLET, new URL(host.workletBase, document.baseURI)).href);
  const { turn, inputId, mutePolicy, codec, muted, volume } = host;
  return {
    ...tokenSourceOf(host),
    ...{ turn, context, inputId, mutePolicy, codec, muted, volume, tools },
    mode: mode === 'text' ? 'text' : 'voice',
    locale: host.language,
    workletUrls: beside,
    micMuted: host.micMuted,
  };
}
