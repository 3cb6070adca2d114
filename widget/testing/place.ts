/** The element on a page of its own, with a call that follows a script, for tests in a browser. */
import { CallError, VoiceJibJab, type VoiceJibJabEventMap } from '../index.ts';
import { drawerPart } from '../view/lazy-drawer.ts';
import { ScriptedCall } from './scripted-call.ts';

const placed: VoiceJibJab[] = [];

/** Places one, with the whole script at hand, in English and as a panel unless `attributes` say otherwise. */
export async function place(attributes: Record<string, string> = {}) {
  await Promise.all([VoiceJibJab.preload(), drawerPart.load(), import('../call/run-tool.ts')]);
  const element = document.createElement('voice-jib-jab');
  for (const [name, value] of Object.entries({ tenant: 'pk_test', variant: 'panel', lang: 'en', ...attributes })) {
    element.setAttribute(name, value);
  }
  const script = new ScriptedCall();
  element.openCall = script.openCall;
  document.body.append(element);
  placed.push(element);
  await element.updateComplete;
  const find = (selector: string) => element.renderRoot.querySelector<HTMLElement>(selector);
  const press = (id: string) => find(`[data-id=${id}]`)?.click();
  const seen: { type: string; event: Event }[] = [];
  const watch = (...types: (keyof VoiceJibJabEventMap)[]) => {
    for (const type of types) element.addEventListener(type, (event: Event) => seen.push({ type, event }));
  };
  return {
    ...{ element, script, find, press, seen, watch },
    state: () => find('[part=status]')?.textContent.trim(),
    text: (selector: string) => find(selector)?.textContent.replace(/\s+/g, ' ').trim(),
    settled: () => element.updateComplete,
    fails: async (code: CallError['code']) => {
      const started = element.start();
      script.refuses(new CallError(code, 'for developers only'));
      await started.catch(() => undefined);
      await element.updateComplete;
    },
    live: async (options: { mode?: 'voice' | 'text' | 'auto'; signal?: AbortSignal } = {}) => {
      const started = element.start(options);
      script.opens();
      await started;
      await element.updateComplete;
    },
  };
}
/** Takes every element off the page, and what they remembered with them. */
export function clearPage(): void {
  for (const element of placed.splice(0)) element.remove();
  sessionStorage.clear();
}

/** Presses a key, or lets it go. */
export function key(target: EventTarget | null | undefined, type: 'keydown' | 'keyup', init: KeyboardEventInit): void {
  target?.dispatchEvent(new KeyboardEvent(type, { bubbles: true, composed: true, cancelable: true, ...init }));
}
