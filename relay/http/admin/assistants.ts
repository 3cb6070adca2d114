/** Assistants: reading them, making versions, and hearing one before it is used. */
import type { Keyring } from '../../auth/keyring.ts';
import { signSessionToken, TOKEN_LIFE_S } from '../../auth/session-token.ts';
import type { Clock } from '../../clock.ts';
import { RelayError, type FieldProblem } from '../../errors.ts';
import { newId } from '../../ids.ts';
import type { SharedState } from '../../shared-state/shared-state.ts';
import type { Store } from '../../store/store.ts';
import { firstAssistant } from '../../tenants/demo.ts';
import type { Directory } from '../../tenants/directory.ts';
import type { Assistant, AssistantChange } from '../../tenants/tenant.ts';
import type { AnswerOf, BodyOf } from '../api/routes.ts';
import type { Handlers } from './ask.ts';
import { given } from './given.ts';
import { previewSentence } from './preview-sentence.ts';
import type { Sound } from './serve.ts';
import { wavOf } from './wav.ts';

/** Says `text` as the assistant would. Rejects when the model fails or `signal` aborts. */
export type SpeakAs = (
  who: { tenantId: string; model: string; voice: string; locale: string },
  text: string,
  signal: AbortSignal,
) => Promise<Int16Array>;

export interface AssistantDeps {
  store: Pick<Store, 'assistants' | 'assistantRecords'>;
  directory: Directory;
  keyring: Pick<Keyring, 'current'>;
  shared: Pick<SharedState, 'take' | 'lease'>;
  clock: Clock;
  checkAssistant: (assistant: Assistant) => FieldProblem[];
  choices: AnswerOf<'choices'>;
  speakAs: SpeakAs;
  /** Of the model's speech. */
  rateHz: number;
  siteUrl: () => string;
}

type Names =
  | ('choices' | 'assistants' | 'addAssistant' | 'assistant' | 'putAssistant' | 'assistantVersions')
  | ('assistantVersion' | 'previewVoice' | 'testToken');

/** Previews cost money: so many of a tenant at once, and within the window. */
const PREVIEWS = { atOnce: 2, max: 60, windowMs: 600_000 };
const PREVIEW_LIMIT_MS = 15_000;
const missing = () => new RelayError('not-found', 'no such assistant of this tenant');

