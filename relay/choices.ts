/** What the editor of an assistant offers: models, voices, languages, knobs with their ranges. */
import { DEFAULT_CONFIG, type ArbiterConfig } from '#arbiter';
import { KNOB_RANGES, VARIABLES } from './config-variables.ts';
import type { AnswerOf } from './http/api/routes.ts';
import { CATEGORIES } from './policy/decisions.ts';
import { REFLEX_LANGUAGES } from './reflex/phrases.ts';
import { WEBHOOK_EVENTS } from './webhooks/events.ts';

/** Of OpenAI's realtime models; the relay takes any that the provider does. */
const VOICES = ['marin', 'cedar', 'alloy', 'ash', 'ballad', 'coral', 'echo', 'sage', 'shimmer', 'verse'];
const MODELS = ['gpt-realtime-2.1', 'gpt-realtime-2.1-mini'];
/** Languages with reflexes of their own, as the tags that most of their speakers use. */
const REGION: Record<string, string> = { en: 'en-US', pt: 'pt-BR', zh: 'zh-CN', ja: 'ja-JP', ko: 'ko-KR' };
const CHOICE_KNOBS = {
  LANE_A_ENABLED: undefined,
  REFUSAL_UNINTERRUPTIBLE: undefined,
  POLICY_MODE: ['strict', 'lenient'],
  POLICY_ON_TIMEOUT: ['closed', 'open'],
  ON_PROVIDER_LOSS: ['drain', 'stop'],
} satisfies Partial<Record<keyof ArbiterConfig, string[] | undefined>>;

/**
 * @param model - The relay's default; first of those offered.
 * @param config - The relay's knobs: what an assistant has that sets none.
 */
export function choicesOf(model: string, config: ArbiterConfig): AnswerOf<'choices'> {
  const valueOf = (name: keyof ArbiterConfig) => {
    const value = config[name];
    return value === undefined ? {} : { value };
  };
  const names = [...Object.keys(DEFAULT_CONFIG), 'EXPECTED_FIRST_AUDIO_MS'] as (keyof ArbiterConfig)[];
  return {
    models: [...new Set([model, ...MODELS])],
    voices: VOICES,
    locales: REFLEX_LANGUAGES.map((tag) => REGION[tag] ?? (tag.includes('-') ? tag : `${tag}-${tag.toUpperCase()}`)),
    moderationCategories: [...CATEGORIES],
    knobs: names.map((name) => {
      const about = { name, ...valueOf(name) };
      if (name in CHOICE_KNOBS) {
        const options: string[] | undefined = CHOICE_KNOBS[name as keyof typeof CHOICE_KNOBS];
        const { means } = VARIABLES[name as keyof typeof CHOICE_KNOBS];
        return { ...about, means, ...(options !== undefined && { options }) };
      }
      return { ...about, ...KNOB_RANGES[name as keyof typeof KNOB_RANGES] };
    }),
    webhookEvents: [...WEBHOOK_EVENTS],
  };
}
