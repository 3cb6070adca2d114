/** The worklet as a string, in a file of its own so that only pages that need the last resort fetch it. */
export { default as workletCode } from './worklet.ts?worklet';