export function assistantHandlers(deps: AssistantDeps): Handlers<Names> {
  const { store, directory, keyring, shared, clock, choices, speakAs } = deps;

  async function newest(tenantId: string, id: string): Promise<Assistant> {
    const found = await directory.assistant(tenantId, id);
    if (found === undefined) throw missing();
    return found;
  }

  /** @throws {RelayError} `bad-request` with everything that is wrong beyond the schema. */
  function check(assistant: Assistant, before?: Assistant): void {
    const problems = [...deps.checkAssistant(assistant), ...knobProblems(assistant, choices)];
    const isKnown = (model: string) => choices.models.includes(model) || model === before?.model;
    if (!isKnown(assistant.model))
      problems.push({ at: 'model', message: `must be one of ${choices.models.join(', ')}` });
    if (problems.length > 0) throw new RelayError('bad-request', 'the assistant is wrong', { problems });
  }

  return {
    choices: () => Promise.resolve(choices),
    async assistants({ tenant }) {
      const rows = await store.assistantRecords.list(tenant.id);
      return {
        rows: rows.map(({ id, version, document, createdAt }) => {
          const { name, voice, locale } = JSON.parse(document) as Assistant;
          return { id, version, name, voice, locale, createdAt };
        }),
      };
    },
    addAssistant({ tenant, body, change }) {
      const first = firstAssistant(newId('ast', clock.wallNow()), choices.models[0] ?? '', tenant.name);
      const assistant = changed(first, body);
      check(assistant);
      return change({ action: 'assistant.add', target: `assistant:${assistant.id}`, payload: assistant }, async () => {
        const { id, version } = assistant;
        await store.assistants.add(tenant.id, { id, version, document: JSON.stringify(assistant) });
        directory.forget();
        return assistant;
      });
    },
    assistant: ({ tenant, params }) => newest(tenant.id, params.assistant),
    putAssistant: ({ tenant, params, body, match, change }) =>
      change(
        ({ id, version }) => ({
          action: 'assistant.version',
          target: `assistant:${id}`,
          payload: { version, ...body },
        }),
        async () => {
          directory.forget();
          const before = await newest(tenant.id, params.assistant);
          match(before);
          const next = { ...changed(before, body), version: before.version + 1 };
          check(next, before);
          const { id, version } = next;
          await store.assistants.add(tenant.id, { id, version, document: JSON.stringify(next) });
          directory.forget();
          return next;
        },
      ),
    async assistantVersions({ tenant, params }) {
      const rows = await store.assistantRecords.versions(tenant.id, params.assistant);
      if (rows.length === 0) throw missing();
      return { rows };
    },
    async assistantVersion({ tenant, params }) {
      const version = /^\d{1,9}$/.test(params.version) ? Number(params.version) : -1;
      const row = await store.assistantRecords.at(tenant.id, params.assistant, version);
      if (row === undefined) throw missing();
      return { ...(JSON.parse(row.document) as Assistant), id: params.assistant, version };
    },
    // The answer is sound, which no schema describes.
    async previewVoice({ tenant, params, body, signal }): Promise<Sound & undefined> {
      const { model, voice, locale } = await newest(tenant.id, params.assistant);
      const taken = await shared.take('voice-preview', tenant.id, PREVIEWS.max, PREVIEWS.windowMs);
      if (!taken.isAllowed)
        throw new RelayError('rate-limited', 'too many previews', { retryAfterS: taken.resetMs / 1000 });
      const release = await shared.lease(`voice-preview:${tenant.id}`, PREVIEWS.atOnce);
      if (release === undefined) throw new RelayError('busy', 'previews are under way', { retryAfterS: 2 });
      try {
        const who = { tenantId: tenant.id, model, voice: body.voice ?? voice, locale };
        const limited = AbortSignal.any([signal, AbortSignal.timeout(PREVIEW_LIMIT_MS)]);
        const samples = await speakAs(who, body.text ?? previewSentence(locale), limited);
        return { bytes: wavOf(samples, deps.rateHz), type: 'audio/wav' } as Sound & undefined;
      } catch (cause) {
        throw new RelayError('upstream-lost', 'the preview could not be spoken', { cause });
      } finally {
        release();
      }
    },
    async testToken({ tenant, params, caller, origin: page }) {
      const { id } = await newest(tenant.id, params.assistant);
      const grant = { tenant: tenant.id, assistant: id, subject: `console-${caller.actor.replace(/\W/g, '-')}` };
      // The page that asks, where it is one of ours or the tenant's.
      const isAllowed = page !== undefined && (await directory.allowsOrigin(tenant.id, page));
      const origin = isAllowed ? page : new URL(deps.siteUrl()).origin;
      const token = await signSessionToken({ ...grant, origin }, await keyring.current(), clock.wallNow());
      return { token, expiresIn: TOKEN_LIFE_S };
    },
  };
}

/** What is absent stays; null takes the phrases away. */
function changed(before: Assistant, { reflex, ...change }: BodyOf<'putAssistant'>): Assistant {
  const next: Assistant = { ...before, ...(given(change) as AssistantChange) };
  if (reflex === null) delete next.reflex;
  else if (reflex !== undefined) next.reflex = reflex;
  return next;
}

/** Knobs out of their range. */
export function knobProblems({ lanes }: Assistant, { knobs }: AnswerOf<'choices'>): FieldProblem[] {
  return knobs.flatMap(({ name, min = -Infinity, max = Infinity }) => {
    const value: unknown = (lanes as Record<string, unknown>)[name];
    if (typeof value !== 'number' || (value >= min && value <= max)) return [];
    return [{ at: `lanes.${name}`, message: `must be ${min} to ${max}` }];
  });
}
