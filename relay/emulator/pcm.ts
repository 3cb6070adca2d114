/**
 * Sound as the protocol carries it (base64 of PCM16 at 24 kHz, or G.711 at 8 kHz) to and from
 * samples at 24 kHz. Knows no sessions.
 */
import { endianness } from 'node:os';
import { msToSamples, samplesToMs } from '#wire';
import { ProtocolError } from './protocol.ts';
import type { AudioFormat } from './session-config.ts';

const IS_BIG_ENDIAN = endianness() === 'BE';
/** What base64 may not hold; a pattern for the whole would run out of stack on large appends. */
const NOT_BASE64 = /[^A-Za-z0-9+/]/;

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && !NOT_BASE64.test(text.replace(/={1,2}$/, ''));
}

/**
 * Samples of an appended chunk.
 *
 * @throws {ProtocolError} when it is not base64, or ends inside a sample.
 */
export function decodeAudio(base64: string, format: AudioFormat, param: string): Int16Array {
  if (!isBase64(base64)) {
    throw new ProtocolError('invalid_value', `Invalid '${param}'. Expected base64-encoded audio bytes.`, param);
  }
  const bytes = Buffer.from(base64, 'base64');
  if (format.type !== 'audio/pcm') return thrice(bytes, format.type === 'audio/pcmu' ? MU_LAW : A_LAW);
  if (bytes.length % 2 !== 0) {
    throw new ProtocolError(
      'invalid_value',
      `Invalid '${param}'. PCM16 has two bytes a sample, but there are ${bytes.length}.`,
      param,
    );
  }
  return new Int16Array(new Uint8Array(IS_BIG_ENDIAN ? bytes.swap16() : bytes).buffer);
}

/** Base64 of `samples` in `format`; 8 kHz takes the mean of each three samples. */
export function encodeAudio(samples: Int16Array, format: AudioFormat): string {
  if (format.type === 'audio/pcm') return pcmBytes(samples).toString('base64');
  const encode = format.type === 'audio/pcmu' ? toMuLaw : toALaw;
  const bytes = Buffer.alloc(Math.floor(samples.length / 3));
  for (let i = 0; i < bytes.length; i += 1) {
    const sum = (samples[i * 3] ?? 0) + (samples[i * 3 + 1] ?? 0) + (samples[i * 3 + 2] ?? 0);
    bytes[i] = encode(Math.round(sum / 3));
  }
  return bytes.toString('base64');
}

/** PCM16 little endian, whatever the machine. */
export function pcmBytes(samples: Int16Array): Buffer {
  const bytes = Buffer.from(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
  return IS_BIG_ENDIAN ? bytes.swap16() : bytes;
}

/** One array of many. */
export function joined(chunks: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** The first `ms` milliseconds. */
export function firstMs(samples: Int16Array, ms: number): Int16Array {
  return samples.subarray(0, msToSamples(ms));
}

export { msToSamples, samplesToMs };

/** 8 kHz → 24 kHz, linear between samples. */
function thrice(bytes: Buffer, table: Int16Array): Int16Array {
  const samples = new Int16Array(bytes.length * 3);
  for (let i = 0; i < bytes.length; i += 1) {
    const here = table[bytes[i] ?? 0] ?? 0;
    const next = i + 1 < bytes.length ? (table[bytes[i + 1] ?? 0] ?? 0) : here;
    samples[i * 3] = here;
    samples[i * 3 + 1] = Math.round(here + (next - here) / 3);
    samples[i * 3 + 2] = Math.round(here + ((next - here) * 2) / 3);
  }
  return samples;
}

/** G.711, as ITU-T defines it: µ-law has a bias of 33 at 14 bits, A-law inverts every other bit. */
function toMuLaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(32_635, Math.abs(sample)) + 132;
  const exponent = 31 - Math.clz32(magnitude >> 7);
  return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff;
}

function fromMuLaw(byte: number): number {
  const bits = ~byte & 0xff;
  const magnitude = ((((bits & 0x0f) << 3) + 132) << ((bits >> 4) & 0x07)) - 132;
  return (bits & 0x80) !== 0 ? -magnitude : magnitude;
}

function toALaw(sample: number): number {
  const sign = sample < 0 ? 0 : 0x80;
  const magnitude = Math.min(32_767, sample < 0 ? -sample - 1 : sample);
  const exponent = magnitude >= 256 ? 31 - Math.clz32(magnitude >> 7) : 0;
  const mantissa = (magnitude >> (exponent === 0 ? 4 : exponent + 3)) & 0x0f;
  return (sign | (exponent << 4) | mantissa) ^ 0x55;
}

function fromALaw(byte: number): number {
  const bits = byte ^ 0x55;
  const exponent = (bits >> 4) & 0x07;
  const mantissa = (bits & 0x0f) << 4;
  const magnitude = exponent === 0 ? mantissa + 8 : (mantissa + 264) << (exponent - 1);
  return (bits & 0x80) !== 0 ? magnitude : -magnitude;
}

const MU_LAW = Int16Array.from({ length: 256 }, (_, byte) => fromMuLaw(byte));
const A_LAW = Int16Array.from({ length: 256 }, (_, byte) => fromALaw(byte));
