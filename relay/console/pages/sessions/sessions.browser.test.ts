import { expect } from '@esm-bundle/chai';
import { sendKeys } from '@web/test-runner-commands';
import { DEFAULT_CONFIG } from '#arbiter';
import type { AnswerOf } from '../../../http/api/routes.ts';
import { ACME, DETAIL } from '../../testing/firm.ts';
import { EVENTS, recordOf } from '../../testing/record.ts';
import { close, open, until } from '../../testing/open.ts';
import { Refusal } from '../../testing/relay.ts';
import { ticks } from './timeline-view.ts';

const LIST = `#/${ACME}/sessions`;
const ONE = `${LIST}/ses_1`;
const erased = { ...DETAIL, id: 'ses_3', subject: '' };
afterEach(close);

describe('conversations', () => {
  it('are listed newest first, page by page', async () => {
    const { relay, press, says, all } = await open(LIST);
    await says('customer-17');
    await press('Show more');
    await until(() => all('vjj-sessions-page tbody tr, table.compact tbody tr').length === 4);
    expect(relay.callsOf('sessions').at(-1)?.query['after']).to.equal('more');
  });

  it('are searched as one types, and only live ones where that is asked', async () => {
    const { relay, fill, tick, says } = await open(LIST);
    await says('customer-17');
    await fill('Search', 'nobo');
    await fill('Search', 'nobody');
    await says('No conversation fits.');
    // Once for both, which came within one pause.
    expect(relay.callsOf('sessions').map(({ query }) => query['search'])).to.deep.equal([undefined, 'nobody']);
    await fill('Search', '');
    await says('customer-17');
    await tick('Only live ones');
    await until(() => relay.callsOf('sessions').at(-1)?.query['live'] === 'true');
    await says('live');
  });

  it('lead to one of them', async () => {
    const { says, find } = await open(LIST);
    await says('customer-17');
    // Whatever the first link of the table says, by the clock.
    (find('tbody a') as HTMLAnchorElement | undefined)?.click();
    await says('Step 1 of');
    expect(find('h1:focus')).to.not.equal(undefined);
  });

  it('of a user or a token are ended by revoking it', async () => {
    const { relay, fill, press, says } = await open(LIST);
    await says('customer-3');
    await press('Show more revoked');
    await says('customer-4');
    await fill('What', 'token');
    await fill('Which', ' jti-1 ');
    await press('Revoke');
    await says('closed within two seconds.');
    expect(relay.callsOf('revoke')[0]?.body).to.deep.equal({ kind: 'token', value: 'jti-1' });
  });
});

