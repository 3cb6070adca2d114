/**
 * What conversations will cost: from how many there are and how long they last to a bill, by the
 * prices and the arithmetic by which the relay bills those that were. Pure. The provider reads the
 * whole conversation again at each turn, most of it from its cache, so that long ones cost more by
 * the minute than short ones.
 */
import type { PriceTable } from '../usage/prices.ts';
import { reckon, type BillLine } from '../usage/reckon.ts';

/** As the provider counts them. */
const USER_TOKENS_PER_S = 10;
const AGENT_TOKENS_PER_S = 20;
/** An answer comes as words, too: about so many of them for its sound. */
const TEXT_FOR_AUDIO = 1 / 6;

export interface Expected {
  /** Conversations a month. */
  sessions: number;
  /** Of each, on the mean. */
  minutes: number;
  turnsPerMinute: number;
  /** Shares of the time in which each is heard, from 0 to 1; together at most 1. */
  userShare: number;
  agentShare: number;
  /** Of the assistant's instructions and tools. */
  instructionTokens: number;
  /** Of what was read before, the share that the provider finds in its cache. */
  cachedShare: number;
  /** The provider keeps the newest so many. */
  contextTokens: number;
  model: string;
  transcriptionModel: string;
}

export const EXPECTED = {
  ...{ sessions: 1_000, minutes: 3, turnsPerMinute: 4, userShare: 0.35, agentShare: 0.45 },
  ...{ instructionTokens: 800, cachedShare: 0.9, contextTokens: 28_000 },
};

export interface Estimate {
  /** Lines of one conversation's bill, in millionths of a dollar. */
  lines: { kind: string; cost: number }[];
  /** Of one conversation, in millionths of a dollar. */
  each: number;
  /** Of a month, in dollars. */
  monthly: number;
  /** A model is in no table: it was reckoned as the dearest of its kind. */
  isGuess: boolean;
}

export function estimate(table: PriceTable, expected: Expected): Estimate {
  const { minutes, turnsPerMinute, userShare, agentShare, instructionTokens, cachedShare, contextTokens } = expected;
  const turns = Math.max(1, Math.round(minutes * turnsPerMinute));
  const userS = (minutes * 60 * userShare) / turns;
  const agentS = (minutes * 60 * agentShare) / turns;
  const said = { user: userS * USER_TOKENS_PER_S, agent: agentS * AGENT_TOKENS_PER_S };
  const bills: BillLine[][] = [];
  let isGuess = false;
  const add = (model: string, usage: Parameters<typeof reckon>[2]) => {
    const bill = reckon(table, model, usage);
    bills.push(bill.lines);
    isGuess ||= bill.isGuess;
  };
  for (let turn = 0; turn < turns; turn++) {
    const before = Math.min(Math.max(0, contextTokens - instructionTokens), turn * (said.user + said.agent));
    const cached = turn === 0 ? 0 : cachedShare;
    add(expected.model, {
      kind: 'response',
      inputTextTokens: instructionTokens,
      cachedTextTokens: cached * instructionTokens,
      inputAudioTokens: before + said.user,
      cachedAudioTokens: cached * before,
      outputTextTokens: said.agent * TEXT_FOR_AUDIO,
      outputAudioTokens: said.agent,
    });
  }
  const none = {
    inputTextTokens: 0,
    cachedTextTokens: 0,
    cachedAudioTokens: 0,
    outputTextTokens: 0,
    outputAudioTokens: 0,
  };
  const seconds = Math.round(userS * turns);
  add(expected.transcriptionModel, { kind: 'transcription', ...none, inputAudioTokens: 0, seconds });
  const costs = new Map<string, number>();
  for (const { kind, cost } of bills.flat()) costs.set(kind, (costs.get(kind) ?? 0) + cost);
  const lines = [...costs].map(([kind, cost]) => ({ kind, cost })).sort((a, b) => b.cost - a.cost);
  const each = lines.reduce((sum, { cost }) => sum + cost, 0);
  return { lines, each, monthly: (each * expected.sessions) / 1e6, isGuess };
}
