/**
 * When a frame left, written into its own first samples, so that whoever gets it in another process can say how long it took. The
 * kernel's monotonic clock is the same in all processes of a machine.
 */

/** One 20 ms frame of PCM16 at the wire's rate. */
export const FRAME_BYTES = 960;
/** First sample of a frame that carries a stamp: no sound of a tone looks like it twice in a row. */
const MARK = 0x3039_5a5a;
/** Bytes at the beginning of a frame that the stamp takes: a multiple of 3, so that base64 can be cut after it. */
export const STAMP_BYTES = 18;
/** … and in base64. */
export const STAMP_CHARS = 24;

export const nowUs = () => Number(process.hrtime.bigint() / 1000n);

export interface Stamp {
  /** Microseconds of the machine's monotonic clock. */
  sentUs: number;
  /** A number of the sender's, up to 32 bits. */
  note: number;
}

/** @param at - Offset of the sound in `bytes`. */
export function writeStamp(bytes: Buffer, at: number, note = 0, sentUs = nowUs()): void {
  bytes.writeUInt32LE(MARK, at);
  bytes.writeDoubleLE(sentUs, at + 4);
  bytes.writeUInt32LE(note >>> 0, at + 12);
}

/** @returns null where no frame that was stamped begins. */
export function readStamp(bytes: Buffer, at: number): Stamp | null {
  if (bytes.length < at + STAMP_BYTES || bytes.readUInt32LE(at) !== MARK) return null;
  return { sentUs: bytes.readDoubleLE(at + 4), note: bytes.readUInt32LE(at + 12) };
}

/** A soft tone, so that nothing takes it for silence; every frame the same. */
export function tone(bytes = FRAME_BYTES): Buffer {
  const sound = Buffer.alloc(bytes);
  for (let at = 0; at + 1 < bytes; at += 2) sound.writeInt16LE(Math.round(3000 * Math.sin(at / 14)), at);
  return sound;
}
