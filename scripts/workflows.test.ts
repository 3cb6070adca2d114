/**
 * The workflows of .github as far as they can be held to something without GitHub: what they pin, what they may, which
 * commands they run, and that each file, script and variable they name is there.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = path.resolve(import.meta.dirname, '..');
const folder = path.join(root, '.github/workflows');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

interface WorkflowStep {
  id?: string;
  name?: string;
  uses?: string;
  run?: string;
  if?: string;
  with?: Record<string, unknown>;
  'working-directory'?: string;
}
interface Job {
  uses?: string;
  needs?: string | string[];
  permissions?: Record<string, string>;
  container?: string;
  strategy?: { matrix: { node: number[] } };
  'timeout-minutes'?: number;
  'runs-on'?: string;
  steps?: WorkflowStep[];
}
interface Workflow {
  on: Record<string, unknown>;
  permissions: Record<string, string>;
  env?: Record<string, string>;
  jobs: Record<string, Job>;
}

const texts = Object.fromEntries(
  readdirSync(folder).map((file) => [file, readFileSync(path.join(folder, file), 'utf8')]),
);
const workflows = Object.fromEntries(Object.entries(texts).map(([file, text]) => [file, parse(text) as Workflow]));
const quality = workflows['quality.yml']!;
const deploy = workflows['deploy.yml']!;
const jobs = Object.entries(workflows).flatMap(([file, { jobs: all }]) =>
  Object.entries(all).map(([name, job]) => ({ where: `${file} ${name}`, job })),
);
const steps = jobs.flatMap(({ where, job }) => (job.steps ?? []).map((step) => ({ where, job, step })));
const runs = steps.flatMap(({ where, step }) => (step.run === undefined ? [] : [{ where, step, run: step.run }]));

describe('every workflow', () => {
  it('is one of two', () => expect(Object.keys(workflows).sort()).toEqual(['deploy.yml', 'quality.yml']));

  it('uses actions by a version, and its own machines by one too', () => {
    const used = steps.flatMap(({ step }) => (step.uses === undefined ? [] : [step.uses]));
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter((one) => !/@(v\d+(\.\d+)*|[0-9a-f]{40})$/.test(one))).toEqual([]);
    const machines = jobs.flatMap(({ job }) => (job['runs-on'] === undefined ? [] : [job['runs-on']]));
    expect(machines.filter((machine) => !/^ubuntu-\d+\.\d+(-arm)?$/.test(machine))).toEqual([]);
  });

  it('may read the code and nothing else, but for the one job that deploys', () => {
    for (const { permissions } of Object.values(workflows)) expect(permissions).toEqual({ contents: 'read' });
    const more = jobs.filter(({ job }) => job.permissions !== undefined);
    expect(more.map(({ where, job }) => [where, job.permissions])).toEqual([
      ['deploy.yml deploy', { contents: 'read', 'id-token': 'write', packages: 'write' }],
    ]);
    // What a stranger's pull request says is never part of a command, nor is it run with secrets.
    for (const { run } of runs) expect(run).not.toMatch(/github\.(event|head_ref)/);
    for (const { on } of Object.values(workflows)) expect(Object.keys(on)).not.toContain('pull_request_target');
    expect(texts['quality.yml']).not.toContain('secrets.');
  });

  it('ends by itself when something hangs', () => {
    const endless = jobs.filter(({ job }) => job.uses === undefined && job['timeout-minutes'] === undefined);
    expect(endless.map(({ where }) => where)).toEqual([]);
  });

  it('names jobs, steps, files, scripts and pages that are there', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const { where, job } of jobs) {
      const all = Object.keys(workflows[where.split(' ')[0] ?? '']?.jobs ?? {});
      for (const need of [job.needs ?? []].flat()) expect(all, where).toContain(need);
      if (job.uses !== undefined) expect(existsSync(path.join(root, job.uses)), job.uses).toBe(true);
      const ids = (job.steps ?? []).flatMap(({ id }) => (id === undefined ? [] : [id]));
      for (const [, id] of JSON.stringify(job).matchAll(/steps\.(\w+)\.outputs/g)) expect(ids, where).toContain(id);
    }
    for (const { where, step, run } of runs) {
      const home = path.join(root, step['working-directory'] ?? '.');
      expect(existsSync(home), where).toBe(true);
      for (const [, name = ''] of run.matchAll(/npm run ([\w:]+)/g))
        expect(Object.keys(scripts), where).toContain(name);
      for (const [, file = ''] of run.matchAll(/(?:^|\s)node ([\w./-]+\.mjs)|docker build -f (\S+)/g))
        if (file !== '') expect(existsSync(path.join(home, file)), file).toBe(true);
      for (const [, file = ''] of run.matchAll(/docker build -f (\S+)/g))
        expect(existsSync(path.join(home, file)), file).toBe(true);
    }
  });

  it.each(runs.map(({ where, step, run }) => [`${where}: ${step.name ?? run.split('\n')[0] ?? ''}`, run]))(
    'is a shell script that a shell can read: %s',
    (_, run) => {
      const script = run.replaceAll(/\$\{\{[^}]*\}\}/g, 'value');
      const { status, stderr } = spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, '']);
    },
  );
});

describe('quality', () => {
  it('is asked of every pull request, and weekly', () => {
    expect(Object.keys(quality.on).sort()).toEqual(['pull_request', 'schedule', 'workflow_call']);
  });

  it('runs the commands of the README, on each Node that is supported', () => {
    const { test } = quality.jobs;
    expect(test?.strategy?.matrix.node).toEqual([20, 22, 24]);
    const commands = (test?.steps ?? []).flatMap(({ run }) => (run === undefined ? [] : [run]));
    expect(read('README.md')).toContain('npm ci && npm test');
    expect(commands.slice(-2)).toEqual(['npm ci', 'npm test']);
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    expect(engines.node).toBe('>=20.19');
  });

  it('has the gates of coverage and size among the stages of npm test', () => {
    const stages = read('scripts/test.mjs');
    for (const stage of ['format', 'lint', 'types', 'unit', 'build', 'browser', 'e2e', 'size', 'coverage', 'aws'])
      expect(stages).toMatch(new RegExp(`^  ${stage}: `, 'm'));
    const [, least = '0'] = /LEAST_PERCENT = (\d+)/.exec(read('scripts/coverage.mjs')) ?? [];
    expect(Number(least)).toBeGreaterThanOrEqual(85);
    expect(read('scripts/size.mjs')).toMatch(/CALL_BUDGET_BYTES = 45 \* KB/);
  });

  it('looks for known weaknesses of all that is installed anywhere', () => {
    const audits = runs.filter(({ run }) => run.startsWith('npm audit'));
    expect(audits.map(({ run, step }) => [run, step['working-directory'] ?? '.'])).toEqual([
      ['npm audit --omit=dev --audit-level=high', '.'],
      ['npm audit --audit-level=high', 'deploy/aws'],
      ['npm audit --audit-level=critical', '.'],
    ]);
  });

  it('builds both images, and starts the relay of one', () => {
    const commands = (quality.jobs['images']?.steps ?? []).map(({ run }) => run ?? '').join('\n');
    expect(commands).toMatch(/relay\.Dockerfile[^]*static\.Dockerfile[^]*docker run[^]*\/health/);
  });
});

describe('deploy', () => {
  const order = (deploy.jobs['deploy']?.steps ?? []).map(({ name, id, uses }) => name ?? id ?? uses ?? '');
  const step = (name: string) => deploy.jobs['deploy']?.steps?.find((one) => one.name === name);
  const at = (name: string) => {
    expect(order).toContain(name);
    return order.indexOf(name);
  };

  it('begins when quality has ended well, on main alone', () => {
    expect(deploy.on).toEqual({ push: { branches: ['main'] }, workflow_dispatch: null });
    expect(deploy.jobs['quality']?.uses).toBe('./.github/workflows/quality.yml');
    expect(deploy.jobs['deploy']?.needs).toBe('quality');
  });

  it('puts what was before aside, then versioned files, relays, and last the addresses without a version', () => {
    const wanted = ['what runs now, to go back to', 'versioned files', 'relays', 'site', 'a whole spoken turn'];
    expect(wanted.map(at)).toEqual(wanted.map(at).sort((a, b) => a - b));
    expect(step('versioned files')?.run).toContain('max-age=31536000, immutable');
    expect(step('versioned files')?.run).not.toContain('--delete');
  });

  it('goes back when anything after that fails, the smoke test among it: relays and site', () => {
    const back = step('back to what ran before');
    expect(at('back to what ran before')).toBe(order.length - 1);
    expect(back?.if).toBe("failure() && steps.before.outputs.task != ''");
    expect(back?.run).toMatch(
      /update-service[^]*steps\.before\.outputs\.task[^]*s3 cp before\/[^]*create-invalidation/,
    );
    expect(step('a whole spoken turn')?.run).toMatch(/^npm run smoke -- /);
  });

  it('has each of its settings explained to who installs it', () => {
    const names = new Set([...(texts['deploy.yml'] ?? '').matchAll(/vars\.(\w+)/g)].map(([, name = '']) => name));
    const install = read('docs/operations/install.md');
    expect([...names].filter((name) => !install.includes(`\`${name}\``))).toEqual([]);
  });
});
