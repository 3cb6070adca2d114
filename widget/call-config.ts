/** What a call is opened with, read from the element when it begins. Opens none. */
import type { CallConfig } from './call/call.ts';
import type { Settings } from './settings.ts';
import type { StartMode } from './voice-jib-jab.ts';

/** The worklet's file beside the script; the build names both, and stamps this one's content. */
const WORKLET = 'voice-jib-jab.worklet.js';
declare const __VJJ_WORKLET_STAMP__: string | undefined;
const STAMP = typeof __VJJ_WORKLET_STAMP__ === 'undefined' ? '' : `?${__VJJ_WORKLET_STAMP__}`;

/** Where tokens come from. */
export function tokenSourceOf({ src, tenant, assistant, tokenSrc, getToken }: Settings) {
  const relay = src ? new URL(src, document.baseURI).origin : new URL(import.meta.url).origin;
  return { src: relay, tenant, assistant, tokenSrc, getToken };
}

export function callConfigOf(host: Settings, mode: StartMode, context: string, tools: CallConfig['tools']): CallConfig {
  const beside = [new URL(`./${WORKLET}${STAMP}`, import.meta.url).href];
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
