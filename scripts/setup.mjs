/**
 * Brings what the tests need and the machine lacks. On Debian as root it installs the packages;
 * anywhere else it says which one command would.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findChromium } from './chromium.mjs';
import { composeCommand } from './compose.mjs';
import { findFirefox, hasPulseAudio } from './firefox.mjs';

/** Debian keeps a server's programs apart from PATH, by version. */
function hasPostgres(debian = '/usr/lib/postgresql') {
  const versions = existsSync(debian) ? readdirSync(debian).map((version) => join(debian, version, 'bin')) : [];
  const folders = [...versions, ...(process.env.PATH ?? '').split(delimiter)];
  return folders.some((folder) => existsSync(join(folder, 'initdb')));
}

const hasRedis = () =>
  ['/usr/bin', '/usr/local/bin', ...(process.env.PATH ?? '').split(delimiter)].some((folder) =>
    ['redis-server', 'valkey-server'].some((program) => existsSync(join(folder, program))),
  );

const hasServerProgram = (name) => () =>
  ['/usr/sbin', '/usr/local/sbin', ...(process.env.PATH ?? '').split(delimiter)].some((folder) =>
    existsSync(join(folder, name)),
  );

const hasPromtool = () =>
  ['/usr/bin', '/usr/local/bin', ...(process.env.PATH ?? '').split(delimiter)].some((folder) =>
    existsSync(join(folder, 'promtool')),
  );

const NEEDED = [
  { what: 'Chromium', has: () => findChromium() !== undefined, packages: ['chromium'] },
  { what: 'Firefox', has: () => findFirefox() !== undefined, packages: ['firefox-esr'] },
  { what: 'PulseAudio', has: () => hasPulseAudio(), packages: ['pulseaudio', 'pulseaudio-utils'] },
  { what: 'Postgres', has: () => hasPostgres(), packages: ['postgresql'] },
  { what: 'Redis', has: hasRedis, packages: ['redis-server'] },
  { what: 'openssl', has: hasServerProgram('openssl'), packages: ['openssl'] },
  { what: 'nginx', has: hasServerProgram('nginx'), packages: ['nginx-light'] },
  // Its server is not used, and on Debian comes along.
  { what: 'promtool', has: hasPromtool, packages: ['prometheus'] },
  { what: 'Compose', has: () => composeCommand() !== undefined, packages: ['docker-compose'] },
  { what: 'logrotate', has: hasServerProgram('logrotate'), packages: ['logrotate'] },
];

const run = (command, args) =>
  spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });

/** @returns whether everything is there now. */
export function setup() {
  const missing = NEEDED.filter((need) => !need.has());
  if (missing.length === 0) return true;
  const packages = missing.flatMap((need) => need.packages);
  const names = missing.map((need) => need.what).join(', ');
  const install = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    console.error(`The tests need ${names}. Install it, for instance with: ${install}`);
    console.error('A browser elsewhere is named by CHROMIUM_PATH or FIREFOX_PATH.');
    return false;
  }
  console.log(`installing ${names}`);
  run('apt-get', ['update', '-qq']);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages]);
  return NEEDED.every((need) => need.has());
}

if (import.meta.filename === process.argv[1]) process.exit(setup() ? 0 : 1);
