/** Some thousands of wrong inputs, the same ones each time; `npm run fuzz` tries others, for longer. */
import { describe, expect, it } from 'vitest';
import { providerTarget } from './provider.ts';
import { fuzz, tryOne } from './run.ts';
import type { Target } from './target.ts';
import { tokenTarget } from './token.ts';
import { wireTarget } from './wire.ts';

const SEED = 20_261_123;

describe.each([
  [wireTarget(), 6_000],
  [tokenTarget(), 800],
  [providerTarget(), 300],
] as const)('$0.name', (target, count) => {
  it(`stands ${count} wrong inputs`, async () => {
    const { tried, found } = await fuzz(target, SEED, (done) => done < count);
    const shown = found && `${found.error.message}\ninput, base64: ${found.input.toString('base64')}`;
    expect([tried, shown]).toEqual([count, null]);
  });
});

describe('a fuzz run', () => {
  const weak: Target = {
    name: 'weak',
    corpus: [Buffer.from('right')],
    mutate: (random, input) => Buffer.concat([input.subarray(0, 4), Buffer.from([random.whole(0, 255)])]),
    run(input) {
      if (input[4] === 0x21) throw new Error('it cannot stand that');
    },
  };

  it('finds what is wrong, the same for the same seed, and the input that it names shows it again', async () => {
    const [first, again] = [await fuzz(weak, 1, (done) => done < 5_000), await fuzz(weak, 1, (done) => done < 5_000)];
    expect(first.found?.error.message).toBe('it cannot stand that');
    expect(again.found?.input).toEqual(first.found?.input);
    expect(await tryOne(weak, first.found?.input ?? Buffer.alloc(0))).toMatchObject({
      message: 'it cannot stand that',
    });
    expect(await tryOne(weak, Buffer.from('right'))).toBeNull();
  });
});
