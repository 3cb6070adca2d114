import { expect, it } from 'vitest';
import { matchesHotkey } from './hotkey.ts';

const press = (key: string, ...held: ('ctrlKey' | 'altKey' | 'shiftKey' | 'metaKey')[]) => ({
  key,
  ctrlKey: held.includes('ctrlKey'),
  altKey: held.includes('altKey'),
  shiftKey: held.includes('shiftKey'),
  metaKey: held.includes('metaKey'),
});

it.each([
  ['ctrl+shift+k', press('K', 'ctrlKey', 'shiftKey'), true],
  ['ctrl+shift+k', press('k', 'ctrlKey'), false],
  ['alt+space', press(' ', 'altKey'), true],
  ['F2', press('F2'), true],
  ['F2', press('F2', 'metaKey'), false],
  ['ctrl', press('Control', 'ctrlKey'), false],
])('compares %s with all modifiers', (hotkey, event, expected) => {
  expect(matchesHotkey(hotkey, event)).toBe(expected);
});
