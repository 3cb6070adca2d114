import { expect, it } from 'vitest';
import { initialState } from './state.ts';
import { step } from './step.ts';
import { DEFAULT_CONFIG, type ArbiterEvent } from './vocabulary.ts';

it('does not grow over three hundred turns whose answers were silent', () => {
  let state = initialState();
  const tell = (event: ArbiterEvent) => {
    state = step(state, event, DEFAULT_CONFIG).state;
  };
  tell({ t: 0, type: 'session.started' });
  tell({ t: 0, type: 'provider.up', generation: 1 });
  for (let turn = 1; turn <= 300; turn++) {
    const t = turn * 10_000;
    tell({ t, type: 'user.text', turn: `t${turn}` });
    tell({ t: t + 10, type: 'response.created', response: `r${turn}`, turn: `t${turn}` });
    tell({ t: t + 20, type: 'response.audio', response: `r${turn}`, item: `i${turn}`, ms: 100, audible: false });
    tell({ t: t + 30, type: 'response.done', response: `r${turn}`, status: 'completed' });
  }
  expect(state.items.length).toBeLessThanOrEqual(20);
  expect(JSON.stringify(state).length).toBeLessThan(16_000);
});
