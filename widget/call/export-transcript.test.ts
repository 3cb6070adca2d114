import { expect, it } from 'vitest';
import { exportTranscript } from './export-transcript.ts';
import { Line } from './transcript.ts';

const names = { user: 'You', agent: 'Ada' };
const question = new Line('u', 'user', null, true);
question.finish('Is <b> bold?');
const answer = new Line('i', 'agent', 't', false);
answer.finish('Yes it is, always');
answer.complete(1700);
answer.cut(600, 60);
const silent = new Line('j', 'agent', 't', false);
silent.finish('Never heard');
silent.cut(0, 60);
const entries = [question.entry, answer.entry, silent.entry];

it('writes down only what was heard', () => {
  expect(exportTranscript(entries, 'txt', names)).toBe('You: Is <b> bold?\nAda: Yes it\n');
});

it('writes captions that follow each other, without anything that could be markup', () => {
  expect(exportTranscript(entries, 'vtt', names)).toBe(
    'WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<v You>Is  b> bold?\n\n00:00:01.000 --> 00:00:02.000\n<v Ada>Yes it\n',
  );
});

it('writes everything as JSON', () => {
  expect(JSON.parse(exportTranscript(entries, 'json', names))).toEqual(JSON.parse(JSON.stringify(entries)));
});
