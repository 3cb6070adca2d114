/** The arbiter as the rest of the product sees it, reached as `#arbiter`. */
export * from './vocabulary.ts';
