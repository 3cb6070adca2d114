/**
 * Keys: the one the emulator was started with, if any, and the short-lived client secrets made
 * with it. Without a key of its own it accepts whatever is presented.
 */
import type { Clock } from '../clock.ts';
import * as check from './check.ts';
import { newId, type Fields } from './protocol.ts';
import { defaultSession, updated, type VadDefaults } from './session-config.ts';

const LIFE_S = 600;
const request = check.fields({
  session: check.anyObject,
  expires_after: check.fields({ anchor: check.oneOf('created_at'), seconds: check.number(10, 7200, 'integer') }),
});

export class Secrets {
  readonly #key: string | undefined;
  readonly #clock: Clock;
  readonly #vad: VadDefaults;
  readonly #made = new Map<string, { expiresAtS: number; session: Fields }>();

  constructor(key: string | undefined, clock: Clock, vad: VadDefaults) {
    this.#key = key;
    this.#clock = clock;
    this.#vad = vad;
  }

  /** Whether `key` opens a session. An expired client secret does not, not even where any key would. */
  isAccepted(key: string | null): boolean {
    const made = key === null ? undefined : this.#made.get(key);
    if (made !== undefined) return made.expiresAtS > this.#nowS();
    return this.#key === undefined || key === this.#key;
  }

  /** The session a client secret was made for. */
  sessionOf(key: string | null): Fields | undefined {
    return key === null ? undefined : this.#made.get(key)?.session;
  }

  /** @throws {ProtocolError} naming what is wrong with the body. */
  create(body: Fields): Fields {
    request(body, 'body');
    const { session = { type: 'realtime' }, expires_after: { seconds = LIFE_S } = {} } = body as {
      session?: Fields;
      expires_after?: { seconds?: number };
    };
    const nowS = this.#nowS();
    for (const [old, { expiresAtS }] of this.#made) if (expiresAtS < nowS - LIFE_S) this.#made.delete(old);
    const model = typeof session['model'] === 'string' ? session['model'] : 'gpt-realtime-2.1';
    const effective = updated(defaultSession(newId('sess'), model, 0, this.#vad), session, false, this.#vad);
    const value = newId('ek');
    const expiresAtS = nowS + seconds;
    this.#made.set(value, { expiresAtS, session });
    return { value, expires_at: expiresAtS, session: effective };
  }

  #nowS(): number {
    return Math.floor(this.#clock.wallNow() / 1000);
  }
}
