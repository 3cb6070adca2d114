/** Files for hosts that nobody here has an account with promise what nginx promises, word for word where they can. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDockerfile } from '../docker/dockerfile.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
interface Rule {
  source: string;
  headers: { key: string; value: string }[];
}
const vercel = JSON.parse(read('deploy/other/vercel.json')) as {
  buildCommand: string;
  installCommand: string;
  outputDirectory: string;
  rewrites: { source: string; destination: string }[];
  headers: Rule[];
};
const railway = JSON.parse(read('deploy/other/railway.json')) as {
  build: { builder: string; dockerfilePath: string };
  deploy: { healthcheckPath: string; drainingSeconds: number; numReplicas: number };
};
const nginx = `${read('deploy/docker/nginx/site.conf.template')}${read('deploy/docker/nginx/headers.conf')}`;
const headersOf = (source: string) =>
  Object.fromEntries(
    (vercel.headers.find((rule) => rule.source === source)?.headers ?? []).map(({ key, value }) => [key, value]),
  );

describe('the static host', () => {
  it('builds with what is there and gives out what the other script copies', () => {
    expect(vercel.installCommand).toBe('npm ci --ignore-scripts');
    expect(vercel.buildCommand).toBe('node scripts/build.mjs && node deploy/other/static-files.mjs public');
    expect(vercel.outputDirectory).toBe('public');
  });

  it('sends the headers that nginx sends', () => {
    for (const source of ['/v/:path*', '/(voice-jib-jab.*\\.js|sri\\.json)', '/(.*)'])
      for (const [key, value] of Object.entries(headersOf(source)))
        if (key !== 'Strict-Transport-Security')
          expect(nginx, key).toMatch(`add_header ${key} ${/[ ,]/.test(value) ? `"${value}"` : value} `);
    const [, ours = ''] = /Content-Security-Policy "([^"]*)"/.exec(nginx) ?? [];
    const theirs = headersOf('/(console|demo)(.*)')['Content-Security-Policy'] ?? '';
    const rules = (policy: string) => policy.split('; ').filter((rule) => !rule.startsWith('connect-src'));
    expect(rules(theirs)).toEqual(rules(ours));
    // The site's own API goes through the host; sockets go to the relay itself.
    expect(theirs).toContain("connect-src 'self' wss://RELAY_HOST;");
    expect(vercel.rewrites.map(({ destination }) => destination)).toContain('https://RELAY_HOST/api/:path*');
  });
});

describe('the container host', () => {
  it('runs the image of the relay, asks whether it is ready, and lets conversations end', () => {
    expect(railway.build.builder).toBe('DOCKERFILE');
    expect(parseDockerfile(read(railway.build.dockerfilePath)).at(-1)?.command).toEqual(['node', 'dist/relay/main.js']);
    const { healthcheckPath, drainingSeconds, numReplicas } = railway.deploy;
    expect([healthcheckPath, numReplicas]).toEqual(['/health/ready', 1]);
    const [, drainMs = '0'] = /^DRAIN_TIMEOUT_MS=(\d+)$/m.exec(read('.env.example')) ?? [];
    expect(drainingSeconds * 1000).toBeGreaterThan(Number(drainMs));
  });
});
