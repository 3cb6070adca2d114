/** Who stands between page and provider in the hop: started together, talked through one after the other. */
import path from 'node:path';
import { startNginx } from '../../relay/testing/nginx.ts';
import { freePort, startNode, startRelayProcess, type RelayProcess } from '../load/processes.ts';
import { ADMIN, widenLimits } from '../load/limits.ts';
import { makeCertificate, startChild, type Child } from './child.ts';
import type { LoadOrder, Seen, Target } from './hop-load.ts';

const HERE = import.meta.dirname;
export const DIST = path.resolve(HERE, '../../dist');

export interface ProviderSeen {
  upUs: number[];
  framesUp: number;
  framesDown: number;
  sessions: number;
  lateMs: number[];
}
interface ProviderPorts {
  plain: number;
  tls: number;
}

/** What stands between, as a target and a process. */
export interface Hop extends Target {
  pid: number;
  /** What it said on standard error. */
  complaints: () => string;
}

/** A policy that waits for its verdict: moderation shares the machine with everything else here. */
export const POLICY_BUDGET_MS = 3_000;
/** From one turn of somebody who talks without a pause to the next, with sound as models send it: an answer and the rest after it. */
export const EXCHANGE_MS = 4_800;

export interface HopStage {
  load: Child<LoadOrder, unknown>;
  provider: Child<'take', ProviderPorts>;
  /** Starts and adds what stands between. */
  direct(): Target;
  proxy(name: string, isTls: boolean, flags?: readonly string[]): Promise<Hop>;
  /** The least that speaks the realtime protocol above. */
  bridge(name: string, isTls: boolean): Promise<Hop>;
  nginx(): Promise<Hop>;
  relay(
    name: string,
    how?: {
      isTls?: boolean;
      isBase64?: boolean;
      isAhead?: boolean;
      dist?: string;
      env?: Record<string, string>;
      flags?: readonly string[];
    },
  ): Promise<Hop & { process: RelayProcess }>;
  take(): Promise<{ load: Seen; provider: ProviderSeen }>;
  close(): Promise<void>;
}

export async function setHopStage(): Promise<HopStage> {
  const closers: (() => unknown)[] = [];
  const certificate = makeCertificate();
  closers.push(() => certificate.remove());
  const provider = await startChild<'take', ProviderPorts>('figures/hop-provider', [
    certificate.key,
    certificate.certificate,
  ]);
  closers.push(() => provider.stop());
  const load = await startChild<LoadOrder>('figures/hop-load');
  closers.push(() => load.stop());
  const trusted = { NODE_EXTRA_CA_CERTS: certificate.certificate };
  const { plain, tls } = provider.first;
  const between = async (script: string, name: string, isTls: boolean, flags: readonly string[] = []) => {
    const upstream = isTls ? `wss://localhost:${tls}/` : `ws://127.0.0.1:${plain}/`;
    const running = await startNode([...flags, path.join(HERE, script), upstream], trusted, /port (\d+)/);
    closers.push(() => running.stop());
    const url = `ws://127.0.0.1:${running.match[1] ?? ''}/`;
    return { name, kind: 'plain' as const, url, origin: '', ...running };
  };
  return {
    ...{ load, provider },
    direct: () => ({ name: 'direct', kind: 'plain', url: `ws://127.0.0.1:${plain}/`, origin: '' }),
    proxy: (name, isTls, flags) => between('ws-proxy.mjs', name, isTls, flags),
    bridge: (name, isTls) => between('ws-bridge.mjs', name, isTls),
    async nginx() {
      const listen = await freePort();
      const server = await startNginx({ listen, relays: [plain] });
      closers.push(() => server.stop());
      const pid = server.workerPid;
      return {
        name: 'nginx',
        kind: 'plain',
        url: `ws://127.0.0.1:${listen}/ws`,
        origin: '',
        pid,
        complaints: () => '',
      };
    },
    async relay(name, { isTls = false, isBase64 = false, isAhead = false, dist = DIST, env = {}, flags = [] } = {}) {
      const at = isTls ? `https://localhost:${tls}` : `http://127.0.0.1:${plain}`;
      const base = `${at}${isAhead ? '/ahead' : ''}/v1`;
      const leg = isBase64 ? ['--import', path.join(HERE, 'base64-leg.mjs')] : [];
      const relay = await startRelayProcess(
        dist,
        {
          ...trusted,
          ...{ OPENAI_API_KEY: 'sk-for-the-bench', OPENAI_BASE_URL: base },
          ...(isBase64 && { BENCH_BASE64_LEG: '1' }),
          ...{ POLICY_BUDGET_MS: String(POLICY_BUDGET_MS), ADMIN_TOKEN: ADMIN },
          ...env,
        },
        [...flags, ...leg],
      );
      closers.push(() => relay.stop());
      await widenLimits(relay.origin, 2_000);
      const url = `${relay.origin.replace('http', 'ws')}/ws`;
      const kind = isBase64 ? 'base64' : 'relay';
      return { name, kind, url, origin: relay.origin, pid: relay.pid, complaints: relay.complaints, process: relay };
    },
    async take() {
      const [seen, above] = await Promise.all([load.ask<Seen>({ do: 'take' }), provider.ask<ProviderSeen>('take')]);
      return { load: seen, provider: above };
    },
    async close() {
      for (const close of closers.reverse()) await close();
    },
  };
}
