/** Child processes of a measurement, and how they are ended: by pid, always. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A port that was free a moment ago. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function start(args, env, ready) {
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  return new Promise((resolve, reject) => {
    const look = (chunk) => {
      output += chunk;
      const match = ready.exec(output);
      if (match) resolve({ child, match });
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.on('exit', (code) => reject(new Error(`${args[0]} ended with ${code}:\n${output}`)));
  });
}

function stop(child) {
  if (child.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill('SIGTERM');
  });
}

export async function startProxy(upstreamUrl) {
  const { child, match } = await start([path.join(import.meta.dirname, 'ws-proxy.mjs'), upstreamUrl], {}, /port (\d+)/);
  return { url: `ws://127.0.0.1:${match[1]}`, close: () => stop(child) };
}

/** The built relay on a port and a data directory of its own. */
export async function startRelay(env) {
  const port = await freePort();
  const dataDir = mkdtempSync(path.join(tmpdir(), 'vjj-bench-'));
  const main = path.join(import.meta.dirname, '..', '..', 'dist', 'relay', 'main.js');
  const { child } = await start(
    [main],
    {
      PORT: String(port),
      DATA_DIR: dataDir,
      LOG_LEVEL: 'info',
      NODE_ENV: 'development',
      DRAIN_TIMEOUT_MS: '200',
      RATE_LIMIT_MAX_REQUESTS: '100000',
      ...env,
    },
    new RegExp(`localhost:${port}/demo/`),
  );
  return {
    origin: `http://localhost:${port}`,
    pid: child.pid,
    async close() {
      await stop(child);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
