/** One part of the bench, in a process of its own: `… run-part NAME OPTIONS-AS-JSON`. Its result goes to whoever started it. */
import { PARTS } from './parts.ts';
import type { PartOptions } from './part.ts';

const [name, options = '{}'] = process.argv.slice(2);
const entry = PARTS.find((part) => part.name === name);
if (entry === undefined) throw new Error(`there is no part ${String(name)}`);
const part = await entry.load();
const result = await part({
  ...(JSON.parse(options) as PartOptions),
  progress: (text) => process.stderr.write(`  ${text}\n`),
});
process.send?.(result, () => process.exit(0));
