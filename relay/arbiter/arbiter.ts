/** The arbiter as the rest of the product sees it, reached as `#arbiter`. */
export * from './vocabulary.ts';
export { initialState, nextDeadline, stateName, type State } from './state.ts';
export { step } from './step.ts';
