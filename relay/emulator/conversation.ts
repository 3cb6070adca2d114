/**
 * The ordered list of items that is the model's memory, and the chain `previous_item_id` that
 * describes it. Knows no events.
 */
import { ProtocolError } from './protocol.ts';
import type { Item } from './items.ts';

/** Sound is kept for this many of the newest items; older ones can be retrieved without it. */
const ITEMS_WITH_SOUND = 40;
/** The same of a session that few would look at: the one that is spoken, and the one before it. */
const FEW_ITEMS = 2;

export class Conversation {
  readonly id: string;
  #items: Item[] = [];
  #withSound = ITEMS_WITH_SOUND;

  constructor(id: string) {
    this.id = id;
  }

  get items(): readonly Item[] {
    return this.#items;
  }

  get last(): Item | undefined {
    return this.#items.at(-1);
  }

  find(id: unknown): Item | undefined {
    return this.#items.find((item) => item.id === id);
  }

  /** The id before `item`; null for the first. */
  previousOf(item: Item): string | null {
    return this.#items[this.#items.indexOf(item) - 1]?.id ?? null;
  }

  /**
   * Puts an item in: at the end, after `previousId`, or first for `"root"`.
   *
   * @throws {ProtocolError} when the id is taken, or `previousId` is not there.
   */
  insert(item: Item, previousId?: string | null): void {
    if (this.find(item.id) !== undefined) {
      throw new ProtocolError(
        'item_create_duplicate_item_id',
        `Error adding item: an item with id '${item.id}' already exists in the conversation.`,
        'item.id',
      );
    }
    if (previousId === undefined || previousId === null) this.#items.push(item);
    else if (previousId === 'root') this.#items.unshift(item);
    else this.#items.splice(this.#items.indexOf(this.#known(previousId, 'adding', 'item_create')) + 1, 0, item);
    this.#letGo();
  }

  /** From now on keeps the sound of the newest items only; lengths and words stay. */
  keepLittle(): void {
    this.#withSound = FEW_ITEMS;
    this.#letGo();
  }

  #letGo(): void {
    for (const old of this.#items.slice(0, -this.#withSound)) old.memory.audio = [];
  }

  /** @throws {ProtocolError} when there is no such item; `doing` and `prefix` make the message and the code. */
  #known(id: unknown, doing: string, prefix: string, param = 'previous_item_id'): Item {
    const item = this.find(id);
    if (item === undefined) {
      throw new ProtocolError(
        `${prefix}_invalid_item_id`,
        `Error ${doing} item: the item with id '${String(id)}' does not exist.`,
        param,
      );
    }
    return item;
  }

  /** @throws {ProtocolError} `item_retrieve_invalid_item_id` */
  toRetrieve(id: unknown): Item {
    return this.#known(id, 'retrieving', 'item_retrieve', 'item_id');
  }

  /** @throws {ProtocolError} `item_truncate_invalid_item_id` */
  toTruncate(id: unknown): Item {
    return this.#known(id, 'truncating', 'item_truncate', 'item_id');
  }

  /** @throws {ProtocolError} `item_delete_invalid_item_id` */
  remove(id: unknown): void {
    const item = this.#known(id, 'deleting', 'item_delete', 'item_id');
    this.#items = this.#items.filter((other) => other !== item);
  }
}
