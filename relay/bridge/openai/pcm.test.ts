import fc from 'fast-check';
import { expect, it } from 'vitest';
import { pcmReader, toBase64 } from './pcm.ts';

it('puts a sample together that the provider cut in two', () => {
  const reader = pcmReader();
  const bytes = Buffer.from(new Int16Array([1, -2, 3]).buffer);
  expect(reader.read(bytes.subarray(0, 3).toString('base64'))).toEqual(new Int16Array([1]));
  expect(reader.read(bytes.subarray(3).toString('base64'))).toEqual(new Int16Array([-2, 3]));
});

it('gives back every sample in order, however the provider cuts them', () => {
  const samples = fc.int16Array({ minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(samples, fc.array(fc.integer({ min: 1, max: 40 })), (wanted, cuts) => {
      const bytes = Buffer.from(toBase64(wanted), 'base64');
      const reader = pcmReader();
      const got: number[] = [];
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        got.push(...reader.read(bytes.subarray(at, at + cut).toString('base64')));
        at += cut;
      }
      expect(got).toEqual([...wanted]);
    }),
  );
});

it('reads a view into a larger buffer and no more', () => {
  const all = new Int16Array([9, 1, 2, 9]);
  expect(pcmReader().read(toBase64(all.subarray(1, 3)))).toEqual(new Int16Array([1, 2]));
});
