/** The server on real sockets: who gets in, what ends a connection, and the routes beside it. */
import { once } from 'node:events';
import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { virtualClock } from '../testing/virtual-clock.ts';
import { startEmulator, type Emulator, type EmulatorOptions } from './emulator.ts';
import { dial } from './testing/socket-client.ts';
import { base64, silence, toldEar, tone, toneVoice } from './testing/sounds.ts';

let running: Emulator[] = [];
afterEach(async () => {
  await Promise.all(running.map((emulator) => emulator.close()));
  running = [];
});

async function start(options: EmulatorOptions = {}): Promise<Emulator & { origin: string }> {
  const quick = { 'created-ms': 0, 'first-audio-ms': 0 };
  const faults = { ...quick, ...options.faults };
  const emulator = await startEmulator({ voice: toneVoice, ear: toldEar(), pace: 1000, ...options, faults });
  running.push(emulator);
  return { ...emulator, origin: new URL(emulator.url).origin };
}
const post = (body: unknown, method = 'POST'): RequestInit => ({
  method,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const json = async (response: Promise<Response>): Promise<ReturnType<typeof JSON.parse>> => (await response).json();

describe('who gets in', () => {
  it('gets session.created first, with the model asked for, and pings every 20 seconds', async () => {
    const clock = virtualClock();
    const { url } = await start({ clock });
    const { socket, first, events } = await dial(url);
    const created = await first('session.created');
    expect(events[0]).toBe(created);
    expect(created['session']).toMatchObject({ type: 'realtime', model: 'gpt-realtime-2.1' });
    expect(created['session'].expires_at).toBe(Math.floor(clock.wallNow() / 1000) + 3600);
    const pinged = once(socket, 'ping');
    clock.advance(20_000);
    await pinged;
  });

  it('cuts a peer that answers no ping for a minute', async () => {
    const clock = virtualClock();
    const { url } = await start({ clock });
    const { closed, first } = await dial(url, undefined, { autoPong: false });
    await first('session.created');
    clock.advance(90_000);
    expect((await closed).code).toBe(1006);
  });

  it('by a bearer key or by the subprotocol of browsers, and only with the right one', async () => {
    const { url } = await start({ requireKey: 'sk-right' });
    const bearer = await dial(url, undefined, { headers: { authorization: 'Bearer sk-right' } });
    await bearer.first('session.created');
    const browser = await dial(url, undefined, { protocols: ['realtime', 'openai-insecure-api-key.sk-right'] });
    await browser.first('session.created');
    expect(browser.socket.protocol).toBe('realtime');
    for (const headers of [{ authorization: 'Bearer sk-wrong' }, {}]) {
      const refused = await dial(url, undefined, { headers });
      expect((await refused.first('error'))['error'].code).toBe('invalid_api_key');
      expect(await refused.closed).toEqual({ code: 3000, reason: 'invalid_request_error.invalid_api_key' });
      expect(refused.events).toHaveLength(1);
    }
  });

  it.each([
    ['', {}, 'missing_model', 4000],
    ['?model=gpt-9', {}, 'model_not_found', 4004],
    ['?model=gpt-realtime', { headers: { 'OpenAI-Beta': 'realtime=v1' } }, 'beta_api_shape_disabled', 4000],
    ['?model=gpt-realtime', { protocols: ['realtime', 'openai-beta.realtime-v1'] }, 'beta_api_shape_disabled', 4000],
  ])('not with %s %o: %s, close %i', async (query, options, code, close) => {
    const { url } = await start();
    const { first, closed } = await dial(url, query, options);
    expect((await first('error'))['error'].code).toBe(code);
    expect(await closed).toEqual({ code: close, reason: `invalid_request_error.${code}` });
  });

  it('not by another path', async () => {
    const { origin } = await start();
    const socket = new WebSocket(`${origin.replace('http', 'ws')}/v1/other?model=gpt-realtime`);
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('404');
  });

  it.each(['//', '*', '/%'])('not by the target %s, which harms nobody', async (target) => {
    const { port, origin } = await start();
    const socket = connect(port, '127.0.0.1');
    const key = Buffer.alloc(16).toString('base64');
    socket.write(
      `GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
        `sec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`,
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 40[04] /);
    socket.destroy();
    expect((await fetch(origin)).status).toBe(200);
  });

  it('with a dated model', async () => {
    const { url } = await start();
    await (await dial(url, '?model=gpt-realtime-2025-08-28')).first('session.created');
  });

  it('answers binary frames and garbage, takes an append of several MiB, and closes on what is larger than any', async () => {
    const { url, sessions } = await start();
    const { socket, send, first, closed, events } = await dial(url);
    socket.send(Buffer.from([1, 2, 3]));
    socket.send('garbage');
    send({ type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection: null } } } });
    send({ type: 'input_audio_buffer.append', audio: base64(tone(100_000)) });
    send({ type: 'input_audio_buffer.clear' });
    await first('input_audio_buffer.cleared');
    expect(events.filter(({ type }) => type === 'error').map(({ error }) => error.code)).toEqual([
      'invalid_event',
      'invalid_json',
    ]);
    expect(sessions()[0]?.receivedMs).toBe(100_000);
    socket.send('x'.repeat(25 * 1024 * 1024));
    expect((await closed).code).toBe(1009);
  });
});

describe('what ends', () => {
  it('a session with its socket, at any moment, without a timer left', async () => {
    const clock = virtualClock();
    const { url, sessions } = await start({ clock });
    const { socket, send, first } = await dial(url);
    send({ type: 'response.create' });
    send({ type: 'input_audio_buffer.append', audio: base64(tone(400)) });
    await first('input_audio_buffer.speech_started');
    expect(clock.pending).toBeGreaterThan(0);
    socket.close(1000, 'enough');
    await expect.poll(() => sessions()[0]?.closed).toEqual({ code: 1000, reason: 'enough' });
    expect(clock.pending).toBe(0);
  });

  it('and leaves its words to look at, and for the newest few also their sound', async () => {
    const { url, origin, sessions } = await start({ ear: toldEar('Thank you') });
    for (let i = 1; i <= 24; i += 1) {
      const { send, first, socket, closed } = await dial(url);
      send({ type: 'input_audio_buffer.append', audio: base64(tone(200)) });
      send({ type: 'input_audio_buffer.commit' });
      await first('input_audio_buffer.committed');
      socket.close();
      await closed;
    }
    await expect.poll(() => sessions().every(({ isOpen }) => !isOpen)).toBe(true);
    expect(sessions()).toHaveLength(20);
    const bytes = async (id = ''): Promise<number> =>
      (await (await fetch(`${origin}/emulator/sessions/${id}/audio`)).arrayBuffer()).byteLength;
    expect([await bytes(sessions()[15]?.id), await bytes(sessions()[16]?.id)]).toEqual([0, 200 * 48]);
    expect(sessions()[0]?.items).toHaveLength(1);
  });

  it('every socket when the server closes', async () => {
    const { url, close } = await start();
    const { closed, first } = await dial(url);
    await first('session.created');
    await close();
    expect((await closed).code).toBe(1006);
  });

  it('by a drop: the socket closes with the code in the middle of an answer', async () => {
    const { url } = await start({ faults: { drop: '1012:1' } });
    const { send, closed } = await dial(url);
    send({ type: 'response.create' });
    expect((await closed).code).toBe(1012);
    const cut = await start({ faults: { drop: 1006 } });
    const other = await dial(cut.url);
    other.send({ type: 'response.create' });
    expect((await other.closed).code).toBe(1006);
  });

  it('not at all when the port is taken or a fault or rule is wrong: it says so instead', async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toThrow('EADDRINUSE');
    await expect(start({ faults: { pace: 'slow', typo: 1 } })).rejects.toThrow(/pace: takes factor; typo: there is no/);
    const folder = await mkdtemp(join(tmpdir(), 'rules-'));
    const file = join(folder, 'rules.json');
    await expect(start({ rules: file })).rejects.toThrow('is not a readable rule file');
    await writeFile(file, '{"rules":[{"name":"x","match":["("]}],"opening":7}');
    await expect(start({ rules: file })).rejects.toThrow(/opening: Invalid type/);
    const own = JSON.parse(
      await (await import('node:fs/promises')).readFile(new URL('./rules.json', import.meta.url), 'utf8'),
    );
    await writeFile(file, JSON.stringify({ ...own, rules: [{ name: 'x', match: ['('], say: 'x' }] }));
    await expect(start({ rules: file })).rejects.toThrow(/rules\.0\.match: Invalid regular expression/);
    await rm(folder, { recursive: true });
  });
});

describe('routes beside the socket', () => {
  it('list models, and refuse the wrong key', async () => {
    const { url } = await start({ requireKey: 'sk-right' });
    const headers = { authorization: 'Bearer sk-right' };
    const { data } = await json(fetch(`${url}/models`, { headers }));
    expect(data[0]).toMatchObject({ id: 'gpt-realtime-2.1', object: 'model' });
    expect(await json(fetch(`${url}/models/gpt-realtime`, { headers }))).toMatchObject({ id: 'gpt-realtime' });
    const refused = await fetch(`${url}/models`);
    expect([refused.status, await refused.json()]).toMatchObject([401, { error: { code: 'invalid_api_key' } }]);
  });

  it('make client secrets that open a session as it was described, until they expire', async () => {
    const clock = virtualClock();
    const { url } = await start({ requireKey: 'sk-right', clock });
    const headers = { authorization: 'Bearer sk-right' };
    const session = { type: 'realtime', model: 'gpt-realtime-2.1-mini', instructions: 'Be brief.' };
    const body = { session, expires_after: { anchor: 'created_at', seconds: 60 } };
    const secret = await json(fetch(`${url}/realtime/client_secrets`, { headers, ...post(body) }));
    expect(secret).toMatchObject({
      expires_at: Math.floor(clock.wallNow() / 1000) + 60,
      session: { instructions: 'Be brief.' },
    });
    expect(secret.value).toMatch(/^ek_/);
    const protocols = ['realtime', `openai-insecure-api-key.${secret.value}`];
    const created = await (await dial(url, '', { protocols })).first('session.created');
    expect(created['session']).toMatchObject(session);
    clock.advance(60_000);
    const late = await dial(url, '', { protocols });
    expect((await late.closed).code).toBe(3000);
    for (const wrong of [
      { expires_after: { anchor: 'created_at', seconds: 1 } },
      { session: { type: 'transcription' } },
    ]) {
      expect((await fetch(`${url}/realtime/client_secrets`, { headers, ...post(wrong) })).status).toBe(400);
    }
    expect(await json(fetch(`${url}/realtime/client_secrets`, { headers, method: 'POST' }))).toHaveProperty('value');
  });

  it('moderate text by the phrases of the rule file', async () => {
    const { url } = await start();
    const input = ['It gives you Guaranteed Returns.', { type: 'text', text: 'Good morning.' }];
    const { results } = await json(fetch(`${url}/moderations`, post({ input })));
    expect(results.map(({ flagged }: { flagged: boolean }) => flagged)).toEqual([true, false]);
    expect(results[0]).toMatchObject({ categories: { illicit: true, hate: false, 'self-harm': false } });
    expect(Object.keys(results[0].categories)).toHaveLength(13);
    expect((await fetch(`${url}/moderations`, post({ input: 3 }))).status).toBe(400);
    expect((await fetch(`${url}/moderations`, post('{'))).status).toBe(400);
    expect((await fetch(`${url}/moderations`, post('[]'))).status).toBe(400);
    expect((await fetch(`${url}/moderations`, post(' '.repeat(1024 * 1024 + 1)))).status).toBe(413);
  });

  it('set, show and clear what goes wrong', async () => {
    const { origin, faults } = await start();
    const route = `${origin}/emulator/faults`;
    const { faults: now, knobs } = await json(fetch(route, post({ pace: 2, error: 'server_error:2' })));
    expect(now).toMatchObject({ pace: 2, error: 'server_error:2' });
    expect(knobs.pace.takes).toBe('factor');
    expect((await json(fetch(`${route}/pace`, { method: 'DELETE' }))).faults).toMatchObject({
      pace: null,
      error: 'server_error:2',
    });
    expect((await fetch(route, post({ pace: -1 }))).status).toBe(400);
    expect((await fetch(`${route}/typo`, { method: 'DELETE' })).status).toBe(404);
    await fetch(route, { method: 'DELETE' });
    expect(faults.current).toEqual((await json(fetch(route))).faults);
    expect(faults.current.error).toBeNull();
  });

  it('show what was received: sound as it arrived, the last two minutes of it, and items as they are remembered', async () => {
    const { url, origin } = await start({ ear: toldEar('Thank you') });
    const { send, first } = await dial(url);
    const sounds = [silence(300), tone(700), silence(600)];
    for (const sound of sounds) send({ type: 'input_audio_buffer.append', audio: base64(sound) });
    await first('response.done');
    const { sessions } = await json(fetch(`${origin}/emulator/state`));
    expect(sessions[0]).toMatchObject({
      isOpen: true,
      receivedMs: 1600,
      responses: [{ rule: 'thanks', status: 'completed' }],
    });
    expect(sessions[0].items.map(({ remembered }: { remembered: string }) => remembered)).toEqual([
      ...['Thank you', 'You are welcome.'],
    ]);
    const bytes = async (path: string): Promise<string> =>
      Buffer.from(await (await fetch(`${origin}/emulator/sessions/${path}`)).arrayBuffer()).toString('base64');
    expect(await bytes(`${sessions[0].id}/audio`)).toBe(
      Buffer.concat(sounds.map((s) => Buffer.from(base64(s), 'base64'))).toString('base64'),
    );
    expect(await bytes(`latest/items/${sessions[0].items[1].id}`)).toBe(base64(tone(960)));
    for (const path of ['none/audio', 'latest/items/none', 'latest/video']) {
      expect((await fetch(`${origin}/emulator/sessions/${path}`)).status).toBe(404);
    }
    for (let i = 0; i < 3; i += 1) send({ type: 'input_audio_buffer.append', audio: base64(silence(50_000)) });
    send({ type: 'input_audio_buffer.clear' });
    await first('input_audio_buffer.cleared');
    expect(Buffer.from(await bytes('latest/audio'), 'base64')).toHaveLength(120_000 * 48);
  });

  it('of many open sessions keep all sound of the newest only; of the others what they need themselves', async () => {
    const { url, origin, sessions } = await start();
    const { send, first, events } = await dial(url);
    await first('session.created');
    const items = () => sessions()[0]?.items ?? [];
    const committed = () => events.filter(({ type }) => type === 'input_audio_buffer.committed').length;
    for (let turn = 1; turn <= 3; turn += 1) {
      const audio = base64(silence(6_000));
      send({ type: 'input_audio_buffer.append', audio });
      send({ type: 'input_audio_buffer.commit' });
      await vi.waitFor(() => expect(committed()).toBe(turn));
    }
    const sizes = () =>
      Promise.all(
        ['audio', ...items().map(({ id }) => `items/${String(id)}`)].map(async (path) => {
          const answer = await fetch(`${origin}/emulator/sessions/${String(sessions()[0]?.id)}/${path}`);
          return (await answer.arrayBuffer()).byteLength / 48;
        }),
      );
    expect(await sizes()).toEqual([18_000, 6_000, 6_000, 6_000]);
    for (let others = 0; others < 8; others += 1) await (await dial(url)).first('session.created');
    send({ type: 'input_audio_buffer.append', audio: base64(silence(20)) });
    send({ type: 'input_audio_buffer.clear' });
    await first('input_audio_buffer.cleared');
    // Whole appends are let go of.
    expect(await sizes()).toEqual([12_020, 0, 6_000, 6_000]);
    expect(items().map((item) => item['audio_ms'])).toEqual([6_000, 6_000, 6_000]);
  });

  it('say where things are, and that there is nothing elsewhere', async () => {
    const { origin } = await start();
    expect(await json(fetch(`${origin}/`))).toMatchObject({ status: 'ok', realtime: '/v1/realtime' });
    expect((await fetch(`${origin}/elsewhere`)).status).toBe(404);
  });
});
