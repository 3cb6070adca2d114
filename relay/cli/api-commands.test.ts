import type { AddressInfo } from 'node:net';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ADMIN, ORIGIN } from '../http/testing/app-fixture.ts';
import { apiFixture, type ApiFixture } from '../http/testing/api-fixture.ts';
import { ROUTES } from '../http/api/routes.ts';
import { processIo } from '../run.ts';
import { API_COMMANDS } from './api-table.ts';
import { vjjCommand } from './commands.ts';

let api: ApiFixture;
let server: ReturnType<typeof createAdaptorServer>;
let url: string;
let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-cli-'));
  api = await apiFixture();
  server = createAdaptorServer({ fetch: api.app.fetch, overrideGlobalObjects: false });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await api.end();
  rmSync(dir, { recursive: true });
});

let printed: string[];
let complained: string[];
let codes: number[];
beforeEach(() => {
  [printed, complained, codes] = [[], [], []];
});
async function vjj(words: string[], env: Record<string, string> = { ADMIN_TOKEN: ADMIN, VJJ_URL: url }) {
  const io = {
    ...{ ...processIo, env },
    print: (line: string) => void printed.push(line),
    complain: (line: string) => void complained.push(line),
    exit: (code: number) => void codes.push(code),
  };
  await vjjCommand(io).parseAsync(['node', 'vjj', ...words]);
  return printed.join('\n');
}

describe('vjj over the API', () => {
  it('makes a tenant, and shows it as a table, as fields and as JSON', async () => {
    const made = JSON.parse(
      await vjj(['tenant', 'create', 'Initech', '--slug', 'initech', '--origin', 'https://initech.example', '--json']),
    ) as { publishableKey: string };
    expect(made.publishableKey).toMatch(/^pk_/);
    printed = [];
    expect(await vjj(['tenant', 'list'])).toMatch(/^id +name +slug +status +settings\n[^]*initech +active/);
    printed = [];
    expect(await vjj(['tenant', 'show', 'initech'])).toMatch(/slug +initech/);
    await vjj(['tenant', 'set-origins', 'initech', 'https://a.example', 'https://b.example']);
    await vjj(['tenant', 'set-limits', 'initech', 'connectsPerMinute=7', 'spendPerDay=none']);
    printed = [];
    expect(JSON.parse(await vjj(['tenant', 'limits', 'initech', '--json']))).toMatchObject({
      own: { connectsPerMinute: 7, spendPerDay: null },
    });
    printed = [];
    await vjj(['tenant', 'delete', 'initech', '--slug', 'initech']);
    expect(printed).toEqual(['Done.']);
    expect(complained).toEqual([]);
  });

  it('hands out all that is kept of one end user as one document, and erases it', async () => {
    for (let i = 0; i < 120; i++)
      await api.store.sessions.start({
        ...{ id: `ses_cli${i}`, tenantId: api.acme.tenant, subject: 'ann', assistantId: 'a', assistantVersion: 1 },
        ...{ origin: null, instance: 'i', locale: null, startedAt: i },
      });
    const whole = JSON.parse(await vjj(['subject', 'export', 'acme', 'ann'])) as {
      rows: { id: string }[];
      next?: string;
    };
    expect(new Set(whole.rows.map(({ id }) => id)).size).toBe(120);
    expect(whole).toMatchObject({ subject: 'ann', deliveries: [], revocations: [] });
    expect(whole.next).toBeUndefined();
    printed = [];
    expect(JSON.parse(await vjj(['subject', 'erase', 'acme', 'ann', '--json']))).toMatchObject({ sessions: 120 });
    printed = [];
    expect(JSON.parse(await vjj(['subject', 'export', 'acme', 'ann']))).toMatchObject({ rows: [] });
    printed = [];
    expect(await vjj(['instance', 'drain', 'ins_1'])).toMatch(/isDraining +(true|yes)/);
    expect(complained).toEqual([]);
  });

  it('says what is wrong before it is sent, and what was refused after', async () => {
    await vjj(['tenant', 'create', 'X', '--slug', 'No Way']);
    expect(complained.join()).toContain('- slug must be 1 to 40');
    await vjj(['tenant', 'show', 'nobody']);
    expect(complained[1]).toContain('Refused (404 not-found)');
    await vjj(['tenant', 'list'], { VJJ_URL: 'http://127.0.0.1:1', ADMIN_TOKEN: 'x' });
    expect(complained[2]).toContain('No relay answers at http://127.0.0.1:1');
    await vjj(['tenant', 'list'], { VJJ_URL: url });
    expect(complained[3]).toContain('set ADMIN_TOKEN');
    await vjj(['assistant', 'change', 'acme', api.acme.assistant, '{']);
    expect(complained[4]).toContain('That is no JSON');
    await vjj(['api', 'nothing']);
    expect(complained[5]).toContain('There is no route nothing');
    await vjj(['tenant', 'list', '--url', 'x y']);
    expect(complained[6]).toContain('is no address');
    expect(codes).toEqual([1, 1, 1, 1, 1, 1, 1]);
  });

  it('changes an assistant from its newest version, and writes what it sounds like', async () => {
    const shown = await vjj(['assistant', 'change', 'acme', api.acme.assistant, '{"voice":"cedar"}', '--json']);
    expect(JSON.parse(shown)).toMatchObject({ version: 2, voice: 'cedar' });
    const file = join(dir, 'voice.wav');
    await vjj(['assistant', 'hear', 'acme', api.acme.assistant, '--file', file]);
    expect(readFileSync(file).subarray(0, 4).toString()).toBe('RIFF');
  });

  it('reaches every other route by its name', async () => {
    const words = [
      'api',
      'addUser',
      '--param',
      'tenant=acme',
      '--body',
      '{"email":"cy@acme.example","role":"viewer"}',
      '--json',
    ];
    expect(JSON.parse(await vjj(words))).toMatchObject({ email: 'cy@acme.example' });
    expect(API_COMMANDS.filter(({ route }) => !(route in ROUTES))).toEqual([]);
  });

  it('makes session tokens as a page and as a backend', async () => {
    expect(await vjj(['token', '--tenant', api.publishableKey, '--origin', ORIGIN])).toMatch(
      /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/,
    );
    printed = [];
    const key = Buffer.from('s'.repeat(40)).toString('base64url');
    const signed = await vjj(['token', '--tenant', api.acme.tenant, '--key', key, '--kid', 'kid-acme', '--json']);
    expect((JSON.parse(signed) as { token: string }).token).toMatch(/^eyJ/);
    await vjj(['token', '--tenant', api.publishableKey]);
    await vjj(['token', '--tenant', api.publishableKey, '--origin', 'https://evil.example']);
    expect(complained[0]).toContain('--origin');
    expect(complained[1]).toContain('403 origin-refused');
  });
});
