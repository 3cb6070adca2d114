#!/usr/bin/env node
/** The `vjj` command. */
import { vjjCommand } from './commands.ts';

await vjjCommand().parseAsync();
