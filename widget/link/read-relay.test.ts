import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMessage, RelayMessage } from '#wire';
import { readRelayMessage } from './read-relay.ts';

const protocol = readFileSync(new URL('../../relay/wire/PROTOCOL.md', import.meta.url), 'utf8');
const [, fromRelay = ''] = protocol.split('## From the relay');
const examples = [...fromRelay.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json = '']) => json);

const anyExample = fc.constantFrom(...examples.map((json) => JSON.parse(json) as Record<string, unknown>));
/** An example with one field missing or replaced. */
const damaged = anyExample.chain((message) =>
  fc.tuple(fc.constantFrom(...Object.keys(message)), fc.anything()).map(([field, value]) => {
    const { [field]: _gone, ...rest } = message;
    return value === undefined ? rest : { ...rest, [field]: value };
  }),
);

describe('what the relay says', () => {
  it.each(examples)('is taken as the contract’s examples have it: %s', (json) => {
    const read = readMessage(RelayMessage, json);
    expect(read.ok).toBe(true);
    expect(readRelayMessage(json)).toEqual(JSON.parse(json));
  });

  it('has an example of every type that is known here', () => {
    const known = new Set(examples.map((json) => (JSON.parse(json) as { type: string }).type));
    for (const { entries } of RelayMessage.options) expect(known).toContain(entries.type.literal);
  });

  it.each(['', 'not json', 'null', '1', '[]', '{}', '{"type":7}', '{"type":"from.the.future"}', '{"type":"toString"}'])(
    'is skipped where it makes no sense: %s',
    (data) => {
      expect(readRelayMessage(data)).toBeNull();
    },
  );

  it('is taken with fields that this version does not know', () => {
    expect(readRelayMessage('{"type":"provider.changed","up":true,"since":7}')).toMatchObject({ up: true });
  });

  it('is skipped where a field is missing or of another kind, whatever is put in its place', () => {
    fc.assert(
      fc.property(damaged, (message) => {
        const json = JSON.stringify(message);
        const strict = readMessage(RelayMessage, json);
        const light = readRelayMessage(json);
        // What the contract takes is taken; beyond it only values that are of the right kind.
        if (strict.ok) expect(light).not.toBeNull();
        for (const [field, value] of Object.entries(light ?? {})) {
          if (/^(epoch|t|text|knobs|assistant|\w+Ms)$/.test(field)) expect(value).not.toBeNull();
        }
      }),
      { numRuns: 2000, seed: 6 },
    );
  });

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (data) => {
        readRelayMessage(data);
      }),
      { numRuns: 2000, seed: 7 },
    );
  });
});
