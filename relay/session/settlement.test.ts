import { beforeEach, describe, expect, it } from 'vitest';
import { virtualClock, type VirtualClock } from '../testing/virtual-clock.ts';
import { createSettlement, type Settlement } from './settlement.ts';

let clock: VirtualClock;
let settlement: Settlement;
let told: string[];

beforeEach(() => {
  clock = virtualClock();
  told = [];
  settlement = createSettlement({
    clock,
    run: (job) => job(),
    receivedMs: () => 2_000,
    truncate: (item, audioEndMs) => told.push(`${item} to ${audioEndMs}`),
    remove: (item) => told.push(`no ${item}`),
    request: (turn) => told.push(`ask for ${turn}`),
  });
  settlement.began('i1');
});

describe('what the model is told of a cut answer', () => {
  it('waits for the gate to say where it closed, and the next request with it', () => {
    settlement.reported('i1', 700, false);
    settlement.closed();
    settlement.settle('i1', 700);
    settlement.request('turn_2');
    // This one was on its way when the gate was told.
    settlement.reported('i1', 800, false);
    expect(told).toEqual([]);
    settlement.reported('i1', 871.9, true);
    expect(told).toEqual(['i1 to 871', 'ask for turn_2']);
    clock.advance(1_000);
    settlement.reported('i1', 900, true);
    expect(told).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  it('is the newest that is known when the page does not say', () => {
    settlement.closed();
    settlement.settle('i1', 700);
    settlement.request('turn_2');
    settlement.reported('i1', 800, false);
    clock.advance(299);
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toEqual(['i1 to 800', 'ask for turn_2']);
  });

  it('is told at once where the page had paused: it has said where', () => {
    settlement.held();
    settlement.closed();
    settlement.settle('i1', 700);
    settlement.request('turn_2');
    expect(told).toEqual(['i1 to 700', 'ask for turn_2']);
  });

  it('waits again when the pause was taken back', () => {
    settlement.held();
    settlement.released();
    settlement.closed();
    settlement.settle('i1', 700);
    expect(told).toEqual([]);
  });

  it('is nothing of an item that is known to be whole, and of one unheard that it never was', () => {
    settlement.began('i2');
    settlement.closed();
    settlement.settle('i1', 1_900);
    settlement.settle('i2', 0);
    settlement.reported('i1', 2_000, false);
    settlement.reported('i2', 40, true);
    expect(told).toEqual(['i2 to 40']);
  });

  it('is told at once of what was never sent, as of what the user said', () => {
    settlement.closed();
    settlement.settle('of_the_user', 0);
    settlement.settle('never_sent', 0);
    expect(told).toEqual(['no of_the_user', 'no never_sent']);
  });

  it('is told at the end of the session, whatever it waits for', () => {
    settlement.closed();
    settlement.settle('i1', 700);
    settlement.flush();
    expect(told).toEqual(['i1 to 700']);
    expect(clock.pending).toBe(0);
  });

  it('does not wait for what an earlier close left open, and remembers no more than it needs', () => {
    settlement.closed();
    for (let i = 0; i < 40; i++) settlement.began(`later_${i}`);
    settlement.held();
    settlement.closed();
    settlement.settle('i1', 700);
    settlement.settle('later_39', 10);
    expect(told).toEqual(['i1 to 700', 'later_39 to 10']);
  });
});
