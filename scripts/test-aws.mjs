/**
 * The assertions of deploy/aws, which has packages of its own that the product does not carry: brings those where they
 * are not there yet, runs the tests and writes how many passed.
 *
 *     node scripts/test-aws.mjs [FILE.json]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const folder = path.resolve(import.meta.dirname, '../deploy/aws');
const out = process.argv[2];

/** Whether what the lock names is what is there. */
function isInstalled() {
  const there = path.join(folder, 'node_modules/.package-lock.json');
  if (!existsSync(there)) return false;
  const versions = (file) =>
    Object.entries(JSON.parse(readFileSync(file, 'utf8')).packages)
      .filter(([place]) => place !== '')
      .map(([place, { version }]) => `${place} ${version}`)
      .sort();
  return versions(there).join() === versions(path.join(folder, 'package-lock.json')).join();
}

if (!isInstalled()) {
  const npm = spawnSync('npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: 'inherit',
  });
  if (npm.status !== 0) {
    console.error('deploy/aws needs its packages: npm ci there did not bring them');
    process.exit(1);
  }
}
const totals = { passed: 0, failed: 0 };
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.test.mjs'))
  .map((name) => path.join(folder, name));
const stream = run({ files, concurrency: true });
const counts = (kind) => (event) => {
  // A suite and a file are no tests of their own, unless a file breaks before it has any.
  const isFile = files.includes(event.name) && event.nesting === 0;
  if (event.details.type !== 'suite' && (!isFile || kind === 'failed')) totals[kind] += 1;
};
stream.on('test:pass', counts('passed'));
stream.on('test:fail', counts('failed'));
stream.compose(spec).pipe(process.stdout);
stream.on('end', () => {
  if (out !== undefined) writeFileSync(out, JSON.stringify(totals));
  process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
});
