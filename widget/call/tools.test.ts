import { describe, expect, it } from 'vitest';
import { Tools } from './tools.ts';

const definition = { description: 'Adds', parameters: { type: 'object' } };
const call = (json = '{"a":1}', name = 'add') => ({ call: 'c1', name, arguments: json });

async function answered(tools: Tools, ...[what, decide]: [ReturnType<typeof call>, Parameters<Tools['run']>[1]?]) {
  const answers: unknown[] = [];
  await tools.run(what, decide ?? (() => 'undecided'), (...answer) => answers.push(answer));
  return answers;
}

describe('a function of the page', () => {
  it('is listed with what the model must know, and nothing else', () => {
    const tools = new Tools();
    tools.define('add', definition, () => 1);
    expect(tools.list).toEqual([{ name: 'add', ...definition }]);
  });

  it('answers with its words as they are, and anything else as JSON', async () => {
    const tools = new Tools();
    tools.define('add', definition, ({ a }) => a);
    tools.define('say', definition, () => 'hello');
    tools.define('nothing', definition, () => undefined);
    expect(await answered(tools, call())).toEqual([['c1', '1', false]]);
    expect(await answered(tools, call('', 'say'))).toEqual([['c1', 'hello', false]]);
    expect(await answered(tools, call('{}', 'nothing'))).toEqual([['c1', 'null', false]]);
  });

  it.each([
    ['throws', call('{}', 'broken'), 'no luck'],
    ['throws something strange', call('{}', 'strange'), 'the function failed'],
    ['does not exist', call('{}', 'unknown'), 'the page has no function "unknown"'],
    ['was called with a list', call('[1]'), 'the arguments are no object'],
    ['was called with something that is not JSON', call('{'), 'JSON'],
  ])('that %s tells the model so', async (_what, what, message) => {
    const tools = new Tools();
    tools.define('add', definition, () => 1);
    tools.define('broken', definition, () => Promise.reject(new Error('no luck')));
    tools.define('strange', definition, () => Promise.reject('odd'));
    const [answer] = await answered(tools, what);
    expect(answer).toEqual(['c1', expect.stringContaining(JSON.stringify(message).slice(1, -1)), true]);
  });

  it('gives way to the page’s own answer, or refusal', async () => {
    const tools = new Tools();
    tools.define('add', definition, () => 1);
    expect(await answered(tools, call(), () => ({ answer: Promise.resolve('mine') }))).toEqual([['c1', 'mine', false]]);
    expect(await answered(tools, call(), () => 'refused')).toEqual([['c1', expect.stringContaining('refused'), true]]);
  });

  it('that is no longer wanted is aborted and answers nothing', async () => {
    const tools = new Tools();
    let wasAborted = false;
    tools.define('slow', definition, async (_args, { signal }) => {
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve());
      });
      wasAborted = signal.aborted;
    });
    const answers = answered(tools, call('{}', 'slow'));
    tools.cancelAll();
    tools.cancel('c1');
    expect(await answers).toEqual([]);
    expect(wasAborted).toBe(true);
  });
});
