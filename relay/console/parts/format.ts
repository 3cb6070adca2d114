/** Times, money and lengths in words, in the browser's own language. Pure but for that language. */
const locale = navigator.language;
const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
const dateOnly = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' });
const utcDate = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });
const utcShort = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', timeZone: 'UTC' });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
const count = new Intl.NumberFormat(locale);
const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' });
const decimal = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const share = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 2 });
const dollars = new Intl.NumberFormat(locale, { style: 'currency', currency: 'USD' });
const fineDollars = new Intl.NumberFormat(locale, { style: 'currency', currency: 'USD', maximumFractionDigits: 4 });

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** @param at - Milliseconds since 1970, here and below. */
export const timeText = (at: number) => dateTime.format(at);
export const dayText = (at: number) => dateOnly.format(at);
/** @param day - `2026-11-23`, as the relay counts days: in UTC, wherever the browser is. */
export const calendarText = (day: string) => utcDate.format(Date.parse(day));
export const shortCalendarText = (day: number) => utcShort.format(day);
/** The time of day, to the second. */
export const clockText = (at: number) => clock.format(at);
/** With one digit behind the point. */
export const decimalText = (value: number) => decimal.format(value);
/** @param part - Of 1. */
export const shareText = (part: number) => share.format(part);
export const countText = (value: number) => count.format(value);

/** How long ago, or in how long: `5 min. ago`. */
export function agoText(at: number, now: number = Date.now()): string {
  const ms = at - now;
  const size = Math.abs(ms);
  if (size < MINUTE_MS) return relative.format(0, 'minute');
  if (size < HOUR_MS) return relative.format(Math.round(ms / MINUTE_MS), 'minute');
  if (size < DAY_MS) return relative.format(Math.round(ms / HOUR_MS), 'hour');
  return relative.format(Math.round(ms / DAY_MS), 'day');
}

/** @param micros - Millionths of a US dollar. Cents where there are enough of them. */
export const moneyText = (micros: number) =>
  Math.abs(micros) >= 1_000_000 || micros === 0 ? dollars.format(micros / 1e6) : fineDollars.format(micros / 1e6);

/** A length of time: `48 s`, `3:07`, `1:02:45`. */
export function lengthText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const two = (value: number) => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes}:${two(seconds % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}
