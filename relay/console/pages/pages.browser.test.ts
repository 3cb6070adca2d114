import { expect } from '@esm-bundle/chai';
import { setViewport } from '@web/test-runner-commands';
import { ACME } from '../testing/firm.ts';
import { quiet } from '../testing/fleet.ts';
import { close, faults, open, until, type Opened } from '../testing/open.ts';
import { Refusal } from '../testing/relay.ts';

const unfold = ({ all }: Opened) => {
  for (const one of all('details')) one.setAttribute('open', '');
};
/** Each page in a full state: by its address, and what it says when it is there. */
const FULL: [name: string, hash: string, says: string][] = [
  ['overview', `#/${ACME}/overview`, 'Latest conversations'],
  ['origins', `#/${ACME}/origins`, 'by the relay'],
  ['keys', `#/${ACME}/keys`, 'nightly report'],
  ['sessions', `#/${ACME}/sessions`, 'customer-3'],
  ['session', `#/${ACME}/sessions/ses_1`, 'Step 1 of'],
  ['usage', `#/${ACME}/usage`, 'Conversations at a time'],
  ['webhooks', `#/${ACME}/webhooks`, 'hooks.acme.example'],
  ['people', `#/${ACME}/people`, 'a@acme.example'],
  ['audit', `#/${ACME}/audit`, 'origins.replace'],
  ['settings', `#/${ACME}/settings`, 'Delete tenant'],
  ['operations', '#/operations', 'Policy speaks'],
  ['tenants', '#/tenants', 'Other & Sons'],
  ['relay', '#/relay', 'b@b.example'],
  ['account', '#/account', 'Change the password'],
];
const EMPTY: [name: string, hash: string, says: string][] = [
  ['overview', `#/${ACME}/overview`, 'Three steps to the first conversation'],
  ['origins', `#/${ACME}/origins`, 'No page may use this tenant yet.'],
  ['keys', `#/${ACME}/keys`, 'No API keys.'],
  ['sessions', `#/${ACME}/sessions`, 'No sessions yet.'],
  ['usage', `#/${ACME}/usage`, 'No budget'],
  ['webhooks', `#/${ACME}/webhooks`, 'No webhooks yet.'],
  ['people', `#/${ACME}/people`, 'Nobody yet but the operator.'],
  ['audit', `#/${ACME}/audit`, 'Nothing has been changed yet.'],
  ['operations', '#/operations', 'Nobody talks at this moment.'],
  ['tenants', '#/tenants', 'No tenants yet.'],
];
const rows = () => ({ rows: [] });
const figures = { sessions: 0, turns: 0, talkMs: 0, cost: 0, costByLane: { A: 0, B: 0, C: 0 } };
const budget = { period: '2026', talkMs: 0, cost: 0, minutes: null, spend: null, used: null, state: 'ok' as const };
const NOTHING = {
  ...{ tenants: rows, sessions: rows, webhooks: rows, users: rows, audit: rows, revocations: rows },
  ...{ apiKeys: rows, signingKeys: rows, publishableKeys: rows },
  origins: () => ({ origins: [], alsoAllowed: [] }),
  providerKey: () => ({ key: null }),
  usage: () => ({ days: [], total: figures, budgets: { day: budget, month: budget } }),
  ...quiet(),
};

afterEach(close);
afterEach(() => setViewport({ width: 1440, height: 900 }));

for (const theme of ['light', 'dark'] as const)
  for (const width of [360, 1440])
    describe(`${theme}, at ${width} pixels`, () => {
      beforeEach(() => setViewport({ width, height: 800 }));
      beforeEach(() => {
        document.documentElement.dataset['theme'] = theme;
      });
      const look = async (opened: Opened, says: string) => {
        await opened.says(says);
        unfold(opened);
        await until(() => !opened.text().includes('Loading…'));
        expect(document.documentElement.scrollWidth).to.be.at.most(width);
        expect(opened.all('h1').length).to.equal(1);
        expect(await faults()).to.deep.equal([]);
      };
      for (const [name, hash, says] of FULL)
        it(`${name} has no fault that axe can find`, async () => {
          await look(await open(hash), says);
        });
      for (const [name, hash, says] of EMPTY)
        it(`${name} says in words that there is nothing yet`, async () => {
          await look(await open(hash, { answers: NOTHING }), says);
        });
      it('the sign-in has no fault that axe can find', async () => {
        const opened = await open('#/', { answers: { me: () => new Refusal(401, 'unauthorized', 'no') } });
        await look(opened, 'Sign in');
      });
      it('a question and a secret have no fault that axe can find', async () => {
        const opened = await open(`#/${ACME}/settings`);
        await opened.press('Delete tenant');
        await look(opened, 'Type acme to go on');
        await opened.answer('Cancel');
      });
    });

describe('a viewer', () => {
  for (const [name, hash, says] of FULL.filter(
    ([name]) => !['operations', 'tenants', 'relay', 'people', 'settings'].includes(name),
  ))
    it(`finds on ${name} nothing that changes anything`, async () => {
      const opened = await open(hash, { role: 'viewer' });
      await opened.says(name === 'keys' ? 'Publishable keys' : says);
      await until(() => !opened.text().includes('Loading…'));
      const names = opened.all('main button, .stack button, form button').map(({ textContent }) => textContent.trim());
      expect(
        names.filter((one) => /^(Remove|Revoke|Add|New|Set limits|Rotate|Erase|End|Send|Disable)/.test(one)),
      ).to.deep.equal([]);
    });
});
