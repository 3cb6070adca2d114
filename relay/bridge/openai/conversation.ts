/**
 * The conversation as the provider holds it and as the next connection will be told it: the
 * ledger of items and the history of words kept in step. Sends what follows from a change; does
 * not know responses, turns or sockets.
 */
import { randomInt } from 'node:crypto';
import type { RealtimeClientEvent } from 'openai/resources/realtime/realtime';
import { samplesToMs } from '#wire';
import type { HistoryEntry } from '../bridge.ts';
import type { Item } from './events.ts';
import { heardShare, heardText } from '../heard-words.ts';
import { History } from './history.ts';
import { type ItemOrder, ItemLedger, type Role } from './ledger.ts';
import { Ring } from './responses.ts';
import { itemOf } from './setup.ts';

export interface ConversationOptions {
  /** What was said before this bridge was opened. */
  history: readonly HistoryEntry[];
  /** An id that no other event of this bridge has. */
  nextId(prefix: string): string;
  /** @returns false when no provider was there to take it. */
  send(event: RealtimeClientEvent): boolean;
  /** The sound of a user item whose words are not known, while it is kept. */
  soundOf(item: string): Int16Array | undefined;
}

export class Conversation {
  readonly #options: ConversationOptions;
  readonly #ledger = new ItemLedger();
  readonly #history = new History();
  /** What an item that was rewritten is called upstream. */
  readonly #renamed = new Map<string, string>();
  /** Their words end already where they were heard to. */
  readonly #cutItems = new Ring();
  /** In each id of ours: two bridges with one history make different ones. */
  readonly #mark = randomInt(100_000_000, 1_000_000_000);
  #items = 0;

  constructor(options: ConversationOptions) {
    this.#options = options;
    for (const entry of options.history) this.#history.add(entry);
  }

  /**
   * Everything that a new connection would be told.
   *
   * @param heardMs - How much of an item was heard so far, where that is not settled yet.
   */
  history(heardMs: (item: string) => number | undefined = () => undefined): HistoryEntry[] {
    const entries = this.#history.replay().map((entry) => {
      const heard = entry.is === 'agent' ? heardMs(entry.id) : undefined;
      if (entry.is !== 'agent' || heard === undefined || !this.isLive(entry.id)) return { ...entry };
      return { ...entry, text: heardText(entry.text, this.#share(entry.id, heard)) };
    });
    return entries.filter((entry) => entry.is !== 'agent' || entry.text.trim() !== '');
  }

  /** Items that are remembered one by one. */
  get size(): number {
    return this.#ledger.size;
  }

  /** Something of ours joins: now, or with the next connection. @returns its id. */
  tell(is: 'user' | 'system', text: string): string {
    const id = this.#itemId(is);
    this.#join({ is, id, text });
    return id;
  }