describe('one conversation', () => {
  it('is drawn from its record: bars, a hold, cuts, ends of turns, and all of it in words', async () => {
    const { says, find, all } = await open(ONE);
    await says(`Step 1 of ${EVENTS.length}`);
    const drawing = await until(() => find('svg[role=img]'));
    expect(drawing.getAttribute('aria-label')).to.match(/the user spoke 2 times, .* 1 holds, \d cuts/);
    expect(all('rect.you')).to.have.length(2);
    expect(all('rect.hold')).to.have.length(1);
    expect(all('line.turn')).to.have.length(2);
    expect(all('path.kill').length).to.be.greaterThan(1);
    expect(all('path.bracket').length).to.be.greaterThan(0);
    await says('every step gives the effects that were recorded');
  });

  it('is replayed step by step with keys, and by pressing what is drawn', async () => {
    const { says, find, all, field } = await open(ONE);
    await says('session.started');
    const slider = await field('Step 1 of');
    slider.focus();
    await sendKeys({ press: 'ArrowRight' });
    await says('provider.up');
    await sendKeys({ press: 'End' });
    await says('session.ended');
    expect(slider.getAttribute('aria-valuetext')).to.equal('session.ended at 9.00 seconds');
    expect(Number(find('line.now')?.getAttribute('x1'))).to.be.greaterThan(100);
    all('rect.you')[1]?.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    await says('"utterance": "u2"');
    all('path.kill')[0]?.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    await says('"verdict": "interrupt"');
    await says('gate.close');
  });

  it('shows what was heard, what was not, and what is not kept', async () => {
    const { says, find } = await open(ONE);
    await says('When are you open?');
    expect(find('s')?.textContent).to.equal('Not heard: to six.');
    await says('The words are not kept.');
    await says('answer after 200 ms');
    // One row for each lane and kind.
    await says('100 tokens');
  });

  it('whose record is gone keeps its words and its cost', async () => {
    const gone = () => new Refusal(404, 'not-found', 'no record');
    const { says } = await open(ONE, { answers: { sessionRecord: gone } });
    await says("The arbiter's record of this conversation is not kept any more.");
    await says('When are you open?');
  });

  it('that is not there says so', async () => {
    const { says } = await open(ONE, { answers: { session: () => new Refusal(404, 'not-found', 'There is none.') } });
    await says('There is none.');
  });

  it('is ended while it lives', async () => {
    const { relay, press, says, answer } = await open(`${LIST}/ses_2`);
    await says('still talking');
    await press('End conversation');
    expect(await answer('End it')).to.contain('hears nothing more');
    await says('It has been ended.');
    expect(relay.callsOf('endSession')[0]?.params.session).to.equal('ses_2');
  });

  it('goes on after its relay was lost: all parts of its record are one, each replayed from its own beginning', async () => {
    const half = EVENTS.slice(0, 11);
    const rest = EVENTS.map((event) => ({ ...event, t: event.t + 3_000 }));
    const parts = [half, rest].map((events) => recordOf(events) as unknown as AnswerOf<'sessionRecord'>['rows']);
    const sessionRecord = ({ query }: { query: Readonly<Record<string, string>> }): AnswerOf<'sessionRecord'> => {
      const part = query['after'] === undefined ? 0 : 1;
      const common = { session: 'ses_1', parts: 2, startedAt: 1, config: { ...DEFAULT_CONFIG }, lost: 0 };
      return { ...common, part, rows: parts[part] ?? [], ...(part === 0 && { next: '1000000000' }) };
    };
    const { says } = await open(ONE, { answers: { sessionRecord } });
    await says(`Step 1 of ${half.length + rest.length}`);
    await says('every step gives the effects that were recorded');
    await says(`Its relay was lost once: it went on at another with step ${half.length + 1}.`);
  });

  it('hands out all that is kept of its user as one file', async () => {
    const saved = URL.createObjectURL.bind(URL);
    const texts: Promise<string>[] = [];
    URL.createObjectURL = (blob) => {
      texts.push((blob as Blob).text());
      return saved(blob);
    };
    const names: string[] = [];
    // Nothing is put on the disk of whoever runs this.
    HTMLAnchorElement.prototype.click = function (this: HTMLAnchorElement) {
      names.push(this.download);
    };
    try {
      const { relay, press, says } = await open(ONE);
      await press('Export this user');
      await says('2 conversations are in user-data.json.');
      expect(names).to.deep.equal(['user-data.json']);
      expect(relay.callsOf('exportSubject').map(({ body }) => body.after)).to.deep.equal([undefined, 'more']);
      const whole = JSON.parse(await texts[0]!) as { subject: string; rows: unknown[] };
      expect([whole.subject, whole.rows.length]).to.deep.equal(['customer-17', 2]);
    } finally {
      URL.createObjectURL = saved;
      Reflect.deleteProperty(HTMLAnchorElement.prototype, 'click');
    }
  });

  it('of a user who was erased names nobody', async () => {
    const { says, text } = await open(`${LIST}/ses_3`, {
      answers: { sessionRecord: () => new Refusal(404, 'not-found', 'no record'), session: () => erased },
    });
    await says('User not kept');
    expect(text()).to.not.contain('Erase this user');
  });

  it('is where its user is shut out, and forgotten after their name was typed', async () => {
    const { relay, press, says, answer } = await open(ONE);
    await press('Revoke this user');
    expect(await answer('Revoke')).to.contain('within two seconds');
    await says('Revoked.');
    expect(relay.callsOf('revoke')[0]?.body).to.deep.equal({ kind: 'subject', value: 'customer-17' });
    await press('Erase this user');
    expect(await answer('Erase', 'customer-17')).to.contain('cannot be undone');
    await says('Erased from 2 conversations and 1 audit entries.');
    expect(relay.callsOf('eraseSubject')[0]?.body).to.deep.equal({ subject: 'customer-17' });
    await says('1 under way ends now. 3 deliveries to webhooks are gone, too.');
    await until(() => relay.callsOf('session').length === 2);
  });
});

describe('the axis', () => {
  it('has lines as close as there is room', () => {
    expect(ticks(2_000, 0.2)).to.deep.equal([0, 500, 1_000, 1_500, 2_000]);
    expect(ticks(60_000, 0.004)).to.deep.equal([0, 30_000, 60_000]);
    expect(ticks(900_000, 0.000_1)).to.deep.equal([0, 300_000, 600_000, 900_000]);
  });
});
