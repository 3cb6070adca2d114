/**
 * Does what a Dockerfile says where no container engine runs: the same copies into empty folders, the same commands in
 * them, the same start by somebody without rights, the same health check, the same signal to stop.
 *
 *     node deploy/docker/steps.mjs                      relay.Dockerfile and static.Dockerfile
 *     node deploy/docker/steps.mjs relay.Dockerfile
 *
 * IT IS NO CONTAINER BUILD. Commands run on this machine, with its Node and its C library in place of the base image's;
 * nothing keeps them from the rest of the disk or from the network; limits, capabilities and the read-only disk of
 * compose.yaml are not tried. What it shows: each file that is copied is there, each command works from nothing but what
 * was copied, production has all it needs and no development package, and the command starts, is healthy and stops.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ignoredBy, parseDockerfile } from './dockerfile.mjs';

const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;
/** Absolute paths of the image, at the beginning of a word or after `=` or `:`. */
const inFolder = (root, text) => text.replaceAll(/(^|[\s=:])\/(?=[a-z])/g, `$1${root}/`);

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** Nothing of this machine's settings but where its programs are; npm asks its own store before the network. */
const bareEnvironment = (home) => ({ PATH: process.env.PATH, HOME: home, npm_config_prefer_offline: 'true' });

export class DockerSteps {
  #context;
  #isIgnored;
  #print;
  #home = mkdtempSync(path.join(tmpdir(), 'vjj-steps-'));
  /** Stages that were done, by what they say: two files that begin in the same way share them, as layers are shared. */
  #done = new Map();

