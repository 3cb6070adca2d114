/**
 * What a Dockerfile and a .dockerignore say, as data. It knows the instructions that ours use and refuses others, so
 * that nothing of them is passed over.
 */

const KNOWN = ['FROM', 'ENV', 'WORKDIR', 'COPY', 'RUN', 'USER', 'VOLUME', 'EXPOSE', 'HEALTHCHECK', 'STOPSIGNAL', 'CMD'];

/** Lines that go on after a backslash are one; comments and empty ones are none. */
function linesOf(text) {
  const kept = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  return kept
    .join('\n')
    .replaceAll(/\\\s*\n/g, ' ')
    .split('\n')
    .filter(Boolean);
}

const seconds = (flags, name, otherwise) => {
  const [, count, unit] = new RegExp(`--${name}=(\\d+)(s|m)`).exec(flags) ?? [];
  return count === undefined ? otherwise : Number(count) * (unit === 'm' ? 60 : 1);
};

function healthOf(rest) {
  const [, flags, command] = /^((?:--\S+\s+)*)CMD\s+(.*)$/.exec(rest) ?? [];
  if (command === undefined) throw new Error(`a health check without a command: ${rest}`);
  const retries = Number(/--retries=(\d+)/.exec(flags)?.[1] ?? 3);
  return {
    ...{ command, retries, intervalS: seconds(flags, 'interval', 30), timeoutS: seconds(flags, 'timeout', 30) },
    startS: seconds(flags, 'start-period', 0),
  };
}

function copyOf(rest) {
  const words = rest.split(/\s+/);
  const from = words[0]?.startsWith('--from=') ? words.shift().slice('--from='.length) : undefined;
  if (words.some((word) => word.startsWith('--') || /[*?[]/.test(word))) throw new Error(`cannot follow COPY ${rest}`);
  const to = words.pop();
  return { from, sources: words, to };
}

/** `A=1 B="two words"` */
function pairsOf(rest) {
  return Object.fromEntries(
    [...rest.matchAll(/([A-Z_]+)=("[^"]*"|\S+)/g)].map(([, name, value]) => [name, value.replace(/^"|"$/g, '')]),
  );
}

/**
 * @returns one object a stage: its base, its name, what is done in order (`ENV`, `WORKDIR`, `COPY`, `RUN`), and how it
 * is run (`user`, `health`, `stopSignal`, `command`).
 * @throws on an instruction that it does not know, by name.
 */
export function parseDockerfile(text) {
  const stages = [];
  for (const line of linesOf(text)) {
    const [, word, rest] = /^\s*(\S+)\s+(.*?)\s*$/.exec(line) ?? [];
    if (!KNOWN.includes(word)) throw new Error(`cannot follow “${line.trim()}”`);
    if (word === 'FROM') {
      const [base, , name] = rest.split(/\s+/);
      stages.push({ base, name, steps: [], user: 'root', stopSignal: 'SIGTERM' });
      continue;
    }
    const stage = stages.at(-1);
    if (stage === undefined) throw new Error(`${word} before FROM`);
    if (word === 'USER') stage.user = rest;
    else if (word === 'STOPSIGNAL') stage.stopSignal = rest;
    else if (word === 'HEALTHCHECK') stage.health = healthOf(rest);
    else if (word === 'CMD') stage.command = JSON.parse(rest);
    else if (word === 'EXPOSE') stage.port = Number(rest);
    else if (word === 'VOLUME') stage.volume = rest;
    else if (word === 'ENV') stage.steps.push({ is: 'ENV', values: pairsOf(rest) });
    else if (word === 'COPY') stage.steps.push({ is: 'COPY', ...copyOf(rest) });
    else stage.steps.push({ is: word, value: rest });
  }
  if (stages.length === 0) throw new Error('a Dockerfile begins with FROM');
  return stages;
}

/** @returns whether a path below the context, with `/` between, is kept out of it. The last line that fits decides. */
export function ignoredBy(text) {
  const rules = linesOf(text).map((line) => {
    const isBack = line.startsWith('!');
    const pattern = line
      .replace(/^!/, '')
      .trim()
      .replace(/^\/|\/$/g, '');
    const source = pattern
      .replaceAll(/[.+^${}()|\\]/g, '\\$&')
      .replaceAll(/\*\*\/|\*\*|\*|\?/g, (wild) => ({ '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' })[wild]);
    return { isBack, fits: new RegExp(`^${source}(/.*)?$`) };
  });
  return (path) => rules.findLast(({ fits }) => fits.test(path))?.isBack === false;
}
