import { expect } from '@esm-bundle/chai';
import {
  agoText,
  calendarText,
  countText,
  dayText,
  lengthText,
  moneyText,
  shortCalendarText,
  timeText,
} from './format.ts';

describe('words for figures', () => {
  it('give lengths as people say them', () => {
    expect([0, 48_000, 59_499, 59_600, 187_000, 3_765_000].map(lengthText)).to.deep.equal([
      '0 s',
      '48 s',
      '59 s',
      '1:00',
      '3:07',
      '1:02:45',
    ]);
  });
  it('give cents where there are enough of them, and more digits where there are not', () => {
    expect([0, 2_870, 999_999, 1_234_567].map((micros) => moneyText(micros).replaceAll(/[^\d.]/g, ''))).to.deep.equal([
      '0.00',
      '0.0029',
      '1.00',
      '1.23',
    ]);
  });
  it('say how long ago, and in how long', () => {
    const now = 1_800_000_000_000;
    const said = [-1_000, -300_000, -7_200_000, -3 * 86_400_000, 86_400_000].map((ms) => agoText(now + ms, now));
    expect(said).to.deep.equal(['this minute', '5 min. ago', '2 hr. ago', '3 days ago', 'tomorrow']);
  });
  it('name days, times and counts in the language of the browser', () => {
    expect(dayText(0)).to.match(/19(69|70)/);
    expect(timeText(0)).to.contain(dayText(0));
    expect(countText(2_916)).to.match(/^2.916$/);
  });
  it('name the days of the relay, which are in UTC, alike wherever the browser is', () => {
    expect(calendarText('2026-11-23')).to.match(/23/);
    expect(shortCalendarText(Date.UTC(2026, 10, 23))).to.match(/23/);
    expect(shortCalendarText(Date.UTC(2026, 10, 23, 23, 59))).to.match(/23/);
  });
});
