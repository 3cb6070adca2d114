import { beforeEach, describe, expect, it } from 'vitest';
import { ClipIntake } from './clip-intake.ts';

const kept = new Map<string, number[]>();
let intake: ClipIntake;

beforeEach(() => {
  kept.clear();
  intake = new ClipIntake((clip, samples) => kept.set(clip, [...samples]));
});

describe('clips that are sent ahead', () => {
  it('are whole with their last frame', () => {
    intake.announce('mm');
    intake.push(Int16Array.of(1, 2), false);
    expect(kept.size).toBe(0);
    intake.push(Int16Array.of(3), true);
    intake.announce('ah');
    intake.push(Int16Array.of(4), true);
    expect([...kept]).toEqual([
      ['mm', [1, 2, 3]],
      ['ah', [4]],
    ]);
  });

  it('are not kept when nobody announced them, and half ones give way to the next', () => {
    intake.push(Int16Array.of(1), true);
    intake.announce('mm');
    intake.push(Int16Array.of(1), false);
    intake.announce('ah');
    intake.push(Int16Array.of(2), true);
    intake.push(Int16Array.of(3), true);
    expect([...kept]).toEqual([['ah', [2]]]);
  });

  it('are bounded in length and number', () => {
    intake.announce('long');
    for (let i = 0; i < 16; i++) intake.push(new Int16Array(24_000), i === 15);
    for (let i = 0; i < 70; i++) {
      intake.announce(`c${i}`);
      intake.push(Int16Array.of(1), true);
    }
    expect(kept.size).toBe(64);
    expect(kept.has('long')).toBe(false);
  });
});
