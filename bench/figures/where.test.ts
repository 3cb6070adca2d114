import { expect, it } from 'vitest';
import { partsOf, type CpuProfile } from './where.ts';

const frame = (functionName: string, url = '') => ({ functionName, url });

/** root → onData (ws) → step (arbiter) → sort (native); root → writev; and what the runtime does itself. */
const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 5, 6, 7, 8] },
    { id: 2, callFrame: frame('onData', 'file:///x/node_modules/ws/lib/receiver.js'), children: [3] },
    { id: 3, callFrame: frame('step', 'file:///x/dist/relay/arbiter/step.js'), children: [4] },
    { id: 4, callFrame: frame('sort') },
    { id: 5, callFrame: frame('writev') },
    { id: 6, callFrame: frame('(idle)') },
    { id: 7, callFrame: frame('(garbage collector)') },
    { id: 8, callFrame: frame('emit', 'node:events') },
  ],
  samples: [2, 3, 4, 5, 6, 7, 8],
  timeDeltas: [100, 100, 200, 300, 5_000, 200, 100],
};

it('gives the time of each sample to the nearest code that has an owner, and none to idling', () => {
  expect(Object.fromEntries(partsOf(PROFILE).map(({ name, share }) => [name, share]))).toEqual({
    arbiter: 0.3,
    'writing to sockets: system calls, TLS': 0.3,
    'collecting garbage': 0.2,
    'WebSocket frames (`ws`)': 0.1,
    'Node: streams, sockets, promises': 0.1,
  });
});

it('names the largest first, and nothing of a thread that did nothing', () => {
  const shares = partsOf(PROFILE).map(({ share }) => share);
  expect(shares).toEqual([...shares].sort((a, b) => b - a));
  expect(partsOf({ ...PROFILE, samples: [6], timeDeltas: [1_000] })).toEqual([]);
});
