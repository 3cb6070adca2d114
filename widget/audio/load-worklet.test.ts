import { describe, expect, it } from 'vitest';
import { loadWorklet } from './load-worklet.ts';

/** A context of a page whose policy lets only some addresses through. */
function page(allows: (url: string) => boolean) {
  const tried: string[] = [];
  const context = {
    audioWorklet: {
      addModule(url: string) {
        tried.push(url);
        return allows(url) ? Promise.resolve() : Promise.reject(new DOMException(`no ${url}`, 'AbortError'));
      },
    },
  } as unknown as BaseAudioContext;
  return { tried, context };
}

const code = () => Promise.resolve('registerProcessor');

describe('loading the worklet', () => {
  it('takes the first place that works and asks no further', async () => {
    const { tried, context } = page((url) => url === 'b.js');
    await loadWorklet(context, ['a.js', 'b.js', 'c.js'], code);
    expect(tried).toEqual(['a.js', 'b.js']);
  });

  it('takes a blob as the last resort', async () => {
    const { tried, context } = page((url) => url.startsWith('blob:'));
    await loadWorklet(context, ['a.js'], code);
    expect(tried).toHaveLength(2);
  });

  it('says that the policy forbids it when nothing works, with the first reason', async () => {
    const { context } = page(() => false);
    await expect(loadWorklet(context, ['a.js'], code)).rejects.toMatchObject({
      code: 'CSP_WORKLET',
      cause: { message: 'no a.js' },
    });
    const unloadable = () => Promise.reject(new Error('no chunk'));
    await expect(loadWorklet(context, [], unloadable)).rejects.toMatchObject({ cause: { message: 'no chunk' } });
  });
});
