import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { BENIGN_CODES, FATAL_CODES, activeResponseIn, endingOf, redact } from './faults.ts';

it.each([
  [3000, '', 'invalid_api_key', { reason: 'invalid_api_key', fatal: true, planned: false }],
  [3000, '', null, { reason: 'invalid_api_key', fatal: true, planned: false }],
  [4000, 'invalid_request_error.missing_model', null, { reason: 'invalid_request', fatal: true, planned: false }],
  [4004, '', 'model_not_found', { reason: 'model_not_found', fatal: true, planned: false }],
  [1006, '', 'insufficient_quota', { reason: 'insufficient_quota', fatal: true, planned: false }],
  [1001, '', 'session_expired', { reason: 'session_expired', fatal: false, planned: true }],
  [
    1001,
    'Your session hit the maximum duration of 60 minutes.',
    null,
    { reason: 'session_expired', fatal: false, planned: true },
  ],
  [1001, 'going away', null, { reason: 'close-1001', fatal: false, planned: false }],
  [1006, '', 'ECONNREFUSED', { reason: 'ECONNREFUSED', fatal: false, planned: false }],
  [1006, '', 'http-401', { reason: 'http-401', fatal: true, planned: false }],
  [1006, '', 'http-503', { reason: 'http-503', fatal: false, planned: false }],
  [1011, '', null, { reason: 'close-1011', fatal: false, planned: false }],
])('takes close %i "%s" after error %s for what it is', (code, reason, error, ending) => {
  expect(endingOf(code, reason, error)).toEqual(ending);
});

it('finds the active response in the refusal of another', () => {
  const message =
    'Conversation already has an active response in progress: resp_Ab1. Wait until the response is finished.';
  expect(activeResponseIn(message)).toBe('resp_Ab1');
  expect(activeResponseIn('Conversation already has an active response')).toBeUndefined();
});

it('lets no key through to the log, and nothing long', () => {
  expect(redact('Incorrect API key provided: sk-proj-abc123. Bearer xyz.1 ek_99')).not.toMatch(/abc123|xyz|99/);
  expect(redact('x'.repeat(1_000))).toHaveLength(200);
  expect(redact("Item 'item_1' isn't there")).toBe("Item 'item_1' isn't there");
  expect(redact("Invalid value: 'what somebody said'. Use 'text'.")).toBe('Invalid value: …');
  expect(redact(`Invalid 'cut off value: 'what somebody said'.`)).toBe('Invalid …');
});

it('is what the folder’s README says it is', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const rows = readme.split('\n').filter((line) => line.startsWith('|'));
  const rowsWith = (word: string) => rows.filter((row) => row.includes(word));
  for (const code of FATAL_CODES) expect(rowsWith(`\`${code}\``)[0]).toContain('`fatal`');
  for (const code of BENIGN_CODES) expect(rowsWith(`\`${code}\``)[0]).toContain('`onProblem` only');
});
