#!/usr/bin/env node
/** The `vjj` command. */
import { vjjCommand } from './commands.ts';

// Whoever reads may have read enough, as `head` has: nothing is wrong then.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

await vjjCommand().parseAsync();
