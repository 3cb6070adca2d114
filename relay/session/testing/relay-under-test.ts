/** The door and its sessions on a real server of their own, with everything else in a test's hands. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { DEFAULT_CONFIG, type ArbiterConfig } from '#arbiter';
import type { OpenBridge } from '../../bridge/bridge.ts';
import type { Clock } from '../../clock.ts';
import { RelayError } from '../../errors.ts';
import { silentLog } from '../../log.ts';
import type { Clip, ClipLibrary } from '../../reflex/library.ts';
import { DEFAULT_LIMITS } from '../../tenants/demo.ts';
import type { Admission, Assistant, Limits, Tenant } from '../../tenants/tenant.ts';
import {
  DOOR_DEFAULTS,
  createUpgradeHandler,
  type AdmitRequest,
  type UpgradeDeps,
  type UpgradeHandler,
} from '../upgrade.ts';

export interface RelayUnderTest {
  url: string;
  port: number;
  door: UpgradeHandler;
  /** Sockets that the server holds open. */
  readonly sockets: number;
  /** Admissions given out and not yet given back. */
  readonly leases: number;
  readonly asked: AdmitRequest[];
  /** Resolves when no socket is left. */
  empty(): Promise<void>;
  stop(): Promise<void>;
}

export interface RelayUnderTestOptions {
  clock: Clock;
  openBridge: OpenBridge;
  config?: Partial<ArbiterConfig>;
  assistant?: Partial<Assistant>;
  limits?: Partial<Limits>;
  tenant?: Partial<Tenant>;
  clips?: Clip[];
  /** Given when the provider is up. */
  voiced?: Clip[];
  deps?: Partial<UpgradeDeps>;
}

/** A clip of `ms` milliseconds. */
export function aClip(id: string, kind: Clip['kind'], ms = 300, affirmative = false): Clip {
  return { id, kind, ms, affirmative, samples: new Int16Array(ms * 24).fill(1_000) };
}

export const GOOD_TOKEN = 'good';

export async function relayUnderTest(options: RelayUnderTestOptions): Promise<RelayUnderTest> {
  const asked: AdmitRequest[] = [];
  const sockets = new Set<Socket>();
  let leases = 0;
  let onEmpty: (() => void)[] = [];

  function admission(request: AdmitRequest): Admission {
    leases += 1;
    let isHeld = true;
    const assistant: Assistant = {
      id: 'ast_1',
      version: 1,
      name: 'Jib',
      model: 'gpt-realtime-2.1',
      voice: 'marin',
      instructions: 'Be brief.',
      locale: 'en',
      tools: [],
      pageTools: true,
      lanes: {},
      policy: { disallowed: [], refusal: 'I cannot say that.', fallback: 'Sorry.' },
      ...options.assistant,
    };
    return {
      tenant: { id: 'ten_1', slug: 'one', name: 'One', status: 'active', ...options.tenant },
      assistant,
      limits: { ...DEFAULT_LIMITS, concurrentSessions: 10, connectsPerMinute: 100, ...options.limits },
      subject: request.token.startsWith('other') ? 'other' : 'user',
      origin: request.origin,
      token: 'tok_1',
      grant: {
        ...{ tenant: 'ten_1', subject: request.token.startsWith('other') ? 'other' : 'user', id: 'tok_1' },
        ...{ kids: ['key_1'], issuedAtMs: options.clock.wallNow(), isServer: false, assistant: undefined },
      },
      tokenExpiresAt: options.clock.wallNow() + 600_000,
      release() {
        if (isHeld) leases -= 1;
        isHeld = false;
      },
    };
  }
  const clips: ClipLibrary = {
    wordless: () => options.clips ?? [],
    clipsFor(_request, _speak, _signal, onClip) {
      for (const clip of options.voiced ?? []) onClip(clip);
      return Promise.resolve();
    },
  };
  const deps: UpgradeDeps = {
    clock: options.clock,
    log: silentLog,
    config: { ...DEFAULT_CONFIG, ...options.config },
    openBridge: options.openBridge,
    clips,
    auditDir: null,
    limits: { heartbeatMs: 30_000, maxMessageBytes: 1024 * 1024 },
    door: DOOR_DEFAULTS,
    async admit(request) {
      asked.push(request);
      if (request.token !== GOOD_TOKEN && request.token !== 'other') {
        throw new RelayError('token-invalid', 'not a token of this test');
      }
      return admission(request);
    },
    ...options.deps,
  };
  const door = createUpgradeHandler(deps);
  const server: Server = createServer((_request, response) => response.writeHead(404).end());
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) for (const tell of onEmpty.splice(0)) tell();
    });
  });
  server.on('upgrade', (request, socket, head) => door.handle(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/ws`,
    port,
    door,
    asked,
    get sockets() {
      return sockets.size;
    },
    get leases() {
      return leases;
    },
    async empty() {
      if (sockets.size > 0) await new Promise<void>((resolve) => (onEmpty = [...onEmpty, resolve]));
      // What listens to the same close has its turn first.
      await new Promise((resolve) => setImmediate(resolve));
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await door.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