  constructor({ context, print }) {
    this.#context = context;
    this.#print = print;
    const file = path.join(context, '.dockerignore');
    this.#isIgnored = ignoredBy(existsSync(file) ? readFileSync(file, 'utf8') : '');
    // Whoever has no rights comes through here.
    chmodSync(this.#home, 0o755);
  }

  /** Does all stages. @returns the last: its folder and how it is run. */
  build(text) {
    const stages = parseDockerfile(text);
    const folders = new Map();
    let last;
    for (const stage of stages) {
      const { name, base, steps } = stage;
      const key = JSON.stringify([base, steps]);
      const known = steps.some(({ from }) => from !== undefined) ? undefined : this.#done.get(key);
      last = known ?? this.#stage(stage, folders);
      this.#done.set(key, last);
      if (name !== undefined) folders.set(name, last.root);
    }
    return { ...stages.at(-1), ...last };
  }

  #stage({ name, base, steps }, folders) {
    const root = mkdtempSync(path.join(this.#home, `${name ?? 'image'}-`));
    chmodSync(root, 0o755);
    let folder = root;
    const env = {};
    for (const step of steps) {
      if (step.is === 'ENV') Object.assign(env, step.values);
      else if (step.is === 'WORKDIR') mkdirSync((folder = path.join(root, step.value)), { recursive: true });
      else if (step.is === 'COPY') this.#copy(step, { root, folder, folders, base });
      else this.#command(step.value, { root, folder, env });
    }
    return { root, folder, env };
  }

  #copy({ from, sources, to }, { root, folder, folders }) {
    const origin = from === undefined ? this.#context : folders.get(from);
    if (origin === undefined) throw new Error(`there is no stage ${from} to copy from`);
    const target = to.startsWith('/') ? path.join(root, to) : path.join(folder, to);
    const isFolder = to.endsWith('/') || sources.length > 1;
    this.#print(`COPY ${sources.join(' ')} → ${to}${from === undefined ? '' : `, from ${from}`}`);
    for (const source of sources) {
      const file = path.join(origin, source);
      const isKept = (one) =>
        from !== undefined || !this.#isIgnored(path.relative(origin, one).split(path.sep).join('/'));
      if (!existsSync(file) || !isKept(file))
        throw new Error(`COPY: there is no ${source} in ${from ?? 'the context'}`);
      const at = lstatSync(file).isFile() && isFolder ? path.join(target, path.basename(source)) : target;
      mkdirSync(path.dirname(at), { recursive: true });
      cpSync(file, at, { recursive: true, verbatimSymlinks: true, filter: isKept });
    }
  }

  #command(command, { root, folder, env }) {
    this.#print(`RUN ${command}`);
    // The image's account “node” is nobody here; who is not root owns everything already.
    const here = inFolder(root, command).replaceAll(
      /\bchown node:node\b/g,
      isRoot ? `chown ${NOBODY}:${NOBODY}` : 'true',
    );
    const { status, stdout, stderr } = spawnSync('sh', ['-c', here], {
      ...{ cwd: folder, env: { ...bareEnvironment(this.#home), ...this.#envOf(env, root) }, encoding: 'utf8' },
    });
    if (status !== 0) throw new Error(`RUN ${command} ended with ${status}:\n${stdout}${stderr}`);
  }

  #envOf(env, root) {
    return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, inFolder(root, value)]));
  }

  /**
   * Starts what the image starts, as an account without rights where this one has them.
   *
   * @param settings - As `docker run -e` would give them.
   * @returns once it is healthy. @throws with all that it said, when it ends or does not get healthy in time.
   */
  async start({ command, folder, root, env, health, stopSignal, user }, settings) {
    const who = isRoot && user !== 'root' ? { uid: NOBODY, gid: NOBODY } : {};
    const port = await freePort();
    const environment = {
      ...{ ...bareEnvironment('/nonexistent'), ...this.#envOf(env, root), ...settings },
      ...{ PORT: String(port), HOST: '127.0.0.1' },
    };
    const child = spawn(command[0], command.slice(1), { cwd: folder, env: environment, ...who });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
    const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
    const stop = async () => {
      child.kill(stopSignal);
      return ended;
    };
    this.#print(`CMD ${command.join(' ')}, ${who.uid === undefined ? 'as this account' : 'as nobody'}`);
    const isHealthy = () =>
      new Promise((resolve) => {
        const options = { cwd: folder, env: environment, timeout: health.timeoutS * 1000, ...who };
        spawn('sh', ['-c', health.command], options).once('exit', (code) => resolve(code === 0));
      });
    const until = performance.now() + 1000 * (health.startS + health.retries * health.intervalS);
    for (let checks = 1; ; checks += 1) {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${said}`);
      if (await isHealthy()) {
        this.#print(`HEALTHCHECK healthy at check ${checks}`);
        return { url: `http://127.0.0.1:${port}`, said: () => said, stop };
      }
      if (performance.now() > until) {
        child.kill('SIGKILL');
        throw new Error(`it did not get healthy:\n${said}`);
      }
    }
  }

  /** Takes all folders away. */
  end() {
    rmSync(this.#home, { recursive: true, force: true });
  }
}

if (import.meta.filename === process.argv[1]) {
  const context = path.resolve(import.meta.dirname, '../..');
  const asked = process.argv.slice(2);
  const steps = new DockerSteps({ context, print: (line) => console.log(`  ${line}`) });
  console.log('Steps of Dockerfiles on this machine. This is no container build: see the head of this script.');
  try {
    for (const name of asked.length > 0 ? asked : ['relay.Dockerfile', 'static.Dockerfile']) {
      console.log(name);
      const image = steps.build(readFileSync(path.join(import.meta.dirname, path.basename(name)), 'utf8'));
      if (image.command === undefined) continue;
      const settings = {
        MASTER_KEY: 'only-for-these-steps-'.repeat(2),
        PUBLIC_URL: 'http://localhost',
      };
      const running = await steps.start(image, settings);
      const code = await running.stop();
      console.log(`  ${image.stopSignal} ended with ${code}`);
      if (code !== 0) process.exitCode = 1;
    }
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  } finally {
    steps.end();
  }
}
