import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApp } from '../app.ts';
import { appFixture, ORIGIN, type AppFixture } from './testing/app-fixture.ts';

const PAGE = 'http://localhost:3000';
interface Knobs {
  knobs: { name: string; value: unknown; own: unknown }[];
}
let fixture: AppFixture;
let app: AppFixture['app'];
beforeEach(async () => {
  fixture = await appFixture();
  await fixture.directory.ensureDemo([PAGE]);
  app = createApp({ ...fixture.deps, hasDemo: true });
});
afterEach(() => fixture.end());

const change = (body: object, origin: string | null = PAGE) =>
  app.request('/api/demo/knobs', {
    method: 'PATCH',
    headers: { 'content-type': 'application/json', ...(origin !== null && { origin }) },
    body: JSON.stringify(body),
  });
const own = async (response: Response | Promise<Response>, name: string) =>
  ((await (await response).json()) as Knobs).knobs.find((knob) => knob.name === name)?.own;

describe('/api/demo/knobs', () => {
  it("changes the demo assistant's knobs for the next call, and puts the relay's back", async () => {
    expect(await own(app.request('/api/demo/knobs'), 'RESUME_REWIND_MS')).toBeNull();
    expect(await own(change({ RESUME_REWIND_MS: 300, LANE_A_ENABLED: false }), 'RESUME_REWIND_MS')).toBe(300);
    const demo = (await fixture.directory.byPublishableKey('pk_demo'))!;
    expect((await fixture.directory.assistant(demo.id))?.lanes).toEqual({
      RESUME_REWIND_MS: 300,
      LANE_A_ENABLED: false,
    });
    expect(await own(change({ RESUME_REWIND_MS: null }), 'RESUME_REWIND_MS')).toBeNull();
    expect(await own(app.request('/api/demo/knobs'), 'LANE_A_ENABLED')).toBe(false);
    expect((await fixture.directory.assistant(fixture.tenantId))?.lanes).toEqual({});
  });

  it.each([
    ['out of range', { RESUME_REWIND_MS: 99_999 }],
    ['that nobody knows', { NO_SUCH_KNOB: 1 }],
    ['of another kind', { LANE_A_ENABLED: 'perhaps' }],
    ['that is a document', { RESUME_REWIND_MS: {} }],
  ])('refuses a value %s, and changes nothing', async (_what, body) => {
    const response = await change(body);
    expect(response.status).toBe(400);
    expect(((await response.json()) as { errors: { at: string }[] }).errors[0]?.at).toContain(Object.keys(body)[0]);
    expect(await own(app.request('/api/demo/knobs'), 'RESUME_REWIND_MS')).toBeNull();
  });

  it.each([
    ['no page', null],
    ["another tenant's page", ORIGIN],
    ['a page of nobody', 'https://evil.example'],
  ])('takes nothing from %s, and shows a browser no way in', async (_who, origin) => {
    expect((await change({ RESUME_REWIND_MS: 300 }, origin)).status).toBe(403);
    const preflight = await app.request('/api/demo/knobs', {
      method: 'OPTIONS',
      headers: { origin: origin ?? 'null', 'access-control-request-method': 'PATCH' },
    });
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('is nothing where there is no demo: not mounted in production, and no tenant behind it', async () => {
    await fixture.directory.suspendDemo();
    expect((await change({ RESUME_REWIND_MS: 300 })).status).toBe(404);
    app = fixture.app;
    expect((await app.request('/api/demo/knobs')).status).toBe(404);
  });
});
