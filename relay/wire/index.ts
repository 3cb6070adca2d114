/** The contract between widget and relay, reached by both as `#wire`. */
export * from './format.ts';
export * from './audio-frame.ts';
export * from './opus-body.ts';
export * from './messages.ts';
export * from './close-codes.ts';
