/** Walks a folder. */
import { readdirSync } from 'node:fs';
import path from 'node:path';

/** Paths of all files below `folder` that `wanted` accepts, sorted. */
export function filesBelow(folder, wanted = () => true) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && wanted(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}
