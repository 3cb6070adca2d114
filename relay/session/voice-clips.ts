/**
 * The clips of one conversation: asks the library for what its assistant, language and policy
 * need, once, with the conversation's own model as the voice. When they play is the arbiter's.
 */
import type { RealtimeBridge } from '../bridge/bridge.ts';
import type { Policy } from '../policy/settings.ts';
import type { Clip, ClipLibrary } from '../reflex/library.ts';
import type { Assistant } from '../tenants/tenant.ts';
import { askAgainFor } from './ask-again-words.ts';
import { endingFor } from './ending-words.ts';
import type { Recording } from './recording.ts';

const languageOf = (locale: string) => locale.split('-')[0]?.toLowerCase();

export interface VoiceClips {
  /** Only the first call does anything. */
  render(locale: string, speaker: Pick<RealtimeBridge, 'renderSpeech'>): void;
}

export function createVoiceClips(options: {
  clips: ClipLibrary;
  assistant: Assistant;
  policy: Policy;
  /** Is told whose clip is being made, and knows whether a goodbye may be needed. */
  recording: Pick<Recording, 'isBounded' | 'rendering'>;
  signal: AbortSignal;
  onClip: (clip: Clip) => void;
}): VoiceClips {
  const { assistant, policy, recording } = options;
  let isRendering = false;
  return {
    render(locale, speaker) {
      if (isRendering) return;
      isRendering = true;
      const { model, voice, reflex } = assistant;
      const { refusal, fallback, handover } = policy;
      // A tenant's phrases are in the assistant's own language.
      const isOwnLanguage = languageOf(locale) === languageOf(assistant.locale);
      const reflexPhrases = isOwnLanguage && reflex ? { reflexPhrases: reflex } : {};
      const ending = recording.isBounded() ? { ending: endingFor(assistant.locale) } : {};
      const again = askAgainFor(locale);
      const request = { model, voice, locale, refusal, fallback, handover, again, ...ending, ...reflexPhrases };
      const control = new Set([refusal, fallback, handover, again, ending.ending ?? ''].map((text) => text.trim()));
      const speak = (text: string, signal: AbortSignal) => {
        recording.rendering(control.has(text) ? 'C' : 'A');
        return speaker.renderSpeech(text, signal);
      };
      void options.clips.clipsFor(request, speak, options.signal, options.onClip);
    },
  };
}
