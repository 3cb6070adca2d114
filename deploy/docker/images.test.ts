/** What the images are: who runs in them, what is in them and what is not; and that both files for containers are read as an engine reads them. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { composeCommand } from '../../scripts/compose.mjs';
import { NOT_IN_IMAGE } from '../../scripts/sbom.mjs';
import { ignoredBy, parseDockerfile, type Stage } from './dockerfile.mjs';
import { DockerSteps } from './steps.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const relay = parseDockerfile(read('deploy/docker/relay.Dockerfile'));
const site = parseDockerfile(read('deploy/docker/static.Dockerfile'));
const commands = (stage: Stage) => stage.steps.flatMap((step) => (step.is === 'RUN' ? [step.value] : []));

describe('the images', () => {
  it('begin with a base whose version is named', () => {
    for (const { base } of [...relay, ...site]) expect(base).toMatch(/^(node:24\.\d+|nginx:1\.\d+)-alpine$/);
  });

  it('are built in stages, of which the last has no development package and no source', () => {
    const production = relay.find(({ name }) => name === 'production')!;
    const [install = '', besides = '', without = '', ...more] = commands(production);
    expect(install).toMatch(/^npm ci --omit=dev --ignore-scripts /);
    expect(besides).toMatch(/^npm install --no-save --save-prod --omit=dev --ignore-scripts /);
    expect(without).toBe(`rm -rf ${NOT_IN_IMAGE.map((name) => `node_modules/${name}`).join(' ')}`);
    expect(more).toEqual([]);
    const last = relay.at(-1)!;
    expect(last.steps.filter(({ is }) => is === 'COPY')).toEqual([
      { is: 'COPY', from: 'production', sources: ['/production/node_modules'], to: './node_modules' },
      { is: 'COPY', from: 'build', sources: ['/build/dist'], to: './dist' },
      { is: 'COPY', from: undefined, sources: ['package.json', 'LICENSE', 'THIRD-PARTY-LICENCES.md'], to: './' },
    ]);
  });

  it('run without rights, say whether they live, and stop as the relay is stopped', () => {
    const last = relay.at(-1)!;
    expect([last.user, last.stopSignal, last.command]).toEqual(['node', 'SIGTERM', ['node', 'dist/relay/main.js']]);
    expect(last.health).toMatchObject({ intervalS: 10, timeoutS: 3, startS: 10, retries: 3 });
    expect(last.health?.command).toContain('/health');
    expect(site.at(-1)?.health?.command).toContain('/nginx-health');
  });

  it('are given nothing that is secret or only of this machine', () => {
    const isIgnored = ignoredBy(read('.dockerignore'));
    const kept = ['.env', 'data/master.key', 'deploy/docker/.env', 'deploy/docker/secrets/master_key', '.git/config'];
    const heavy = ['node_modules/a/b.js', 'deploy/aws/node_modules/a.js', 'dist/a.js', 'coverage/x', 'npm.log'];
    expect([...kept, ...heavy].filter((file) => !isIgnored(file))).toEqual([]);
    const needed = [
      'package.json',
      'relay/main.ts',
      '.env.example',
      'relay/emulator/voice/bank.bin',
      'widget/index.ts',
    ];
    expect(needed.filter(isIgnored)).toEqual([]);
  });
});

describe('a Dockerfile', () => {
  it('is read whole: comments, lines that go on, values in quotes, times', () => {
    const [stage] = parseDockerfile(
      [
        ...['# what it is', 'FROM a:1 AS one', 'ENV A=1 B="two words"', 'RUN a \\', '  b'],
        ...['HEALTHCHECK --interval=1m --timeout=2s CMD x --retries=9', 'VOLUME /data', 'EXPOSE 80', 'CMD ["a", "b"]'],
      ].join('\n'),
    );
    expect(stage).toEqual({
      ...{ base: 'a:1', name: 'one', user: 'root', stopSignal: 'SIGTERM', volume: '/data', port: 80 },
      steps: [
        { is: 'ENV', values: { A: '1', B: 'two words' } },
        { is: 'RUN', value: 'a    b' },
      ],
      health: { command: 'x --retries=9', retries: 3, intervalS: 60, timeoutS: 2, startS: 0 },
      command: ['a', 'b'],
    });
  });

  it.each([
    ['ADD https://example.com/x /x', 'cannot follow “ADD'],
    ['COPY --chown=a b c', 'cannot follow COPY --chown=a'],
    ['COPY *.js /x', 'cannot follow COPY *.js'],
    ['HEALTHCHECK NONE', 'a health check without a command'],
  ])('that says what nobody follows here is refused: %s', (line, fault) => {
    expect(() => parseDockerfile(`FROM a\n${line}`)).toThrow(fault);
  });

  it('needs a beginning', () => {
    expect(() => parseDockerfile('RUN x')).toThrow('RUN before FROM');
    expect(() => parseDockerfile('# nothing')).toThrow('begins with FROM');
  });
});

describe('what is kept out', () => {
  it('is named by patterns, of which the last decides', () => {
    const isIgnored = ignoredBy('# no\n*.log\n/dist/\n**/x\na/*/c\n!keep.log\n');
    for (const path of ['a.log', 'dist/a', 'dist', 'x', 'd/e/x/y', 'a/b/c']) expect(isIgnored(path), path).toBe(true);
    for (const path of ['keep.log', 'd/a.log', 'my/dist', 'xy', 'a/b/d/c']) expect(isIgnored(path), path).toBe(false);
  });
});

describe('the steps, where there is no engine', () => {
  let context: string;
  let printed: string[];
  let steps: DockerSteps;
  beforeEach(() => {
    context = mkdtempSync(path.join(tmpdir(), 'vjj-context-'));
    mkdirSync(path.join(context, 'src/deep'), { recursive: true });
    for (const file of ['a.txt', 'secret.txt', 'src/deep/b.txt']) writeFileSync(path.join(context, file), file);
    writeFileSync(path.join(context, '.dockerignore'), 'secret.txt');
    printed = [];
    steps = new DockerSteps({ context, print: (line) => void printed.push(line) });
  });
  afterEach(() => {
    steps.end();
    rmSync(context, { recursive: true });
  });
  const files = (image: { root: string }) =>
    spawnSync('find', ['.', '-type', 'f'], { cwd: image.root, encoding: 'utf8' })
      .stdout.split('\n')
      .filter(Boolean)
      .sort();

  it('copy what an engine copies, from the context and from stages before, and run commands in their folder', () => {
    const image = steps.build(
      [
        ...['FROM x AS one', 'ENV TO=/made', 'WORKDIR /in', 'COPY . .', 'RUN mkdir $TO && cp a.txt $TO/c.txt'],
        ...['FROM x', 'WORKDIR /w', 'COPY --from=one /made/c.txt /in/src ./', 'COPY a.txt /else/d.txt'],
      ].join('\n'),
    );
    expect(files(image)).toEqual(['./else/d.txt', './w/c.txt', './w/deep/b.txt']);
    expect(printed).toContain('COPY /made/c.txt /in/src → ./, from one');
  });

  it('are done once for files that begin in the same way', () => {
    const begin = 'FROM x AS one\nWORKDIR /in\nRUN echo once > a.txt\nFROM y\n';
    const first = steps.build(`${begin}COPY --from=one /in/a.txt /a.txt`);
    const second = steps.build(`${begin}COPY --from=one /in/a.txt /b.txt`);
    expect([files(first), files(second)]).toEqual([['./a.txt'], ['./b.txt']]);
    expect(printed.filter((line) => line.startsWith('RUN'))).toHaveLength(1);
  });

  it.each([
    ['COPY nowhere.txt /x', 'COPY: there is no nowhere.txt in the context'],
    ['COPY secret.txt /x', 'COPY: there is no secret.txt in the context'],
    ['COPY --from=none /a /x', 'there is no stage none to copy from'],
    ['RUN echo it broke >&2; false', /RUN echo.*ended with 1:\nit broke/],
  ])('say what is wrong: %s', (line, fault) => {
    expect(() => steps.build(`FROM x\n${line}`)).toThrow(fault);
  });

  it('tell one that ends by itself from one that never gets healthy', async () => {
    const image = (health: string, script: string) =>
      steps.build(
        `FROM x\nHEALTHCHECK --interval=1s --retries=1 CMD ${health}\nUSER node\nCMD ["node", "-e", "${script}"]`,
      );
    await expect(steps.start(image('false', `console.log('no key'); process.exitCode = 3`), {})).rejects.toThrow(
      /it ended with 3:\nno key/,
    );
    await expect(steps.start(image('false', 'setInterval(() => {}, 1000)'), {})).rejects.toThrow('did not get healthy');
    const running = await steps.start(
      image('true', `process.on('SIGTERM', () => process.exit(4)); setInterval(() => {}, 9)`),
      {},
    );
    expect([4, 'SIGTERM']).toContain(await running.stop());
  });
});

describe('compose.yaml', () => {
  interface Service {
    restart: string;
    networks: Record<string, unknown>;
    healthcheck?: { test: string[] };
    depends_on?: Record<string, { condition: string }>;
    environment: Record<string, string>;
    build?: { context: string; dockerfile: string };
    image: string;
    ports?: unknown;
    read_only?: boolean;
    stop_grace_period?: string;
  }
  const config = (settings = '.env.compose.example') => {
    const [program = '', ...first] = composeCommand() ?? [];
    const words = [...first, '-f', 'compose.yaml', '--env-file', settings, 'config'];
    // This machine's own settings are not to stand in for what the file lacks.
    return spawnSync(program, words, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] },
    });
  };

  it('is taken by Compose without a complaint, and says what each part waits for', () => {
    const { status, stdout, stderr } = config();
    expect([status, stderr]).toEqual([0, '']);
    const { services, volumes, secrets } = parse(stdout) as {
      services: Record<string, Service>;
      volumes: object;
      secrets: Record<string, { file: string }>;
    };
    expect(Object.keys(services).sort()).toEqual(['nginx', 'postgres', 'relay-1', 'relay-2', 'valkey']);
    for (const { restart, networks } of Object.values(services))
      expect([restart, Object.keys(networks)]).toEqual(['unless-stopped', ['inside']]);
    for (const name of ['postgres', 'valkey']) expect(services[name]?.healthcheck?.test.length).toBeGreaterThan(1);
    const { nginx, postgres } = services;
    // One door.
    expect(Object.values(services).filter(({ ports }) => ports !== undefined)).toEqual([nginx]);
    for (const relayName of ['relay-1', 'relay-2']) {
      const one = services[relayName]!;
      expect(nginx?.depends_on?.[relayName]?.condition).toBe('service_healthy');
      expect(one.depends_on).toEqual({
        ...{ postgres: { condition: 'service_healthy' }, valkey: { condition: 'service_healthy' } },
      });
      expect(one.read_only).toBe(true);
      // Secrets come as files; no value of one is in the environment.
      const given = Object.keys(one.environment).filter((name) => /KEY|TOKEN|PASSWORD|DATABASE_URL/.test(name));
      expect(given.filter((name) => !name.endsWith('_FILE'))).toEqual([]);
      expect(nginx?.environment['RELAY_SERVERS']).toContain(`server ${relayName}:3000`);
    }
    expect(Object.keys(volumes).sort()).toEqual(['postgres', 'relay-1', 'relay-2']);
    for (const { file } of Object.values(secrets))
      expect(path.relative(import.meta.dirname, file)).toMatch(/^secrets\//);
    for (const { build, image } of Object.values(services)) {
      if (build === undefined) expect(image).toMatch(/:\d+(\.\d+)*-alpine$/);
      else expect(parseDockerfile(read(build.dockerfile)).length).toBeGreaterThan(1);
    }
    expect(postgres?.environment['POSTGRES_PASSWORD_FILE']).toBe('/run/secrets/postgres_password');
  });

  it('does not start without knowing its address', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'vjj-compose-'));
    writeFileSync(path.join(folder, 'empty'), '');
    const { status, stderr } = config(path.join(folder, 'empty'));
    rmSync(folder, { recursive: true });
    expect(status).not.toBe(0);
    expect(stderr).toContain('PUBLIC_URL');
  });
});
