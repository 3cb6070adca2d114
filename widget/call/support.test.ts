import { expect, it } from 'vitest';
import { obstacle, type Obstacles } from './support.ts';

const fine: Obstacles = {
  ...{ secureContext: true, microphone: true, audioWorklet: true, webSocket: true },
  ...{ permission: 'prompt', permitted: true, inputs: 1 },
};

it.each<[Partial<Obstacles>, string | null]>([
  [{}, null],
  [{ secureContext: false, permitted: false }, 'INSECURE_CONTEXT'],
  [{ audioWorklet: false }, 'PROTOCOL'],
  [{ webSocket: false }, 'PROTOCOL'],
  [{ permitted: false, inputs: 0 }, 'POLICY_BLOCKED'],
  [{ microphone: false }, 'MIC_NOT_FOUND'],
  [{ inputs: 0 }, 'MIC_NOT_FOUND'],
  [{ permission: 'denied' }, 'MIC_DENIED'],
])('where %j, a call would meet %s first', (facts, code) => {
  expect(obstacle({ ...fine, ...facts })).toBe(code);
});
