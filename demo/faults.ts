/**
 * A bad network between this page and the relay. What the browser calls a socket is taken in before
 * the widget opens one: messages are kept back, in order, and connections are cut. A TCP connection
 * loses nothing, so that loss shows as it does there: everything behind a lost packet waits.
 */

export interface Line {
  /** One way, in milliseconds. */
  delayMs: number;
  /** At most so much more. */
  jitterMs: number;
  /** Share of messages whose packet is lost, 0 … 1. */
  lossShare: number;
}

/** How long a lost packet takes to be sent again. */
const RESEND_MS = 300;
const CUT = 1006;

const line: Line = { delayMs: 0, jitterMs: 0, lossShare: 0 };
let offlineUntilMs = 0;
const open = new Set<FaultySocket>();

/** What waits to arrive, in order. */
class Queue {
  #waiting: { atMs: number; deliver: () => void }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  add(deliver: () => void): void {
    const lostMs = Math.random() < line.lossShare ? RESEND_MS : 0;
    const delayMs = line.delayMs + Math.random() * line.jitterMs + lostMs;
    if (delayMs === 0 && this.#waiting.length === 0) {
      deliver();
      return;
    }
    const lastMs = this.#waiting.at(-1)?.atMs ?? 0;
    this.#waiting.push({ atMs: Math.max(lastMs, performance.now() + delayMs), deliver });
    this.#arm();
  }
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
  }
  #arm(): void {
    const [next] = this.#waiting;
    if (!next || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      while (this.#waiting[0] && this.#waiting[0].atMs <= performance.now()) this.#waiting.shift()?.deliver();
      this.#arm();
    }, next.atMs - performance.now());
  }
}

class FaultySocket extends WebSocket {
  readonly #up = new Queue();
  readonly #down = new Queue();
  readonly #closeListeners = new Set<EventListenerOrEventListenerObject>();
  #isCut = false;

  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols);
    open.add(this);
    super.addEventListener('close', () => open.delete(this));
    if (performance.now() < offlineUntilMs) queueMicrotask(() => this.cut());
  }

  override send(data: string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBuffer>): void {
    // What is sent later must be what it is now.
    const kept = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
      : data;
    this.#up.add(() => {
      if (this.readyState === WebSocket.OPEN) super.send(kept as string);
    });
  }

  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void {
    if (!listener) return;
    const tell = (event: Event) => {
      if (typeof listener === 'function') listener.call(this, event);
      else listener.handleEvent(event);
    };
    if (type === 'close') this.#closeListeners.add(listener);
    const heard = (event: Event) => {
      if (this.#isCut) return;
      if (type === 'message') this.#down.add(() => tell(event));
      else tell(event);
    };
    super.addEventListener(type, heard, options);
  }

  /** As if the cable were pulled. */
  cut(): void {
    if (this.#isCut) return;
    const event = new CloseEvent('close', { code: CUT });
    this.#isCut = true;
    this.#up.clear();
    this.#down.clear();
    super.close();
    for (const listener of this.#closeListeners) {
      if (typeof listener === 'function') listener.call(this, event);
      else listener.handleEvent(event);
    }
  }
}

/** From now on every socket of this page goes over the line. */
export function installLine(): void {
  window.WebSocket = FaultySocket;
}
export function setLine(change: Partial<Line>): void {
  Object.assign(line, change);
}
/** Cuts every connection; new ones fail for `forMs`. @returns how many were cut. */
export function cutLine(forMs: number): number {
  offlineUntilMs = performance.now() + forMs;
  const cut = [...open];
  for (const socket of cut) socket.cut();
  return cut.length;
}
