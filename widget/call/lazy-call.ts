/**
 * How a call is opened when nobody says otherwise: by the relay. What that takes (socket, microphone,
 * worklet) is fetched with the first call, from the folder that this script came from.
 */
import { fetched } from '../fetched.ts';
import type { OpenCall } from './call.ts';

const parts = fetched(() => import('./open-call.ts'));

/** Fetches what a call is made of, and opens none. */
export const loadCall = (): Promise<typeof import('./open-call.ts')> => parts.load();

export const openCall: OpenCall = (request) => {
  const { here } = parts;
  return here ? here.openCall(request) : parts.load().then(({ openCall: open }) => open(request));
};
