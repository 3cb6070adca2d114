import { describe, expect, it } from 'vitest';
import { readCases } from './case-file.ts';
import { runCaseFile } from './runner.ts';

const line = (parts: object): string => JSON.stringify({ name: 'a case', events: [], ...parts });
const started = { t: 0, type: 'session.started' };
const late = { t: 9, type: 'session.ended' };

describe('the runner of case files', () => {
  it('passes a case in which everything holds, and prints nothing of it', () => {
    const source = line({ events: [started, { t: 5, type: 'session.ended' }], final: { ended: true, view: 'ENDED' } });
    expect(runCaseFile(`\n${source}\r\n\n`, 'x.jsonl')).toEqual({ passed: 1, failed: 0, lines: [] });
  });

  it('prints a failing case with its events, their effects and the regions they changed', () => {
    const stale = { type: 'stale', event: 'response.text' };
    const source = line({
      events: [started, { t: 7, type: 'response.text', response: 'r0' }, late],
      expect: [
        { ...stale, at: 7 },
        { type: 'gate.open', lane: 'B' },
      ],
    });
    const { passed, failed, lines } = runCaseFile(source, 'x.jsonl');
    expect([passed, failed]).toEqual([0, 1]);
    const printed = lines.join('\n');
    expect(printed).toContain('FAILED x.jsonl:1: a case');
    expect(printed).toContain('expected, but not given: {"type":"gate.open","lane":"B"}');
    expect(printed).toContain('7  response.text {"response":"r0"}');
    expect(printed).toContain('→ stale {"event":"response.text"}');
    expect(printed).toContain('· ended false ⇒ true');
  });

  it.each([
    ['an effect that is forbidden', { forbid: [{ type: 'stale' }] }, 'forbidden, but given at 7'],
    ['an exact number', { count: { stale: 2 } }, 'stale was given 1 times instead of 2'],
    ['the time of its event', { expect: [{ type: 'stale', at: 9 }] }, 'expected, but not given'],
    ['a tag of the final state', { final: { gate: 'open' } }, 'final.gate is {"is":"closed"} instead of "open"'],
    ['an object in the final state', { final: { gate: { is: 'open' } } }, 'final.gate.is is "closed"'],
    ['a list of the final state', { final: { items: ['i1'] } }, 'final.items is [] instead of ["i1"]'],
    ['a field that shall be absent', { final: { epoch: null } }, 'final.epoch is 1 instead of null'],
    ['a region that does not exist', { final: { mood: { is: 'fine' } } }, 'final.mood is undefined'],
    [
      'the order',
      {
        expect: [
          { type: 'stale', event: 'response.text' },
          { type: 'stale', event: 'response.text' },
        ],
      },
      'given at 7, but before an effect that is expected earlier',
    ],
  ])('fails a case over %s', (_, parts, problem) => {
    const source = line({ events: [started, { t: 7, type: 'response.text', response: 'r0' }], ...parts });
    const { failed, lines } = runCaseFile(source, 'x.jsonl');
    expect(failed).toBe(1);
    expect(lines.join('\n')).toContain(problem);
  });

  it("fills in the current epoch where a widget's event leaves it out, and only there", () => {
    const source = line({
      events: [started, { t: 1, type: 'playout', item: 'i1', playedMs: null, epoch: 7 }, late],
      count: { stale: 1 },
    });
    expect(runCaseFile(source, 'x.jsonl').lines).toEqual([]);
  });

  it('inserts no tick: a deadline fires only where the case gives one', () => {
    const talk = [started, { t: 1, type: 'user.onset', utterance: 'u1', source: 'widget' }];
    const over = { t: 90_000, type: 'session.started' };
    expect(runCaseFile(line({ events: [...talk, over], final: { floor: 'user' } }), 'x.jsonl').lines).toEqual([]);
    const ticked = line({ events: [...talk, { t: 90_000, type: 'tick' }], final: { floor: 'deciding' } });
    expect(runCaseFile(ticked, 'x.jsonl').lines).toEqual([]);
  });

  it('matches lists by id and tags by name in the final state', () => {
    const talk = { t: 1, type: 'user.onset', utterance: 'u1', source: 'widget' };
    const final = { speaking: ['u1'], floor: 'user', view: 'LISTENING', items: {}, tools: [], owner: 'none' };
    expect(runCaseFile(line({ events: [started, talk], final }), 'x.jsonl').lines).toEqual([]);
  });

  it('counts a file without a case as failed', () => {
    expect(runCaseFile('\n\n', 'x.jsonl')).toMatchObject({ passed: 0, failed: 1 });
  });
});