  /** What became of a call. */
  tellOutput(call: string, output: string): void {
    const made = this.#history.call(call);
    // A call of an earlier connection is not known to this one: it had no output to be told with.
    if (made !== undefined && this.#ledger.get(made.id) === undefined) this.#create(made);
    this.#join({ is: 'output', id: this.#itemId('output'), call, output });
  }

  called(item: string, call: string, name: string, args: string): void {
    this.#history.add({ is: 'call', id: item, call, name, arguments: args });
  }

  /** The provider speaks of an item that it may not have added yet. */
  expect(id: string, role: Role): void {
    this.#ledger.expect(id, role);
  }

  added(item: Item, previous: string | null): void {
    const role = roleOf(item);
    // An item that was rewritten is in the history under its first id.
    const isOurs = [...this.#renamed.values()].includes(item.id);
    if (item.type === 'message' && !this.isDeleted(item.id) && !isOurs) {
      const is = role === 'agent' || role === 'system' ? role : 'user';
      this.#history.add({ is, id: item.id, text: '' }, previous);
    }
    this.#obey(this.#ledger.added(item.id, role));
  }

  done(id: string): void {
    this.#ledger.done(id);
  }

  isDeleted(id: string): boolean {
    return this.#ledger.get(id)?.fate === 'deleted';
  }

  isLive(id: string): boolean {
    return this.#ledger.get(id)?.fate === 'live';
  }

  /** @returns whether the sound may be passed on. */
  received(id: string, samples: number): boolean {
    return this.#ledger.received(id, samples);
  }

  /** Sound that the model has and that is not passed on. */
  late(id: string): void {
    this.#ledger.late(id);
  }

  userSaid(id: string, text: string): void {
    this.#history.add({ is: 'user', id, text: '' });
    this.#history.setText(id, text);
  }

  agentSays(id: string, delta: string): void {
    this.#history.add({ is: 'agent', id, text: '' });
    this.#history.appendText(id, delta);
  }

  agentSaid(id: string, text: string): void {
    this.#history.setText(id, text);
  }

  truncate(id: string, audioEndMs: number): void {
    const heardMs = Number.isFinite(audioEndMs) ? Math.max(0, Math.floor(audioEndMs)) : 0;
    this.#settle(id, heardMs, this.#ledger.truncate(id, audioEndMs));
  }

  remove(id: string): void {
    this.#settle(id, 0, this.#ledger.remove(id));
  }

  /** An item of a response that is over and was not wanted: the model forgets what nobody was given. */
  settleDead(id: string): void {
    const receivedMs = samplesToMs(this.#ledger.get(id)?.receivedSamples ?? 0);
    this.#settle(id, receivedMs, this.#ledger.settleDead(id));
  }

  /** What to tell a new connection that would begin now, in order. Changes nothing. */
  script(): RealtimeClientEvent[] {
    return this.#history
      .replay((id) => this.#options.soundOf(id) !== undefined)
      .map((entry) => ({ type: 'conversation.item.create', item: itemOf(entry, entry.id, this.#soundFor(entry)) }));
  }

  /** A connection begins that was told {@link script}; of an unfinished item it knows only what has come of its sound. */
  begin(): void {
    for (const { id, is } of this.#history.replay()) {
      const item = this.#ledger.get(id);
      if (is === 'agent' && item?.fate === 'live' && item.isAudio && !item.isDone) {
        this.#cut(id, samplesToMs(item.receivedSamples));
      }
    }
    this.#renamed.clear();
    this.#ledger.restart(this.#history.replay((id) => this.#options.soundOf(id) !== undefined));
  }

  /** The user's own sound, where nobody has written down what they said. */
  #soundFor(entry: HistoryEntry): Int16Array | undefined {
    return entry.is === 'user' && entry.text.trim() === '' ? this.#options.soundOf(entry.id) : undefined;
  }

  #join(entry: HistoryEntry): void {
    this.#history.add(entry);
    this.#create(entry);
  }

  #create(entry: HistoryEntry): void {
    const event_id = this.#options.nextId('item');
    const isSent = this.#options.send({ type: 'conversation.item.create', event_id, item: itemOf(entry) });
    // The provider works in order, so what we add ourselves may be deleted at once.
    if (isSent) this.#ledger.added(entry.id, entry.is);
  }

  /** What is remembered changes at once, also where the provider can be told only later, or never. */
  #settle(id: string, heardMs: number, order: ItemOrder): void {
    const fate = this.#ledger.get(id)?.fate ?? (heardMs === 0 ? 'deleted' : 'live');
    if (fate === 'deleted') this.#history.remove(id);
    else if (fate === 'truncated' && order.do !== 'rewrite' && !this.#cutItems.has(id)) this.#cut(id, heardMs);
    if (fate === 'truncated') this.#cutItems.add(id);
    this.#obey(order);
  }

  #obey(order: ItemOrder): void {
    if (order.do === 'nothing') return;
    const { item } = order;
    const item_id = this.#renamed.get(item) ?? item;
    const event_id = this.#options.nextId(order.do);
    switch (order.do) {
      case 'delete':
        this.#options.send({ type: 'conversation.item.delete', item_id, event_id });
        return;
      case 'truncate': {
        const audio_end_ms = order.audioEndMs;
        this.#options.send({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms, event_id });
        return;
      }
      case 'rewrite':
        this.#rewrite(item, order.heard);
        return;
      default:
        order satisfies never;
    }
  }

  #cut(item: string, heardMs: number): void {
    this.#history.cut(item, this.#share(item, heardMs));
  }

  #share(item: string, heardMs: number): number {
    const { receivedSamples = 0, isDone = true } = this.#ledger.get(item) ?? {};
    return heardShare(heardMs, samplesToMs(receivedSamples), this.#history.text(item).length, isDone);
  }

  /** Of an item of ours. The history may have come from another bridge, and its ids go on being used. */
  #itemId(kind: string): string {
    for (;;) {
      const id = `vjj_${kind}_${this.#mark}${String(++this.#items).padStart(5, '0')}`;
      if (!this.#history.has(id)) return id;
    }
  }

  /** A restored item has no sound to truncate: its text gives way to what was heard of it, in the same place. */
  #rewrite(item: string, heard: number): void {
    const previous = this.#history.before(item);
    this.#history.cut(item, heard);
    const entry = this.#history.replay().find(({ id }) => id === item);
    this.#options.send({ type: 'conversation.item.delete', item_id: item, event_id: this.#options.nextId('delete') });
    if (entry === undefined) {
      this.#history.remove(item);
      return;
    }
    const id = this.#itemId('heard');
    this.#renamed.set(item, id);
    this.#options.send({
      type: 'conversation.item.create',
      previous_item_id: previous === undefined ? 'root' : (this.#renamed.get(previous) ?? previous),
      item: itemOf(entry, id),
      event_id: this.#options.nextId('item'),
    });
  }
}

/** Whose an item is, in our words. */
export function roleOf(item: Item): Role {
  if (item.type === 'function_call') return 'call';
  if (item.type === 'function_call_output') return 'output';
  if (item.role === 'assistant') return 'agent';
  return item.role === 'system' ? 'system' : 'user';
}
