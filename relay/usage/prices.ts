/**
 * What the provider charges, by model, as of a date. A price per million tokens in dollars is the
 * same number in millionths of a dollar a token, so the table reads like the provider's pages.
 * Fetches nothing: an operator with other prices names a file.
 */
import * as v from 'valibot';

/** The day on which the provider's pages were read. */
export const PRICES_AS_OF = '2026-11-05';

const amount = v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(1_000_000));
const Tokens = v.strictObject({ input: amount, cached: amount, output: amount });
const ModelPrice = v.variant('by', [
  v.strictObject({ by: v.literal('tokens'), text: Tokens, audio: Tokens }),
  /** Dollars a minute of sound. */
  v.strictObject({ by: v.literal('minute'), minute: amount }),
]);
const PriceTable = v.strictObject({
  asOf: v.pipe(v.string(), v.isoDate('must be a date like 2026-11-05')),
  models: v.record(v.string(), ModelPrice),
});

/** Of one model: dollars per million tokens, or dollars a minute. */
export type ModelPrice = v.InferOutput<typeof ModelPrice>;
export type PriceTable = v.InferOutput<typeof PriceTable>;

const spoken = (text: [number, number, number], audio: [number, number, number]): ModelPrice => ({
  by: 'tokens',
  text: { input: text[0], cached: text[1], output: text[2] },
  audio: { input: audio[0], cached: audio[1], output: audio[2] },
});
const timed = (minute: number): ModelPrice => ({ by: 'minute', minute });

/** Input, cached input, output. Not checked since the date; `PRICES_FILE` replaces any of them. */
export const PRICES: PriceTable = {
  asOf: PRICES_AS_OF,
  models: {
    'gpt-realtime-2.1': spoken([4, 0.4, 24], [32, 0.4, 64]),
    'gpt-realtime-2': spoken([4, 0.4, 24], [32, 0.4, 64]),
    'gpt-realtime-2.1-mini': spoken([0.6, 0.06, 2.4], [10, 0.3, 20]),
    'gpt-realtime-1.5': spoken([4, 0.4, 16], [32, 0.4, 64]),
    'gpt-realtime': spoken([4, 0.4, 16], [32, 0.4, 64]),
    'gpt-realtime-mini': spoken([0.6, 0.06, 2.4], [10, 0.3, 20]),
    'gpt-realtime-whisper': timed(0.017),
    'gpt-transcribe': timed(0.0045),
    'gpt-4o-transcribe': spoken([2.5, 2.5, 10], [6, 6, 10]),
    'gpt-4o-mini-transcribe': spoken([1.25, 1.25, 5], [3, 3, 5]),
    'whisper-1': timed(0.006),
  },
};

/** What a model is for; within one, the dearest price stands for a model that is not in the table. */
export type Family = 'speech' | 'transcription';

export interface FoundPrice {
  price: ModelPrice;
  /** The model is not in the table, and its family's dearest price was taken. */
  isGuess: boolean;
}

const isTranscriber = (model: string) => /transcribe|whisper/.test(model);
/** A minute in which both sides speak, or a minute of sound written down at 200 words. */
const minuteOf = (price: ModelPrice, family: Family): number => {
  if (price.by === 'minute') return price.minute * 1e6;
  return family === 'speech'
    ? 600 * price.audio.input + 1_200 * price.audio.output
    : 600 * price.audio.input + 270 * price.text.output;
};

/** The price of `model`, or of a dated snapshot of it (`gpt-realtime-2.1-2026-10-01`); the family's dearest otherwise. */
export function priceOf(table: PriceTable, model: string, family: Family): FoundPrice {
  const known = table.models[model] ?? table.models[model.replace(/-\d{4}-\d{2}-\d{2}$/, '')];
  if (known !== undefined) return { price: known, isGuess: false };
  const inFamily = Object.entries(table.models)
    .filter(([name]) => isTranscriber(name) === (family === 'transcription'))
    .map(([, price]) => price);
  const [first = timed(1), ...others] = inFamily;
  const dearest = others.reduce((most, one) => (minuteOf(one, family) > minuteOf(most, family) ? one : most), first);
  return { price: dearest, isGuess: true };
}

/** What a minute of conversation may cost, in millionths of a dollar: both sides speaking all the time. */
export function dearMinute(table: PriceTable, model: string): number {
  return Math.ceil(minuteOf(priceOf(table, model, 'speech').price, 'speech'));
}

/**
 * The table with an operator's own prices in place of ours.
 *
 * @param json - `{asOf, models: {name: {by: "tokens", text: {input, cached, output}, audio: {…}} | {by: "minute", minute}}}`
 * @throws {SyntaxError} when it is no JSON; {RangeError} with the place that is wrong.
 */
export function readPrices(json: string): PriceTable {
  const read = v.safeParse(PriceTable, JSON.parse(json));
  if (!read.success) {
    const [issue] = read.issues;
    throw new RangeError(`${v.getDotPath(issue) ?? 'prices'}: ${issue.message}`);
  }
  return { asOf: read.output.asOf, models: { ...PRICES.models, ...read.output.models } };
}
