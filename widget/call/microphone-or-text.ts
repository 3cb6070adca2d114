/** `mode="auto"`: by voice, and where no microphone can be had, in writing. */
import type { OpenCall } from './call.ts';
import { callErrorOf } from './call-error-of.ts';

/** @param textOnly - told that the call has no microphone. */
export const microphoneOrText = async (
  open: OpenCall,
  request: Parameters<OpenCall>[0],
  textOnly: () => void,
): ReturnType<OpenCall> => {
  try {
    return await open(request);
  } catch (error) {
    if (callErrorOf(error)?.recovery !== 'text' || request.signal.aborted) throw error;
    textOnly();
    return open({ ...request, config: { ...request.config, mode: 'text' } });
  }
};
