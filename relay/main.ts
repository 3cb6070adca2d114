/** `npm start`: the relay as this process. */
import { processIo, run } from './run.ts';

process.exit(await run(processIo));
