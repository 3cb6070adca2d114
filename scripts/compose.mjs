/** Finds Compose: Docker's own plug-in, or Debian's program, which needs no engine to check a file. */
import { spawnSync } from 'node:child_process';

const answers = (program, args) => spawnSync(program, args, { stdio: 'ignore' }).status === 0;

/** @returns the words that begin each of its commands; undefined where there is none. */
export function composeCommand() {
  if (answers('docker-compose', ['version'])) return ['docker-compose'];
  if (answers('docker', ['compose', 'version'])) return ['docker', 'compose'];
  return undefined;
}
