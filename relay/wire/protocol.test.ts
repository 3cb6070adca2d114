/** The document of the protocol cannot say what the schemas do not. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CLOSE, MAX_FRAME_BYTES, RelayMessage, WidgetMessage, readMessage } from './index.ts';

const text = readFileSync(new URL('./PROTOCOL.md', import.meta.url), 'utf8');
const section = (title: string) => text.split(/^## /m).find((part) => part.startsWith(title)) ?? '';
const examples = (title: string) =>
  [...section(title).matchAll(/```json\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
const typesOf = (schema: typeof WidgetMessage | typeof RelayMessage) =>
  schema.options.map((option) => option.entries.type.literal).sort();
const typeOf = (example: string) => (JSON.parse(example) as { type: string }).type;

describe.each([
  { from: 'From the widget', schema: WidgetMessage },
  { from: 'From the relay', schema: RelayMessage },
])('$from', ({ from, schema }) => {
  it.each(examples(from).map((example) => [typeOf(example), example]))('the example of %s is read', (_, example) => {
    const read = readMessage(schema, example);
    expect(read).toEqual({ ok: true, message: JSON.parse(example) });
  });

  it('every message of the union has an example', () => {
    expect([...new Set(examples(from).map(typeOf))].sort()).toEqual(typesOf(schema));
  });
});

describe('close codes', () => {
  it('are those of the code, with their names', () => {
    const rows = [...section('Close codes').matchAll(/^\| (\d{4}) +\| ([a-z-]+) +\|/gm)];
    expect(Object.fromEntries(rows.map(([, code, name]) => [name, Number(code)]))).toEqual(CLOSE);
  });
});

describe('limits', () => {
  it('names the largest frame that is decoded', () => {
    expect(section('Limits')).toMatch(new RegExp(`^\\| binary frame +\\| ${MAX_FRAME_BYTES / 1024} KiB +\\|`, 'm'));
  });
});
