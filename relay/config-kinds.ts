/**
 * The kinds of values that a variable of the environment may have: what is accepted, in words, and how
 * text becomes a value. Knows no variable by name.
 */
import * as v from 'valibot';

export interface Variable<T> {
  group: string;
  /** Meaning, with unit. */
  means: string;
  /** What is accepted, for a message that ends in it. */
  allowed: string;
  /** The text that stands for an absent variable; undefined leaves it unset. */
  absent: string | undefined;
  /** Never repeated in a message, and may be given as NAME_FILE. */
  isSecret?: boolean;
  /** Text to value; throws {@link BadValue} with a reason. */
  read: (text: string) => T;
}

/** The message says what is wrong, without the value. */
export class BadValue extends Error {
  override readonly name = 'BadValue';
}

export type Details = Pick<Variable<unknown>, 'group' | 'means'> & {
  absent?: string;
  isSecret?: boolean;
  allowed?: string;
};

export function variable<T>(details: Details, allowed: string, read: (text: string) => T): Variable<T> {
  return { absent: undefined, allowed, ...details, read };
}

export const whole = (min: number, max: number, details: Details) =>
  variable(details, `a whole number from ${min} to ${max}`, (text) => {
    const number = v.safeParse(v.pipe(v.string(), v.regex(/^-?\d{1,15}$/), v.transform(Number)), text);
    if (!number.success) throw new BadValue('is not a whole number');
    if (number.output < min || number.output > max) throw new BadValue('is out of range');
    return number.output;
  });

export const share = (details: Details) =>
  variable(details, 'a number from 0 to 1', (text) => {
    const number = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN;
    if (!(number >= 0 && number <= 1)) throw new BadValue('is not a number from 0 to 1');
    return number;
  });

export const flag = (details: Details) =>
  variable(details, 'true or false', (text) => {
    if (/^(true|1|yes|on)$/i.test(text)) return true;
    if (/^(false|0|no|off)$/i.test(text)) return false;
    throw new BadValue('is neither true nor false');
  });

export const oneOf = <const T extends string>(values: readonly T[], details: Details) =>
  variable(details, `one of ${values.join(', ')}`, (text) => {
    const found = values.find((value) => value === text);
    if (found === undefined) throw new BadValue('is none of these');
    return found;
  });

export const pattern = (regex: RegExp, allowed: string, details: Details) =>
  variable(details, allowed, (text) => {
    if (!regex.test(text)) throw new BadValue('does not look right');
    return text;
  });

export const url = (schemes: readonly string[], details: Details) =>
  variable(details, `a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`, (text) => {
    if (!URL.canParse(text)) throw new BadValue('is not a URL');
    const parsed = new URL(text);
    if (!schemes.includes(parsed.protocol.slice(0, -1))) throw new BadValue('has another scheme');
    return text.replace(/\/+$/, '');
  });

/** A URL of scheme, host and port alone. */
export const origin = (schemes: readonly string[], details: Details) => {
  const address = url(schemes, details);
  return variable(details, `${address.allowed}, without a path`, (text) => {
    const read = address.read(text);
    if (new URL(read).origin !== read) throw new BadValue('has more than a scheme, a host and a port');
    return read;
  });
};

export const list = <T>(details: Details, allowed: string, readOne: (text: string) => T) =>
  variable(details, `a list, separated by commas, of ${allowed}`, (text) => {
    const wrong: string[] = [];
    const values = text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .flatMap((part) => {
        try {
          return [readOne(part)];
        } catch (error) {
          if (!(error instanceof BadValue)) throw error;
          wrong.push(`"${part}": ${error.message}`);
          return [];
        }
      });
    if (wrong.length > 0) throw new BadValue(`has wrong entries (${wrong.join('; ')})`);
    return values;
  });

export const secret = (shortest: number, details: Details) =>
  variable({ ...details, isSecret: true }, `${shortest} characters or more, without spaces`, (text) => {
    if (/\s/.test(text)) throw new BadValue('holds a space');
    if (text.length < shortest) throw new BadValue('is too short');
    return text;
  });
