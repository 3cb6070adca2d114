/**
 * Clips go ahead of their need: each is announced and sent whole in epoch 0, and only then told
 * to the arbiter, so that what it plays is already in the page.
 */
import { CLIP_EPOCH, FLAG_LAST, MAX_FRAME_BYTES, HEADER_BYTES, SAMPLE_BYTES } from '#wire';
import type { Clip } from '../reflex/library.ts';
import type { Outlet } from './line.ts';

/** Samples of one frame: half of what a frame may hold. */
const PART = (MAX_FRAME_BYTES / 2 - HEADER_BYTES) / SAMPLE_BYTES;

export interface ClipSender {
  /** A second clip of the same id is ignored. */
  send(clip: Clip): void;
  /** To a page that has none of them. */
  again(): void;
}

/** @param ready - A clip is in the page. */
export function createClipSender(outlet: Outlet, ready: (clip: Clip) => void): ClipSender {
  const sent = new Map<string, Clip>();

  function tell({ id, kind, ms, affirmative, text, samples }: Clip): void {
    outlet.message({ type: 'clip.added', clip: id, kind, ms, affirmative, ...(text === undefined ? {} : { text }) });
    for (let at = 0; at < samples.length; at += PART) {
      const part = samples.subarray(at, at + PART);
      const flags = at + PART >= samples.length ? FLAG_LAST : 0;
      outlet.frame({ epoch: CLIP_EPOCH, lane: 'A', flags, samples: part });
    }
  }

  return {
    send(clip) {
      if (sent.has(clip.id) || clip.samples.length === 0) return;
      sent.set(clip.id, clip);
      tell(clip);
      ready(clip);
    },
    again() {
      for (const clip of sent.values()) tell(clip);
    },
  };
}
