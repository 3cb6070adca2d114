/** A start, or a command about the database, that cannot go on, in words for the operator. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}
