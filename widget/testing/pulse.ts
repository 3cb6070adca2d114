/**
 * A sound card for tests that no machine has to have: a PulseAudio server of the test's own, with a
 * microphone that says what it is given and a loudspeaker that is recorded. Every browser that is
 * started with its environment talks and listens through it as through a device. Knows no browser.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { noise } from '../../relay/testing/speech.ts';
import { RATE_HZ } from '../../relay/wire/index.ts';
import { hasPulseAudio } from '../../scripts/firefox.mjs';

/** Noise of a quiet room, dBFS: without it a browser's gain control overshoots. */
const ROOM_DB = -58;
/** Sound comes in small pieces; a look at each would take longer than the sound. */
const LOOK_MS = 50;
/** Between two looks at who listens. */
const POLL_MS = 100;
const PATIENCE_MS = 20_000;
const PCM = ['--raw', '--format=s16le', `--rate=${RATE_HZ}`, '--channels=1', '--latency-msec=20'];

/** What one end of the card carried since it was there: mono, at the wire's rate, −1 … 1. */
export interface Recording {
  /** From sample `from` to now. */
  samples(from?: number): Float32Array;
  /** How many there are. */
  readonly length: number;
  /** When sample 0 was heard, on the clock of `performance.now()`, within some 20 ms. */
  readonly beganAt: number;
  /** Resolves as soon as `isSo` holds of the newest `windowMs`, looked at every 50 ms. */
  until(isSo: (newest: Float32Array) => boolean, windowMs: number): Promise<void>;
}

