/**
 * `voice-jib-jab/testing`: calls without a relay, a microphone or a network, for the integration
 * tests of pages. Importing it is enough: from then on `<voice-jib-jab src="mock:greeter">` meets
 * the persona `greeter`. An entry of its own; the widget that people get contains none of it.
 */
import { CallError } from '../errors.ts';
import type { OpenCall, VoiceJibJab } from '../index.ts';
import { MockCall } from './mock-call.ts';
import type { Speed } from './mock-clock.ts';
import { PERSONAS, type Persona } from './personas.ts';

export { MockCall, type Asked, type MockCallOptions } from './mock-call.ts';
export type { Speed } from './mock-clock.ts';
export { PERSONAS, type Opening, type Persona, type Scene, type ToolAnswer } from './personas.ts';

const SCHEME = 'mock:';
const known = new Map(Object.entries(PERSONAS));
const calls = new WeakMap<VoiceJibJab, MockCall>();
/** How an element opened calls before it had a mock address. */
const before = new WeakMap<VoiceJibJab, OpenCall>();

/** A persona of the test's own, as `src="mock:NAME"`. */
export function definePersona(name: string, persona: Persona): void {
  known.set(name, persona);
}

/** The newest mock call of this element, or null: what was asked of it, and what is to happen in it. */
export function mockOf(element: VoiceJibJab): MockCall | null {
  return calls.get(element) ?? null;
}

/**
 * Reads an address such as `mock:story?speed=10`.
 *
 * @throws {CallError} `PROTOCOL` for a persona that nobody defined.
 */
export function mockCall(src: string): MockCall {
  const { pathname, searchParams: params } = new URL(src);
  const persona = known.get(pathname);
  if (!persona) throw new CallError('PROTOCOL', `no persona "${pathname}"; there are ${[...known.keys()].join(', ')}`);
  return new MockCall({ persona, params, speed: speedOf(params.get('speed')) });
}

function speedOf(said: string | null): Speed {
  if (said === 'manual') return 'manual';
  if (said === 'max') return Infinity;
  const speed = Number(said ?? 1);
  if (!(speed > 0)) throw new CallError('PROTOCOL', `speed is a number above 0, max or manual, not ${String(said)}`);
  return speed;
}

/** Every element of this class, also in shadow roots, looks at its address when it starts. */
function register({ prototype }: typeof VoiceJibJab): void {
  const start = Object.getOwnPropertyDescriptor(prototype, 'start')?.value as VoiceJibJab['start'];
  prototype.start = function (this: VoiceJibJab, options) {
    const own = before.get(this) ?? this.openCall;
    if (this.src.startsWith(SCHEME)) {
      before.set(this, own);
      this.openCall = async (request) => {
        const call = mockCall(this.src);
        calls.set(this, call);
        return call.openCall(request);
      };
    } else if (before.delete(this)) this.openCall = own;
    return start.call(this, options);
  };
}

if (typeof customElements !== 'undefined') {
  const defined = customElements.get('voice-jib-jab') as typeof VoiceJibJab | undefined;
  if (defined) register(defined);
  else void customElements.whenDefined('voice-jib-jab').then((one) => register(one as typeof VoiceJibJab));
}
