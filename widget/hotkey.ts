/** A key combination written as `ctrl+shift+k`, compared with what was pressed. */

const MODIFIERS = ['ctrl', 'alt', 'shift', 'meta'] as const;

/** Whether `event` is the combination. Names are the browser's key names in any case; `space` is the space bar. */
export function matchesHotkey(
  hotkey: string,
  event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'altKey' | 'shiftKey' | 'metaKey'>,
): boolean {
  const parts = hotkey.toLowerCase().split('+');
  const key = parts.find((part) => !MODIFIERS.some((modifier) => modifier === part));
  if (!key) return false;
  const pressed = event.key === ' ' ? 'space' : event.key.toLowerCase();
  return pressed === key && MODIFIERS.every((modifier) => event[`${modifier}Key`] === parts.includes(modifier));
}
