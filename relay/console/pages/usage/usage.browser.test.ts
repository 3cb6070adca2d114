import { expect } from '@esm-bundle/chai';
import { setViewport } from '@web/test-runner-commands';
import { ACME } from '../../testing/firm.ts';
import { close, open, until } from '../../testing/open.ts';
import { Refusal } from '../../testing/relay.ts';

const HASH = `#/${ACME}/usage`;
afterEach(close);

describe('usage', () => {
  it('is drawn, and stands in a table beside the drawing', async () => {
    const { says, find, all } = await open(HASH);
    const canvas = await until(() => find('canvas') as HTMLCanvasElement | undefined);
    expect(canvas.width).to.be.greaterThan(300);
    await says('Cost by day and lane as a table');
    const cells = [...(all('table')[0] as HTMLTableElement).rows].map((row) =>
      [...row.cells].map(({ textContent }) => textContent.trim()),
    );
    expect(cells[0]).to.deep.equal(['Day', 'Answers', 'Reflexes', 'Policy']);
    expect(cells[1]?.slice(1)).to.deep.equal(['$1.00', '$0.20', '$0.00']);
  });

  it('tells the figures of the day under the pointer', async () => {
    const { says, find } = await open(HASH);
    await says('Cost by day');
    const over = await until(() => find('.u-over'));
    const { left, top, width } = over.getBoundingClientRect();
    const at = { clientX: left + width / 2, clientY: top + 10, bubbles: true };
    over.dispatchEvent(new MouseEvent('mouseenter', at));
    over.dispatchEvent(new MouseEvent('mousemove', at));
    await says('Nov 22, 2026');
    await says('Answers $0.50');
    over.dispatchEvent(new MouseEvent('mouseleave', at));
  });

  it('keeps its width when the window changes, and its colours when the theme does', async () => {
    const { find } = await open(HASH);
    const wide = await until(() => (find('canvas') as HTMLCanvasElement | undefined)?.width);
    await setViewport({ width: 500, height: 700 });
    await until(() => ((find('canvas') as HTMLCanvasElement | undefined)?.width ?? wide) < wide);
    await setViewport({ width: 1440, height: 900 });
  });

  it('is asked for other spans', async () => {
    const { relay, press, find } = await open(HASH);
    await press('7 days');
    await until(() => relay.callsOf('usage').length === 2);
    const { from, to } = relay.callsOf('usage')[1]!.query;
    expect((Date.parse(to!) - Date.parse(from!)) / 86_400_000).to.equal(7);
    await until(() => find('[aria-pressed=true]')?.textContent.trim() === '7 days');
  });

  it('says how far budgets are, and what happens when they are used up', async () => {
    const { says } = await open(HASH);
    await says('92 % used');
    await says('103 % used: no new turns');
    await says('of 60 min');
  });
});

describe('limits', () => {
  it('are those set for the tenant; the relay’s own stand faint in empty fields', async () => {
    const { field } = await open(HASH);
    expect((await field('Minutes a day')).value).to.equal('60');
    expect((await field('US dollars a month')).value).to.equal('50');
    const longest = await field('Longest conversation');
    expect([longest.value, longest.placeholder]).to.deep.equal(['', '60']);
    expect((await field('US dollars a day')).placeholder).to.equal('no limit');
  });

  it('are sent in the units that are kept; an emptied field goes back to the relay’s', async () => {
    const { relay, fill, press, says } = await open(HASH);
    await fill('Minutes a day', '');
    await fill('US dollars a day', '2.5');
    await fill('Longest conversation', '30');
    await press('Set limits');
    await says('Budgets hold for the next turn');
    const [put] = relay.callsOf('putLimits');
    expect(put?.body).to.deep.equal({ spendPerDay: 2_500_000, spendPerMonth: 50_000_000, longestSessionMs: 1_800_000 });
    expect(put?.headers.get('if-match')).to.match(/^"\d+"$/);
    await until(() => relay.callsOf('usage').length === 2);
  });

  it('that are refused are named at their field', async () => {
    const { relay, fill, press, says } = await open(HASH, { role: 'admin' });
    const wider = [{ at: 'concurrentSessions', message: 'may be narrowed only' }];
    relay.refuseOnce('putLimits', new Refusal(400, 'bad-request', 'wrong', wider));
    await fill('Conversations at a time', '500');
    await press('Set limits');
    await says('Conversations at a time may be narrowed only.');
  });
});
