/**
 * Loads the worklet's file where the page's policy lets it: from the given places in order, then as a
 * blob. Which of them a Content-Security-Policy allows is the page's business.
 */
import { CallError } from '../errors.ts';

const lazyCode = async () => (await import('./worklet-code.ts')).workletCode;

/**
 * @param code - gives the worklet as a string, asked for only when no URL worked.
 * @throws {CallError} `CSP_WORKLET` when nothing worked; its cause is the first failure.
 */
export async function loadWorklet(
  context: BaseAudioContext,
  urls: readonly string[],
  code: () => Promise<string> = lazyCode,
): Promise<void> {
  const failures: unknown[] = [];
  for (const url of urls) {
    try {
      await context.audioWorklet.addModule(url);
      return;
    } catch (error) {
      failures.push(error);
    }
  }
  try {
    const url = URL.createObjectURL(new Blob([await code()], { type: 'text/javascript' }));
    try {
      await context.audioWorklet.addModule(url);
    } finally {
      URL.revokeObjectURL(url);
    }
  } catch (error) {
    failures.push(error);
    throw new CallError('CSP_WORKLET', `the audio worklet could not be loaded from ${urls.join(', ')} or a blob`, {
      cause: failures[0],
    });
  }
}
