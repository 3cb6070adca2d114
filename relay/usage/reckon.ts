/**
 * From what the provider reports of one response or transcription to lines of a bill. Pure.
 * Totals by kind include what was cached, as the provider counts them.
 */
import { priceOf, type ModelPrice, type PriceTable } from './prices.ts';

/** As the bridge reports it; see `BridgeUsage`. */
export interface ReportedUsage {
  kind: 'response' | 'transcription';
  inputTextTokens: number;
  inputAudioTokens: number;
  cachedTextTokens: number;
  cachedAudioTokens: number;
  outputTextTokens: number;
  outputAudioTokens: number;
  /** Where the provider bills by time instead. */
  seconds?: number;
}

export interface BillLine {
  /** `audio.output`, `text.cached`, `transcription`, … */
  kind: string;
  quantity: number;
  unit: 'tokens' | 'seconds' | 'requests';
  /** Millionths of a dollar, rounded to the nearest. */
  cost: number;
}

export interface Bill {
  lines: BillLine[];
  /** Millionths of a dollar. */
  cost: number;
  /** The model is not in the price table. */
  isGuess: boolean;
}

/** The user's sound is counted in tokens of 100 ms. */
const TOKENS_PER_SECOND = 10;
/** Without a price a minute, a second is a second of the dearest price for tokens. */
const WORDS_PER_SECOND_TOKENS = 5;

/** Lines of no quantity are left out. */
export function reckon(table: PriceTable, model: string, usage: ReportedUsage): Bill {
  const family = usage.kind === 'response' ? 'speech' : 'transcription';
  const { price, isGuess } = priceOf(table, model, family);
  const lines = (price.by === 'minute' ? timed(price.minute, usage) : counted(price, usage)).filter(
    ({ quantity }) => quantity > 0,
  );
  return { lines, isGuess, cost: lines.reduce((sum, { cost }) => sum + cost, 0) };
}

function timed(minute: number, usage: ReportedUsage): BillLine[] {
  const quantity = usage.seconds ?? Math.ceil(usage.inputAudioTokens / TOKENS_PER_SECOND);
  return [{ kind: usage.kind, quantity, unit: 'seconds', cost: Math.round((quantity * minute * 1e6) / 60) }];
}

function counted(price: Extract<ModelPrice, { by: 'tokens' }>, usage: ReportedUsage): BillLine[] {
  const { seconds } = usage;
  if (seconds !== undefined) {
    const perSecond = TOKENS_PER_SECOND * price.audio.input + WORDS_PER_SECOND_TOKENS * price.text.output;
    return [{ kind: usage.kind, quantity: seconds, unit: 'seconds', cost: Math.round(seconds * perSecond) }];
  }
  const line = (kind: string, quantity: number, each: number): BillLine => ({
    ...{ kind, quantity, unit: 'tokens' },
    cost: Math.round(quantity * each),
  });
  const { text, audio } = price;
  // A provider that reports more cached than there was would make the rest negative.
  const fresh = (all: number, cached: number) => Math.max(0, all - cached);
  return [
    line('text.input', fresh(usage.inputTextTokens, usage.cachedTextTokens), text.input),
    line('text.cached', usage.cachedTextTokens, text.cached),
    line('text.output', usage.outputTextTokens, text.output),
    line('audio.input', fresh(usage.inputAudioTokens, usage.cachedAudioTokens), audio.input),
    line('audio.cached', usage.cachedAudioTokens, audio.cached),
    line('audio.output', usage.outputAudioTokens, audio.output),
  ];
}
