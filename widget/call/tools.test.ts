import { describe, expect, it } from 'vitest';
import { Tools, type ConfirmTool, type Tool, type ToolHandler } from './tools.ts';

const definition = { description: 'Adds', parameters: { type: 'object' } };
const call = (json = '{"a":1}', name = 'add') => ({ call: 'c1', name, arguments: json });

type Asked = [what: ReturnType<typeof call>, decide?: Parameters<Tools['run']>[1], confirm?: ConfirmTool];
async function answered(tools: Tools, ...[what, decide, confirm]: Asked) {
  const answers: unknown[] = [];
  const nobody: ConfirmTool = () => Promise.reject(new Error('nobody was asked'));
  await tools.run(what, decide ?? (() => 'undecided'), (...answer) => answers.push(answer), confirm ?? nobody);
  return answers;
}

/** Functions of the page by name. */
function offered() {
  const defined = new Map<string, Tool>();
  const define = (name: string, { ...given }: Omit<Tool, 'handler'>, handler: ToolHandler) =>
    defined.set(name, { ...given, handler });
  return { tools: new Tools(defined), define };
}

describe('a function of the page', () => {
  it('is listed with what the model must know, and nothing else', () => {
    const { tools, define } = offered();
    define('add', definition, () => 1);
    expect(tools.list).toEqual([{ name: 'add', ...definition }]);
  });

  it('answers with its words as they are, and anything else as JSON', async () => {
    const { tools, define } = offered();
    define('add', definition, ({ a }) => a);
    define('say', definition, () => 'hello');
    define('nothing', definition, () => undefined);
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
    const { tools, define } = offered();
    define('add', definition, () => 1);
    define('broken', definition, () => Promise.reject(new Error('no luck')));
    define('strange', definition, () => Promise.reject('odd'));
    const [answer] = await answered(tools, what);
    expect(answer).toEqual(['c1', expect.stringContaining(JSON.stringify(message).slice(1, -1)), true]);
  });

  it('gives way to the page’s own answer, or refusal', async () => {
    const { tools, define } = offered();
    define('add', definition, () => 1);
    expect(await answered(tools, call(), () => ({ answer: Promise.resolve('mine') }))).toEqual([['c1', 'mine', false]]);
    expect(await answered(tools, call(), () => 'refused')).toEqual([['c1', expect.stringContaining('refused'), true]]);
  });

  it('runs only after the person said so, where it asks for that', async () => {
    const { tools, define } = offered();
    let runs = 0;
    define('add', { ...definition, confirm: true }, () => (runs += 1));
    const asked: unknown[] = [];
    const confirm = (is: boolean): ConfirmTool => {
      return ({ name }, args) => {
        asked.push(name, args);
        return Promise.resolve(is);
      };
    };
    expect(await answered(tools, call(), undefined, confirm(false))).toEqual([
      ['c1', '{"error":"the person declined"}', true],
    ]);
    expect(await answered(tools, call(), undefined, confirm(true))).toEqual([['c1', '1', false]]);
    expect([asked, runs]).toEqual([['add', { a: 1 }, 'add', { a: 1 }], 1]);
    expect(await answered(tools, call())).toEqual([['c1', '{"error":"nobody was asked"}', true]]);
  });

  it('found on the page is offered too, after what the page defined under the same name', async () => {
    const { tools, define } = offered();
    define('add', definition, () => 'defined');
    tools.offer([
      { name: 'add', ...definition, handler: () => 'found' },
      { name: 'book', ...definition, handler: () => 'booked' },
    ]);
    expect(tools.list.map(({ name }) => name)).toEqual(['add', 'book']);
    expect(await answered(tools, call())).toEqual([['c1', 'defined', false]]);
    expect(await answered(tools, call('{}', 'book'))).toEqual([['c1', 'booked', false]]);
  });

  it('that is no longer wanted is aborted and answers nothing', async () => {
    const { tools, define } = offered();
    let wasAborted = false;
    let begin = () => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    define('slow', definition, async (_args, { signal }) => {
      begin();
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve());
      });
      wasAborted = signal.aborted;
    });
    const answers = answered(tools, call('{}', 'slow'));
    await begun;
    tools.cancelAll();
    tools.cancel('c1');
    expect(await answers).toEqual([]);
    expect(wasAborted).toBe(true);
  });

  it('that is no longer wanted before it began does not begin', async () => {
    const { tools, define } = offered();
    let hasRun = false;
    define('add', definition, () => (hasRun = true));
    const answers = answered(tools, call());
    tools.cancel('c1');
    expect(await answers).toEqual([]);
    expect(hasRun).toBe(false);
  });

  it('may name where its answer stands, and only addresses of the web count', async () => {
    const { tools, define } = offered();
    const citations: unknown[] = [
      { title: 'Opening hours', url: 'https://shop.test/hours' },
      { title: 'A script', url: 'javascript:alert(1)' },
      { title: 7, url: 'https://shop.test' },
      { url: 'https://shop.test' },
      null,
    ];
    define('hours', definition, () => ({ open: 9, citations }));
    define('odd', definition, () => ({ citations: 'none' }));
    const run = (name: string) =>
      tools.run(
        call('{}', name),
        () => 'undecided',
        () => {},
        () => Promise.resolve(true),
      );
    expect(await run('hours')).toEqual([{ tool: 'hours', title: 'Opening hours', url: 'https://shop.test/hours' }]);
    expect(await run('odd')).toEqual([]);
    expect(await run('unknown')).toEqual([]);
  });
});