describe('the reader of case files', () => {
  const event = (fields: object) => line({ events: [{ t: 0, ...fields }] });
  it.each([
    ['{"name": ', 'not JSON'],
    ['[]', 'a case is an object'],
    ['{"events": []}', '"name" is missing'],
    ['{"name": "x"}', '"events" is not a list'],
    [line({ events: [7] }), 'events[0] is not an object'],
    [line({ events: [{ t: 0 }] }), 'events[0] has no "type"'],
    [line({ events: [{ type: 'tick' }] }), '"t" is missing; it takes milliseconds'],
    [event({ type: 'user.onst' }), 'there is no event "user.onst"; did you mean "user.onset"?'],
    [event({ type: 'quux' }), 'there is no event "quux"; there are session.started'],
    [event({ type: 'toString' }), 'there is no event "toString"'],
    [event({ type: 'user.offset' }), '"utterance" is missing; it takes a string'],
    [event({ type: 'user.onset', utterance: 'u', source: 'dog' }), 'it takes one of widget, provider'],
    [event({ type: 'turn.committed', turn: 't', utterances: [1] }), '"utterances" is [1]; it takes a list of strings'],
    [event({ type: 'response.audio', response: 'r', item: 'i', ms: '20', audible: true }), '"ms" is "20"'],
    [event({ type: 'response.generated', response: 'r', question: 1 }), 'it takes true or false'],
    [line({ config: [] }), '"config" is not an object'],
    [line({ config: { MAX_REFLEX_MS: 1 } }), 'there is no knob MAX_REFLEX_MS; did you mean "MAX_REFLEX_DURATION_MS"?'],
    [line({ config: { STALL_MS: '1' } }), 'config.STALL_MS is "1"; it takes a number'],
    [line({ config: { POLICY_MODE: 'lax' } }), 'it takes one of strict, lenient'],
    [line({ expect: {} }), '"expect" is not a list'],
    [line({ expect: [{ type: 'gate.shut' }] }), 'there is no effect "gate.shut"'],
    [line({ forbid: [{ type: 'gate.open', lane: 'D' }] }), 'forbid[0] (gate.open): "lane" is "D"'],
    [line({ count: { stole: 1 } }), 'count: there is no effect "stole"; did you mean "stale"?'],
    [line({ count: { stale: true } }), 'count.stale is true; it takes a number'],
    [line({ final: 'open' }), '"final" is not an object'],
  ])('refuses %s and says where and why', (source, words) => {
    const { cases, faults } = readCases(`\n${source}`, 'some.jsonl');
    expect(cases).toEqual([]);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(`some.jsonl:2: `);
    expect(faults[0]).toContain(words);
    expect(runCaseFile(source, 'some.jsonl')).toMatchObject({ passed: 0, failed: 1 });
  });

  it('notes words that nobody reads, and goes on', () => {
    const source = line({
      note: 'for readers',
      given: 'not ours',
      events: [{ t: 0, type: 'tick', note: 'free', by: 'hand' }],
      forbid: [
        { type: 'gate.open', to: 'B' },
        { type: 'audit', reason: 'free' },
      ],
    });
    const { cases, faults, notes } = readCases(source, 'x.jsonl');
    expect([cases.length, faults]).toEqual([1, []]);
    expect(cases[0]?.events).toEqual([{ t: 0, type: 'tick' }]);
    expect(notes).toHaveLength(3);
    expect(notes.join()).toMatch(/"given" is no part.*tick has no "by".*gate.open has no "to"/s);
  });
});
