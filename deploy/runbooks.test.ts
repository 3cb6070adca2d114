/**
 * The pages that somebody reads at night are true: each command in them exists, each link leads somewhere, and the
 * ones that save or lose data are run as they stand there.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { vjjCommand } from '../relay/cli/commands.ts';
import { readConfig } from '../relay/config.ts';
import { openStore } from '../relay/store/store.ts';
import { acme } from '../relay/store/testing/two-databases.ts';
import { postgresDatabase } from '../relay/testing/database.ts';
import { findPostgres } from '../relay/testing/postgres.ts';

const root = path.resolve(import.meta.dirname, '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const below = (folder: string) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `${folder}/${file}`);
const pages = [...below('docs'), 'README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];
const blocks = (file: string) => [...read(file).matchAll(/```(\w*)\n([^]*?)```/g)].map(([, , text = '']) => text);
const spans = (file: string) => [...read(file).matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
const lines = (file: string) => [...blocks(file).flatMap((text) => text.split('\n')), ...spans(file)];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'vjj-runbook-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The command that `words` name, and what of them is left. */
function find(words: readonly string[]): { command: Command; rest: string[] } {
  let command = vjjCommand();
  let at = 0;
  for (; at < words.length; at += 1) {
    const next = command.commands.find((one) => one.name() === words[at]);
    if (next === undefined) break;
    command = next;
  }
  return { command, rest: words.slice(at) };
}