export interface SoundCard {
  /** For programs that are to use it. */
  env: Record<string, string>;
  /** Says it into the microphone. Resolves when all of it was said. */
  say(samples: Int16Array): Promise<void>;
  /** Everything that came to the loudspeaker. */
  speaker: Recording;
  /** Everything that the microphone gave. */
  microphone: Recording;
  /** Resolves when so many programs have the microphone open. @throws when that does not come true within 20 s. */
  untilListening(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** @throws when PulseAudio is not installed, with the command that brings it. */
export async function startSoundCard(): Promise<SoundCard> {
  if (!hasPulseAudio()) throw new Error('no PulseAudio; run npm run setup');
  const folder = mkdtempSync(path.join(tmpdir(), 'vjj-sound-'));
  const socket = path.join(folder, 'native');
  const env = {
    ...{ HOME: folder, XDG_RUNTIME_DIR: folder, XDG_CONFIG_HOME: folder, PULSE_RUNTIME_PATH: folder },
    PULSE_SERVER: `unix:${socket}`,
  };
  const running: ChildProcess[] = [];
  const start = (command: string, args: string[]) => {
    const child = spawn(command, args, {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    // Who is stopped first no longer takes what is written to it.
    child.stdin.on('error', () => undefined);
    running.push(child);
    return child;
  };
  const stop = async () => {
    for (const child of running.reverse()) {
      child.kill('SIGTERM');
      await ended(child);
    }
    // What a desktop has put into it may take a moment to go.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  };
  const ask = async (...args: string[]) => {
    const child = start('pactl', args);
    let answer = '';
    child.stdout.on('data', (bytes: Buffer) => (answer += bytes.toString()));
    const code = await ended(child);
    if (code !== 0) throw new Error(`pactl ${args.join(' ')} ended with ${String(code)}`);
    return answer.trim();
  };

  try {
    const script = path.join(folder, 'card.pa');
    // Whoever sees the socket finds everything else.
    writeFileSync(
      script,
      [
        'load-module module-null-sink sink_name=spk rate=48000',
        'load-module module-null-sink sink_name=mic rate=48000',
        'load-module module-remap-source master=mic.monitor source_name=vmic',
        'set-default-sink spk',
        'set-default-source vmic',
        `load-module module-native-protocol-unix auth-anonymous=1 socket=${socket}`,
        '',
      ].join('\n'),
    );
    const isThere = appears(folder, socket);
    const server = start('pulseaudio', [
      ...['-n', '-F', script, '--daemonize=no', '--exit-idle-time=-1', '--use-pid-file=no', '--disable-shm=yes'],
    ]);
    const died = ended(server).then((code) => {
      throw new Error(`PulseAudio ended with ${String(code)}`);
    });
    died.catch(() => undefined);
    await Promise.race([isThere, died]);

    fillRoom(start('pacat', ['--playback', '--device=mic', ...PCM]));
    const [speaker, microphone] = await Promise.all(
      ['spk.monitor', 'mic.monitor'].map((device) => record(start('parec', [`--device=${device}`, ...PCM]))),
    );
    if (speaker === undefined || microphone === undefined) throw new Error('nothing to record');
    return {
      ...{ env, speaker, microphone, stop },
      async say(samples) {
        const child = start('pacat', ['--playback', '--device=mic', ...PCM]);
        child.stdin.end(Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength));
        await ended(child);
      },
      async untilListening(count) {
        const rows = async (what: string) =>
          (await ask('list', 'short', what)).split('\n').map((row) => row.split('\t'));
        const index = (await rows('sources')).find((columns) => columns[1] === 'vmic')?.[0];
        const listening = async () => (await rows('source-outputs')).filter((columns) => columns[1] === index).length;
        const last = performance.now() + PATIENCE_MS;
        for (let now = await listening(); now !== count; now = await listening()) {
          if (performance.now() > last) throw new Error(`${now} programs have the microphone open, not ${count}`);
          await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        }
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    child.once('exit', resolve);
    child.once('error', reject);
  });
}

async function appears(folder: string, file: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const watcher = watch(folder, () => look());
    const look = () => {
      if (!existsSync(file)) return;
      watcher.close();
      resolve();
    };
    look();
  });
}

/** Gives the microphone its room, second by second, for as long as it takes it. */
function fillRoom({ stdin }: ReturnType<typeof spawn>): void {
  if (!stdin) return;
  const room = noise(1_000, ROOM_DB, 5);
  const second = Buffer.from(room.buffer);
  const more = () => {
    while (stdin.writable && stdin.write(second));
  };
  stdin.on('drain', more);
  more();
}

/** Resolves with the first sound. */
function record({ stdout }: ReturnType<typeof spawn>): Promise<Recording> {
  let sound = new Int16Array(RATE_HZ * 60);
  let length = 0;
  let spare: Buffer = Buffer.alloc(0);
  let beganAt = 0;
  let lookedAt = 0;
  const watchers = new Set<() => void>();
  const samples = (from = 0) => {
    const start = Math.max(0, from);
    const floats = new Float32Array(length - start);
    for (let i = 0; i < floats.length; i++) floats[i] = (sound[start + i] ?? 0) / 32768;
    return floats;
  };
  const recording: Recording = {
    samples,
    get length() {
      return length;
    },
    get beganAt() {
      return beganAt;
    },
    until: (isSo, windowMs) =>
      new Promise((resolve) => {
        const look = () => {
          if (!isSo(samples(length - Math.round((windowMs * RATE_HZ) / 1000)))) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
      }),
  };
  return new Promise((resolve) => {
    stdout?.on('data', (bytes: Buffer) => {
      const whole = Buffer.concat([spare, bytes]);
      const count = whole.length >> 1;
      if (length === 0) beganAt = performance.now() - (count * 1000) / RATE_HZ;
      if (length + count > sound.length) {
        const longer = new Int16Array(sound.length * 2);
        longer.set(sound);
        sound = longer;
      }
      for (let i = 0; i < count; i++) sound[length + i] = whole.readInt16LE(i * 2);
      length += count;
      spare = whole.subarray(count * 2);
      resolve(recording);
      if (length - lookedAt < LOOK_MS * (RATE_HZ / 1000)) return;
      lookedAt = length;
      for (const look of [...watchers]) look();
    });
  });
}
