/** Routes of assistants. */
import * as assistants from './assistants.ts';
import { list } from './common.ts';
import { routes } from './route-spec.ts';

const T = '/tenants/:tenant';

export const ASSISTANT_ROUTES = routes({
  // Assistants.
  assistants: {
    method: 'GET',
    path: `${T}/assistants`,
    access: 'viewer',
    summary: 'Assistants, each in its newest version',
    answer: list(assistants.AssistantSummary),
  },
  addAssistant: {
    method: 'POST',
    path: `${T}/assistants`,
    access: 'admin',
    summary: 'Makes an assistant; what is not said is as for a new tenant',
    body: assistants.NewAssistant,
    answer: assistants.Assistant,
    status: 201,
  },
  assistant: {
    method: 'GET',
    path: `${T}/assistants/:assistant`,
    access: 'viewer',
    summary: 'The newest version',
    answer: assistants.Assistant,
    etag: 'given',
  },
  putAssistant: {
    method: 'PUT',
    path: `${T}/assistants/:assistant`,
    access: 'admin',
    summary: 'Makes a new version, which sessions have from then on; If-Match names the version it is made from',
    body: assistants.AssistantChange,
    answer: assistants.Assistant,
    etag: 'required',
    problems: ['changed-meanwhile'],
  },
  assistantVersions: {
    method: 'GET',
    path: `${T}/assistants/:assistant/versions`,
    access: 'viewer',
    summary: 'Versions, newest first',
    answer: list(assistants.VersionSummary),
  },
  assistantVersion: {
    method: 'GET',
    path: `${T}/assistants/:assistant/versions/:version`,
    access: 'viewer',
    summary: 'One version',
    answer: assistants.Assistant,
    etag: 'given',
  },
  previewVoice: {
    method: 'POST',
    path: `${T}/assistants/:assistant/voice-preview`,
    access: 'admin',
    summary: 'A sentence in a voice, spoken by the model: WAV, 24 kHz, mono',
    body: assistants.VoicePreview,
    sound: true,
    problems: ['upstream-lost', 'busy'],
  },
  testToken: {
    method: 'POST',
    path: `${T}/assistants/:assistant/test-token`,
    access: 'admin',
    summary: "A session token for a call from the console's own page",
    answer: assistants.TestToken,
    status: 201,
  },
});
