/**
 * Checks of JSON fields that fail as OpenAI fails: with a code, the path of the field and the
 * values that would have been accepted. What has no check here is an unknown parameter.
 */
import { ProtocolError, isObject } from './protocol.ts';

/** @throws {ProtocolError} naming `param` when `value` is not acceptable. */
export type Check = (value: unknown, param: string) => void;

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function wrongType(param: string, expected: string, value: unknown): ProtocolError {
  return new ProtocolError(
    'invalid_type',
    `Invalid type for '${param}': expected ${expected}, but got ${typeName(value)} instead.`,
    param,
  );
}

/** The error for a value of the right type that is not accepted. */
export function invalidValue(param: string, message: string): ProtocolError {
  return new ProtocolError('invalid_value', message, param);
}

/** The error for a field that must be there. */
export function missing(param: string): ProtocolError {
  return new ProtocolError('missing_required_parameter', `Missing required parameter: '${param}'.`, param);
}

export const anything: Check = () => undefined;

export const string: Check = (value, param) => {
  if (typeof value !== 'string') throw wrongType(param, 'a string', value);
};

export const boolean: Check = (value, param) => {
  if (typeof value !== 'boolean') throw wrongType(param, 'a boolean', value);
};

export const anyObject: Check = (value, param) => {
  if (!isObject(value)) throw wrongType(param, 'an object', value);
};

export function text(maxLength: number): Check {
  return (value, param) => {
    string(value, param);
    if ((value as string).length > maxLength) {
      throw new ProtocolError(
        'string_above_max_length',
        `Invalid '${param}': string too long. Expected a string with maximum length ${maxLength}.`,
        param,
      );
    }
  };
}

export function number(min: number, max: number, kind: 'integer' | 'decimal' = 'decimal'): Check {
  return (value, param) => {
    if (typeof value !== 'number' || !Number.isFinite(value)) throw wrongType(param, 'a number', value);
    if (kind === 'integer' && !Number.isInteger(value)) throw wrongType(param, 'an integer', value);
    if (value < min || value > max) {
      throw invalidValue(param, `Invalid '${param}': expected a value from ${min} to ${max}, but got ${value}.`);
    }
  };
}

export function oneOf(...accepted: (string | number)[]): Check {
  const listed = accepted.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)));
  const supported = new Intl.ListFormat('en', { type: 'conjunction' }).format(listed);
  return (value, param) => {
    if (!accepted.some((candidate) => candidate === value)) {
      throw invalidValue(param, `Invalid value: ${quote(value)}. Supported values are: ${supported}.`);
    }
  };
}

function quote(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
}

export function nullable(check: Check): Check {
  return (value, param) => {
    if (value !== null) check(value, param);
  };
}

/** `first` where the value is a string, `second` otherwise. */
export function stringOr(first: Check, second: Check): Check {
  return (value, param) => (typeof value === 'string' ? first : second)(value, param);
}

export function listOf(check: Check, maxLength = 10_000): Check {
  return (value, param) => {
    if (!Array.isArray(value)) throw wrongType(param, 'an array', value);
    if (value.length > maxLength) throw invalidValue(param, `Invalid '${param}': at most ${maxLength} entries.`);
    value.forEach((entry, index) => check(entry, `${param}[${index}]`));
  };
}

/** An object of exactly these fields, of which `required` must be there. */
export function fields(known: Record<string, Check>, ...required: string[]): Check {
  return (value, param) => {
    if (!isObject(value)) throw wrongType(param, 'an object', value);
    for (const name of required) {
      if (!(name in value)) throw missing(`${param}.${name}`);
    }
    for (const [name, field] of Object.entries(value)) {
      const check = Object.hasOwn(known, name) ? known[name] : undefined;
      const path = `${param}.${name}`;
      if (check === undefined) throw new ProtocolError('unknown_parameter', `Unknown parameter: '${path}'.`, path);
      check(field, path);
    }
  };
}

/** An object whose `type` decides which fields it has. */
export function byType(kinds: Record<string, Check>): Check {
  const known = oneOf(...Object.keys(kinds));
  return (value, param) => {
    if (!isObject(value)) throw wrongType(param, 'an object', value);
    if (!('type' in value)) throw missing(`${param}.type`);
    known(value['type'], `${param}.type`);
    kinds[value['type'] as string]?.(value, param);
  };
}
