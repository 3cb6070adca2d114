import { describe, expect, it } from 'vitest';
import { RelayError } from './errors.ts';
import { newId, newPublishableKey } from './ids.ts';
import { createLog, scrub, silentLog, type LogFields } from './log.ts';

function capture(options: { level?: 'debug' | 'info'; readable?: boolean } = {}) {
  const lines: string[] = [];
  const log = createLog({
    level: options.level ?? 'debug',
    readable: options.readable ?? false,
    destination: { write: (line: string) => void lines.push(line) },
  });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> };
}
const JWT = 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl';

describe('the log', () => {
  it('writes one JSON line an event with the fields that are on its list', () => {
    const { log, lines, last } = capture();
    log
      .child({ session: 'ses_1', tenant: 'ten_1' })
      .info('session ended', { closeCode: 1000, ms: 12.5, cause: 'ended' });
    expect(lines).toHaveLength(1);
    expect(last()).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      event: 'session ended',
      session: 'ses_1',
      tenant: 'ten_1',
      closeCode: 1000,
      ms: 12.5,
      cause: 'ended',
    });
  });

  it('drops whatever is not on its list, wherever a careless caller puts it', () => {
    const canaries = {
      token: JWT,
      apiKey: 'canary-api-key',
      authorization: 'Bearer canary-bearer',
      transcript: 'canary transcript',
      text: 'canary text',
      audio: Buffer.from('canary sound'),
      headers: { 'sec-websocket-protocol': `vjj.1, token.${JWT}` },
      session: { deep: { er: 'canary nested' } },
      status: 'canary in a number',
      path: '/ws?token=canary-query',
      url: 'http://x/y#canary-fragment',
      origin: `https://x.example/${JWT}`,
      reason: 'key sk-proj-canary_0123456789 was refused; Bearer canarybearer; ?api_key=canarykey&x=1',
      error: Object.assign(new Error(`boom ${JWT} token.canary-subprotocol`, { cause: new Error(`why ${JWT}`) }), {
        request: { body: 'canary body' },
        code: 'sk-canary-as-code',
      }),
    };
    const { log, lines, last } = capture();
    log.error(`failed with ${JWT}`, canaries as unknown as LogFields);
    expect(lines.join()).not.toMatch(/canary|eyJ/i);
    expect(Object.keys(last()).sort()).toEqual(['error', 'event', 'level', 'origin', 'path', 'reason', 'time', 'url']);
    expect(last()['path']).toBe('/ws');
    expect(last()['error']).toMatchObject({ name: 'Error', message: 'boom [secret] [secret]' });
  });

  it('gives a stack for the unexpected only, and takes anything thrown', () => {
    const { log, last } = capture();
    log.warn('x', { error: new RelayError('token-invalid', 'no such key') });
    expect(last()['error']).toEqual({ name: 'RelayError', code: 'token-invalid', message: 'no such key' });
    log.warn('x', { error: new TypeError('y') });
    expect(last()['error']).toMatchObject({ name: 'TypeError', stack: expect.stringContaining('TypeError: y') });
    log.warn('x', { error: 'canary text that was thrown' });
    expect(last()['error']).toEqual({ name: 'string' });
  });

  it('shortens what is too long', () => {
    const { log, last } = capture();
    log.info('x', { reason: 'r'.repeat(5_000) });
    expect(String(last()['reason'])).toHaveLength(301);
  });

  it('keeps quiet below its level', () => {
    const { log, lines } = capture({ level: 'info' });
    log.debug('x');
    expect(lines).toEqual([]);
    silentLog.error('x');
  });

  it('writes a line for people on a terminal', () => {
    const { log, lines } = capture({ readable: true });
    log.info('relay started', { port: 3000 });
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}relay started port=3000\n$/);
    log.error('failed', { error: new RelayError('busy', 'full') });
    expect(lines[1]).toMatch(/RelayError: full\n$/);
  });

  it('leaves ordinary words alone', () => {
    for (const text of ['the token is too old', 'ses_06f3', 'risk-averse', 'https://a.example/b'])
      expect(scrub(text)).toBe(text);
  });
});

describe('ids', () => {
  it('sort by time and tell their kind', () => {
    const ids = [1, 2, 3_000_000_000_000].map((at) => newId('ses', at));
    expect([...ids].sort()).toEqual(ids);
    for (const id of ids) expect(id).toMatch(/^ses_[0-9a-hjkmnp-tv-z]{26}$/);
    expect(newId('ten')).not.toBe(newId('ten'));
    expect(newPublishableKey()).toMatch(/^pk_[0-9a-z]{24}$/);
  });
});