describe('every page', () => {
  it.each(pages)('%s names commands of vjj that are there, with options that they take', (page) => {
    const asked = lines(page)
      .map((line) => /(?:^|\s)vjj ([a-z][^#|]*)/.exec(line)?.[1]?.split(/ (?:&&|\|) /)[0])
      .filter((text) => text !== undefined);
    for (const text of asked) {
      const { command, rest } = find(
        text
          .replace(/[;,.]\s*$/, '')
          .trim()
          .split(/\s+/),
      );
      expect(command.name(), text).not.toBe('vjj');
      // A group alone is talked of; in front of a word it has to know it.
      if (command.commands.length > 0) expect(rest, text).toEqual([]);
      const known = new Set([...command.options.map(({ long }) => long), '--help']);
      const options = rest.filter((word) => word.startsWith('--')).map((word) => word.split('=')[0]);
      if (command.name() !== 'arbiter')
        expect(
          options.filter((one) => !known.has(one)),
          text,
        ).toEqual([]);
    }
  });

  it.each(pages)('%s names npm scripts that are there', (page) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = lines(page).flatMap((line) => [...line.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name));
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it.each(pages)('%s links to files and headings that are there', (page) => {
    const slug = (title: string) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-');
    const text = read(page).replaceAll(/```[^]*?```/g, '');
    const links = [...text.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, link = '']) => link);
    const lost = links.filter((link) => {
      const [file = '', heading] = link.split('#');
      const target = file === '' ? path.join(root, page) : path.resolve(root, path.dirname(page), file);
      if (!existsSync(target)) return true;
      if (heading === undefined || !target.endsWith('.md')) return false;
      const titles = [...readFileSync(target, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => slug(title));
      return !titles.includes(heading);
    });
    expect(lost).toEqual([]);
  });
});

describe('install', () => {
  const page = 'docs/operations/install.md';

  it('makes secrets that the relay takes', () => {
    const block = blocks(page).find((text) => text.includes('openssl rand')) ?? '';
    const commands = block.split('\n').filter((line) => /^(mkdir|openssl|echo|printf)/.test(line));
    expect(commands).toHaveLength(6);
    const { status, stderr } = spawnSync('sh', ['-e', '-c', commands.join('\n').replace('sk-…', 'sk-0123456789')], {
      ...{ cwd: folder, encoding: 'utf8' },
    });
    expect([status, stderr]).toEqual([0, '']);
    const secret = (name: string) => path.join(folder, 'secrets', name);
    const config = readConfig({
      ...{ NODE_ENV: 'production', PUBLIC_URL: 'https://voice.example.com', DATA_DIR: folder },
      ...{ MASTER_KEY_FILE: secret('master_key'), ADMIN_TOKEN_FILE: secret('admin_token') },
      ...{ DATABASE_URL_FILE: secret('database_url'), OPENAI_API_KEY_FILE: secret('openai_api_key') },
    });
    expect(config.database).toEqual({
      url: expect.stringMatching(/^postgres:\/\/voice:[0-9a-f]{48}@postgres\/voice$/),
    });
    expect(config.openai.apiKey).toBe('sk-0123456789');
  });

  it('has a unit of systemd that lets conversations end and writes where the log is rotated', () => {
    const unit = Object.fromEntries(
      (blocks(page).find((text) => text.startsWith('[Unit]')) ?? '')
        .split('\n')
        .filter((line) => line.includes('='))
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    const { drainTimeoutMs } = readConfig({ DATA_DIR: folder });
    expect(Number(unit['TimeoutStopSec']) * 1000).toBeGreaterThan(drainTimeoutMs);
    expect(unit['ExecStart']).toMatch(/node dist\/relay\/main\.js$/);
    expect(unit['StandardOutput']).toBe('append:/var/log/voice-jib-jab/relay.log');
    expect(read('deploy/other/logrotate.conf')).toContain('/var/log/voice-jib-jab/relay.log {');
  });
});

describe('logs', () => {
  it('of more than thirty days are in the archive, and none is lost or cut', () => {
    const [log, archive] = [path.join(folder, 'log'), path.join(folder, 'archive')];
    mkdirSync(log, { mode: 0o755 });
    const settings = read('deploy/other/logrotate.conf')
      .replaceAll('/var/log/voice-jib-jab', log)
      .replaceAll('/var/archive/voice-jib-jab', archive)
      // A day of the test is a moment: the name tells them apart.
      .replace('dateext', 'dateext\n    dateformat -%Y%m%d-%s');
    writeFileSync(path.join(folder, 'settings'), settings, { mode: 0o644 });
    const days = 33;
    const current = path.join(log, 'relay.log');
    // Of thirty-two days before, oldest first, as it names them.
    for (let day = 1; day < days; day += 1) {
      const date = new Date(Date.UTC(2026, 0, day));
      const stamp = `${date.toISOString().slice(0, 10).replaceAll('-', '')}-${date.getTime() / 1000}`;
      const file = path.join(log, `relay.log-${stamp}`);
      writeFileSync(file, `{"day":${day}}\n`);
      spawnSync('gzip', [file]);
      utimesSync(`${file}.gz`, date, date);
    }
    writeFileSync(current, `{"day":${days}}\n`);
    const { status, stderr } = spawnSync(
      'logrotate',
      ['-f', '-s', path.join(folder, 'state'), path.join(folder, 'settings')],
      {
        ...{ encoding: 'utf8', env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` } },
      },
    );
    expect([status, stderr]).toEqual([0, '']);
    const dayOf = (file: string) => {
      const { stdout } = spawnSync('gzip', ['-dc', file], { encoding: 'utf8' });
      return (JSON.parse(stdout) as { day: number }).day;
    };
    const daysIn = (where: string) =>
      readdirSync(where)
        .filter((file) => file.endsWith('.gz'))
        .map((file) => dayOf(path.join(where, file)))
        .sort((a, b) => a - b);
    expect(readFileSync(current, 'utf8')).toBe('');
    expect(daysIn(log)).toHaveLength(30);
    expect([...daysIn(archive), ...daysIn(log)]).toEqual(Array.from({ length: days }, (_, at) => at + 1));
  });
});

describe('back up and restore', () => {
  const MASTER_KEY = 'k'.repeat(44);
  const commands = blocks('docs/operations/backup.md').join('\n').split('\n');
  const command = (program: string) => {
    const line = commands.find((one) => one.startsWith(program)) ?? '';
    return line.replace(/\s+#.*$/, '').replaceAll(/voice-(\$\(date \+%F\)|2026-11-20)\.dump/g, 'voice.dump');
  };
  const shell = (line: string, url: string) =>
    spawnSync('sh', ['-c', line], {
      cwd: folder,
      encoding: 'utf8',
      // The client of the server that the test has.
      env: { PATH: `${findPostgres() ?? ''}:${process.env['PATH'] ?? ''}`, DATABASE_URL: url },
    });

  it('of Postgres: what was there comes back, opened by the same key, and what came in since is gone', async () => {
    const url = await postgresDatabase();
    const open = () => openStore({ url, masterKey: MASTER_KEY, now: () => Date.UTC(2026, 10, 20) });
    const store = await open();
    await store.tenants.create(acme);
    await store.providerKeys.put(acme.id, 'sk-very-secret');
    await store.close();
    const saved = shell(command('pg_dump'), url);
    expect([saved.status, saved.stderr]).toEqual([0, '']);
    expect(readFileSync(path.join(folder, 'voice.dump')).includes('sk-very-secret')).toBe(false);

    const damaged = await open();
    await damaged.tenants.create({ ...acme, id: 'ten_2', slug: 'late', publishableKey: 'pk_late' });
    await damaged.tenants.remove(acme.id);
    await damaged.close();
    const restored = shell(command('pg_restore'), url);
    expect([restored.status, restored.stderr]).toEqual([0, '']);
    const again = await open();
    expect(await again.tenants.bySlug('acme')).toMatchObject({ id: acme.id });
    expect(await again.tenants.bySlug('late')).toBeUndefined();
    expect((await again.providerKeys.open(acme.id))?.key).toBe('sk-very-secret');
    await again.close();
  });
});
