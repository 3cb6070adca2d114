import { describe, expect, it } from 'vitest';
import { RelayMessage, WidgetMessage, readMessage } from './index.ts';

describe('the relay', () => {
  it.each([
    ['json', '{'],
    ['type', '42'],
    ['type', '{"type":"shout"}'],
    ['type', '{}'],
    ['epoch', '{"type":"playout","epoch":-1,"item":"i","playedMs":1}'],
    ['playedMs', '{"type":"playout","epoch":1,"item":"i","playedMs":null}'],
    ['playedMs', '{"type":"playout","epoch":1,"item":"i","playedMs":86400001}'],
    ['item', '{"type":"playout","epoch":1,"item":"","playedMs":1}'],
    ['more', '{"type":"ping","more":1}'],
    ['a field', '{"type":"ping","what somebody said":1}'],
    ['a field', `{"type":"ping","${'x'.repeat(65)}":1}`],
    [
      'tools.0.name',
      '{"type":"session.start","turn":"auto","tools":[{"name":"a b","description":"","parameters":{}}]}',
    ],
    ['locale', '{"type":"session.start","turn":"auto","locale":"../etc"}'],
    ['text', `{"type":"user.text","text":"${'x'.repeat(8_001)}"}`],
  ])('names %s as what is wrong', (at, data) => {
    expect(readMessage(WidgetMessage, data)).toEqual({ ok: false, at });
  });
});

describe('the widget', () => {
  it('skips fields that it does not know', () => {
    const read = readMessage(RelayMessage, '{"type":"gate.pause","epoch":1,"newer":true}');
    expect(read).toEqual({ ok: true, message: { type: 'gate.pause', epoch: 1 } });
  });
});
