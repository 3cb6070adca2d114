/** Sums and order of the budget that all conversations share. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createByteBudget, type ByteAccount } from './byte-budget.ts';

const MOST = 1_000;

function house(options: { elsewhere?: () => number } = {}) {
  const ended: number[] = [];
  const lost: number[] = [];
  const budget = createByteBudget({ mostBytes: MOST, onShed: (bytes) => void lost.push(bytes), ...options });
  const accounts: ByteAccount[] = [];
  const come = (bytes: number) => {
    const number = accounts.length;
    const account = budget.open(() => void ended.push(number));
    accounts.push(account);
    account.hold(bytes);
    return account;
  };
  return { budget, come, ended, lost, accounts };
}

describe('conversations that hold too much together', () => {
  it('are ended newest first, no more of them than it takes', () => {
    const { budget, come, ended, accounts, lost } = house();
    for (let i = 0; i < 4; i++) come(250);
    expect([ended, budget.heldBytes, budget.isFull]).toEqual([[], 1_000, true]);
    accounts[0]?.hold(251);
    expect([ended, budget.heldBytes, budget.shed, budget.isFull]).toEqual([[3], 751, 1, false]);
    accounts[0]?.hold(600);
    expect(ended).toEqual([3, 2]);
    expect([budget.heldBytes, lost]).toEqual([850, [250, 250]]);
  });

  it('do not cost one its life that holds next to nothing', () => {
    const { come, ended, accounts } = house();
    come(900);
    for (let i = 0; i < 10; i++) come(1);
    accounts[0]?.hold(995);
    expect(ended).toEqual([0]);
  });

  it('count no more once they were ended, whatever they still say', () => {
    const { budget, come, ended, accounts } = house();
    come(600);
    come(600);
    expect(ended).toEqual([1]);
    accounts[1]?.hold(5_000);
    accounts[1]?.close();
    accounts[1]?.close();
    expect([budget.heldBytes, ended]).toEqual([600, [1]]);
  });

  it('make room for what waits elsewhere, which cannot be ended here', () => {
    let passed = 0;
    const { budget, come, ended, accounts } = house({ elsewhere: () => passed });
    come(300);
    come(300);
    passed = 600;
    accounts[0]?.hold(301);
    expect([ended, budget.heldBytes]).toEqual([[1], 901]);
    passed = 2_000;
    accounts[0]?.hold(302);
    expect([ended, budget.heldBytes, budget.isFull]).toEqual([[1, 0], 2_000, true]);
    come(0);
    expect(budget.shed).toBe(2);
  });

  it('hold together what they say, never more than the whole, in any order of coming, growing and leaving', () => {
    const step = fc.record({ who: fc.nat(12), bytes: fc.nat(700), does: fc.constantFrom('come', 'hold', 'leave') });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const held = new Map<number, number>();
        const { budget, accounts, ended } = house();
        let told = 0;
        const settle = () => {
          for (; told < ended.length; told++) held.delete(ended[told] ?? -1);
        };
        for (const { who, bytes, does } of steps) {
          if (does === 'come') {
            const number = accounts.length;
            const account = budget.open(() => void ended.push(number));
            accounts.push(account);
            held.set(number, bytes);
            account.hold(bytes);
          } else if (does === 'hold' && held.has(who)) {
            held.set(who, bytes);
            accounts[who]?.hold(bytes);
          } else if (does === 'leave') {
            accounts[who]?.close();
            held.delete(who);
          }
          settle();
          expect(budget.heldBytes).toBe([...held.values()].reduce((sum, one) => sum + one, 0));
          expect(budget.heldBytes).toBeLessThanOrEqual(MOST);
          expect(budget.shed).toBe(ended.length);
        }
        expect(new Set(ended).size).toBe(ended.length);
      }),
      { seed: 6 },
    );
  });
});
