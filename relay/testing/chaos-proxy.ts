/**
 * A wire that fails on demand: a TCP proxy on a free port of the loopback, which passes bytes on until a test cuts it,
 * in either direction, at once or after a given byte, with a goodbye, with a reset, or by silence. It knows bytes and
 * connections and nothing of what is said over them.
 */
import net, { type AddressInfo, type Socket } from 'node:net';

/** `up` is what the dialling side sends. */
export type Direction = 'up' | 'down';

export type CutKind =
  /** Both ends see the connection closed, after all bytes that were let through. */
  | 'close'
  /** Both ends see a reset; bytes that were let through may be lost with it. */
  | 'reset'
  /** Nobody is told: the connection stands and nothing passes any more, until it is cut otherwise. */
  | 'silence';

export interface CutPlan {
  /** Whose bytes are counted. */
  direction: Direction;
  /** How many bytes still pass that way, counted from now: the next one is never delivered. */
  afterBytes: number;
  kind?: CutKind;
}

/** One connection through the proxy. */
export class ChaosConnection {
  /** Bytes that were let through. */
  readonly passed: Record<Direction, number> = { up: 0, down: 0 };
  /** Resolves when neither end is connected any more. */
  readonly closed: Promise<void>;
  readonly #ends: Record<Direction, { from: Socket; to: Socket }>;
  #plan: (Required<CutPlan> & { cut: () => void }) | null = null;
  #isSilent = false;
  #isHeld = false;
  #isCut = false;

  constructor(client: Socket, server: Socket) {
    this.#ends = { up: { from: client, to: server }, down: { from: server, to: client } };
    let open = 2;
    this.closed = new Promise((resolve) => {
      for (const socket of [client, server]) {
        socket.setNoDelay(true);
        // An end that resets is an end that is gone.
        socket.on('error', () => undefined);
        socket.once('close', () => {
          open -= 1;
          if (open === 0) resolve();
        });
      }
    });
    this.#pass('up');
    this.#pass('down');
  }

  get isOpen(): boolean {
    return !this.#isCut && Object.values(this.#ends).every(({ from }) => !from.destroyed);
  }

  /** Cuts it now. */
  cut(kind: CutKind = 'close'): void {
    this.#isCut = true;
    this.#plan = null;
    if (kind === 'silence') {
      this.#isSilent = true;
      for (const { from } of Object.values(this.#ends)) from.resume();
      return;
    }
    for (const { from } of Object.values(this.#ends)) {
      if (kind === 'reset') from.resetAndDestroy();
      // What was let through gets there: the end follows it.
      else from.end(() => from.destroy());
    }
  }

  /** Cuts it at a byte that has not passed yet. @returns when that has happened. */
  cutAfter({ direction, afterBytes, kind = 'close' }: CutPlan): Promise<void> {
    return new Promise((resolve) => {
      this.#plan = { direction, afterBytes, kind, cut: resolve };
    });
  }

  /** Nothing passes and nothing is lost, as on a network that is only slow. */
  hold(): void {
    this.#isHeld = true;
    for (const { from } of Object.values(this.#ends)) from.pause();
  }

  release(): void {
    this.#isHeld = false;
    for (const { from } of Object.values(this.#ends)) from.resume();
  }

  #pass(direction: Direction): void {
    const { from, to } = this.#ends[direction];
    from.on('data', (bytes: Buffer) => this.#carry(direction, bytes));
    from.on('end', () => {
      if (!this.#isSilent) to.end();
    });
    from.on('close', () => {
      if (!this.#isSilent && !this.#isCut) to.destroySoon();
    });
    to.on('drain', () => {
      if (!this.#isHeld) from.resume();
    });
  }

  #carry(direction: Direction, bytes: Buffer): void {
    if (this.#isCut) return;
    const { from, to } = this.#ends[direction];
    const plan = this.#plan?.direction === direction ? this.#plan : null;
    const through = plan ? bytes.subarray(0, plan.afterBytes) : bytes;
    this.passed[direction] += through.length;
    if (through.length > 0 && !to.write(through)) from.pause();
    if (!plan) return;
    plan.afterBytes -= through.length;
    if (through.length === bytes.length && plan.afterBytes > 0) return;
    this.cut(plan.kind);
    plan.cut();
  }
}

export class ChaosProxy {
  readonly connections: ChaosConnection[] = [];
  readonly #server: net.Server;
  readonly #waiting: (() => void)[] = [];
  #isRefusing = false;
  #target: number;
  readonly #plans: { plan: CutPlan; cut: () => void }[] = [];

  private constructor(server: net.Server, targetPort: number) {
    this.#server = server;
    this.#target = targetPort;
    server.on('connection', (client) => this.#accept(client));
  }

  /** @param targetPort - where connections go on to, on the loopback. */
  static async listen(targetPort: number): Promise<ChaosProxy> {
    const server = net.createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new ChaosProxy(server, targetPort);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As `http:` origin. */
  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The newest connection. @throws where there was none yet. */
  get newest(): ChaosConnection {
    const connection = this.connections.at(-1);
    if (!connection) throw new Error('nobody has connected through the proxy');
    return connection;
  }

  get openConnections(): number {
    return this.connections.filter(({ isOpen }) => isOpen).length;
  }

  /** Connections that are made from now on go there. */
  retarget(targetPort: number): void {
    this.#target = targetPort;
  }

  /** New connections are closed at once, until told otherwise; those that stand go on. */
  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing;
  }

  /**
   * Cuts the next connection at a byte, counted from its first; after several calls the one after it, and so on.
   *
   * @returns when that has happened.
   */
  cutNext(plan: CutPlan): Promise<void> {
    return new Promise((resolve) => this.#plans.push({ plan, cut: resolve }));
  }

  /** Cuts every connection now. */
  cut(kind: CutKind = 'close'): void {
    for (const connection of this.connections) if (connection.isOpen) connection.cut(kind);
  }

  /** Resolves as soon as `isSo` holds, looked at with every new connection. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Ends everything; resolves when no socket is left. */
  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#server.close(resolve));
    for (const connection of this.connections) connection.cut('reset');
    await Promise.all([ended, ...this.connections.map(({ closed }) => closed)]);
  }

  #accept(client: Socket): void {
    if (this.#isRefusing) {
      client.on('error', () => undefined).resetAndDestroy();
      return;
    }
    const server = net.connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true });
    // Where nobody listens, the one who dialled learns it as a closed connection.
    server.once('error', () => client.destroy());
    const connection = new ChaosConnection(client, server);
    this.connections.push(connection);
    const next = this.#plans.shift();
    if (next) void connection.cutAfter(next.plan).then(next.cut);
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
