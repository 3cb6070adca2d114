/**
 * The task definition that runs now, with another image, as `register-task-definition` takes it:
 *
 *     node next-task.mjs task.json IMAGE > next.json
 */
import { readFileSync } from 'node:fs';

/** What AWS adds when it describes a definition and refuses when one is registered. */
const DESCRIBED = [
  ...['taskDefinitionArn', 'revision', 'status', 'requiresAttributes', 'compatibilities'],
  ...['registeredAt', 'registeredBy', 'deregisteredAt'],
];

/** @throws {Error} when the definition has no container named `relay`. */
export function nextTask(task, image) {
  const next = Object.fromEntries(Object.entries(task).filter(([name]) => !DESCRIBED.includes(name)));
  if (!task.containerDefinitions?.some(({ name }) => name === 'relay')) {
    throw new Error('the task definition has no container named relay');
  }
  next.containerDefinitions = task.containerDefinitions.map((container) =>
    container.name === 'relay' ? { ...container, image } : container,
  );
  return next;
}

if (import.meta.filename === process.argv[1]) {
  const [file, image] = process.argv.slice(2);
  if (file === undefined || image === undefined) {
    console.error('usage: node next-task.mjs task.json IMAGE > next.json');
    process.exit(2);
  }
  console.log(JSON.stringify(nextTask(JSON.parse(readFileSync(file, 'utf8')), image), null, 2));
}
