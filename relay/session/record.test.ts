/** What is written down of a conversation gives the same conversation again, and no word of it. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { initialState, step } from '#arbiter';
import { auditToCase } from '../audit/audit.ts';
import { answer, begin, finish, page, pass, relay, say, tell, userTurn } from './testing/conversation.ts';
import { aClip } from './testing/relay-under-test.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'record-'));
});
afterEach(async () => {
  await relay.stop();
  rmSync(dir, { recursive: true });
});

describe('the record of a session', () => {
  it('replays to the same effects, and holds no words', async () => {
    await begin({ clips: [aClip('mm', 'reflex')], deps: { auditDir: dir } });
    await userTurn();
    await pass(150);
    await answer('r1', 'turn_1', 2_000, 'The password is swordfish.');
    await pass(700);
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, paused: true });
    await say({ type: 'input.transcript.delta', item: 'user_2', text: 'Stop ' });
    await pass(600);
    await tell({ type: 'user.text', text: 'Say swordfish again' });
    await answer('r2', 'turn_2', 200);
    await finish('r2');
    page.send({ type: 'session.end' });
    await page.closed;
    await relay.door.drain(0);

    const [file = ''] = readdirSync(dir);
    const text = readFileSync(join(dir, file), 'utf8');
    expect(text).not.toMatch(/swordfish|Stop/);
    const { config, events, expect: effects } = auditToCase(text);
    let state = initialState(config);
    const replayed = events.flatMap((event) => {
      const next = step(state, event, config);
      state = next.state;
      return next.effects;
    });
    expect(JSON.stringify(replayed)).toBe(JSON.stringify(effects));
    expect(state.ended).toBe(true);
    expect(effects.length).toBeGreaterThan(20);
  });
});
