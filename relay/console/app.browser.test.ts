import { expect } from '@esm-bundle/chai';
import { setViewport } from '@web/test-runner-commands';
import { ACME } from './testing/firm.ts';
import { close, open, until } from './testing/open.ts';
import { Refusal } from './testing/relay.ts';

const OUT = new Refusal(401, 'unauthorized', 'Sign in first.');
afterEach(close);

describe('whoever is not signed in', () => {
  const opening = { answers: { me: () => OUT } };

  it('is asked for a password, and told in words when it is wrong', async () => {
    const { relay, fill, press, says, find } = await open(`#/${ACME}/keys`, opening);
    await says('Sign in');
    expect(document.title).to.equal('Sign in · Voice Jib-Jab');
    relay.refuseOnce('signIn', new Refusal(401, 'sign-in-refused', 'E-mail or password is wrong.'));
    await fill('E-mail', 'me@acme.example');
    await fill('Password', 'wrong');
    await press('Sign in');
    await says('E-mail or password is wrong.');
    expect(find('nav')).to.equal(undefined);
  });

  it('gets to the page they asked for once the password is right', async () => {
    const { relay, fill, press, says, find } = await open(`#/${ACME}/keys`, opening);
    await fill('E-mail', 'me@acme.example');
    await fill('Password', 'correct horse battery');
    relay.answer({ me: () => ({ ...relayMe, csrf: 'fresh' }) });
    await press('Sign in');
    await says('Publishable keys');
    expect(find('[aria-current=page]')?.textContent).to.equal('Keys');
    await press('New publishable key');
    await until(() => relay.callsOf('addPublishableKey').length === 1);
    expect(relay.callsOf('addPublishableKey')[0]?.headers.get('x-csrf-token')).to.equal('fresh');
  });

  it('comes in by a one-time link, which does not stay in the address, and is led to a password', async () => {
    const { relay, says } = await open('#link=UGscLDm-1VaCGqYaQSlQbzJcay');
    await says('Account');
    expect(location.hash).to.equal('#/');
    expect(relay.callsOf('signInByLink')[0]?.body).to.deep.equal({ link: 'UGscLDm-1VaCGqYaQSlQbzJcay' });
  });

  it('is told that a link is used up', async () => {
    const refused = new Refusal(401, 'sign-in-refused', 'no');
    const { says, find } = await open('#link=UGscLDm-1VaCGqYaQSlQbzJcay', { answers: { signInByLink: () => refused } });
    await says('This link has been used, or has run out.');
    expect(find('vjj-sign-in')).to.not.equal(undefined);
  });

  it('is told when the relay cannot be reached, and may try again', async () => {
    const { relay, press, says } = await open(`#/${ACME}/keys`, {
      answers: { me: () => new Refusal(502, 'http-502', 'The relay answered with status 502.') },
    });
    await says('The relay answered with status 502.');
    relay.answer({ me: () => relayMe });
    await press('Try again');
    await says('Publishable keys');
  });
});

describe('the rail', () => {
  it('leads to every page; the window is called after it and the heading has the focus', async () => {
    const { press, says, find } = await open(`#/${ACME}/overview`);
    await says('Paste this into your page');
    expect(document.title).to.equal('Overview · Acme · Voice Jib-Jab');
    for (const [name, heading] of [
      ['Origins', 'Origins'],
      ['Sessions', 'Sessions'],
      ['Settings', 'Settings'],
      ['Tenants', 'Tenants'],
    ] as const) {
      await press(name);
      await until(() => document.title.startsWith(name));
      const focused = await until(() => find('h1:focus'));
      expect(focused.textContent).to.equal(heading);
    }
  });

  it('lets an operator change the tenant, staying on the page', async () => {
    const { fill, says, find } = await open(`#/${ACME}/origins`);
    await says('Would this page work?');
    await fill('Tenant', 'ten_other');
    await until(() => location.hash === '#/ten_other/origins');
    await until(() => document.title === 'Origins · Other & Sons · Voice Jib-Jab');
    await fill('Tenant', 'every');
    await until(() => location.hash === '#/tenants');
    await until(() => find('vjj-tenants-page'));
    // The rail goes on about the tenant that was last looked at.
    expect((find('nav select') as HTMLSelectElement | undefined)?.value).to.equal('ten_other');
  });

  it('of a viewer has no people, no other tenant and nothing of the operator', async () => {
    const { says, text, find } = await open('#/', { role: 'viewer' });
    await says('Paste this into your page');
    expect(find('nav select')).to.equal(undefined);
    expect(text()).to.not.match(/People|Operator|Relay/);
  });

  it('is a menu on a phone, which closes when a page is chosen', async () => {
    await setViewport({ width: 360, height: 740 });
    const { press, says, find } = await open(`#/${ACME}/overview`);
    await says('Menu');
    const links = await until(() => find('#links'));
    expect(getComputedStyle(links).display).to.equal('none');
    await press('Menu');
    await until(() => getComputedStyle(links).display !== 'none');
    await press('Audit');
    await until(() => getComputedStyle(links).display === 'none');
    await says('Every change, and who made it.');
    await setViewport({ width: 1440, height: 900 });
  });

  it('may be skipped', async () => {
    const { press, says, find } = await open(`#/${ACME}/overview`);
    await says('Paste this');
    await press('Skip to the content');
    expect(find('main:focus')).to.not.equal(undefined);
    expect(location.hash).to.equal(`#/${ACME}/overview`);
  });
});

describe('the console', () => {
  it('begins with the first tenant, or with the list where there is none', async () => {
    const { says } = await open('#/');
    await says('Paste this into your page');
    close();
    const none = await open('#/', { answers: { tenants: () => ({ rows: [] }) } });
    await none.says('No tenants yet.');
  });

  it('goes to the sign-in when the relay knows it no longer', async () => {
    const { relay, press, says } = await open(`#/${ACME}/keys`);
    await says('Publishable keys');
    relay.refuseOnce('addPublishableKey', OUT);
    await press('New publishable key');
    await says('Open the one-time link that you were sent.');
  });

  it('says why a page has nothing to show, and loads it again', async () => {
    const { relay, press, says } = await open(`#/${ACME}/audit`, {
      answers: { audit: () => new Refusal(503, 'busy', 'The database is busy.') },
    });
    await says('The database is busy.');
    relay.answer({ audit: () => ({ rows: [] }) });
    await press('Try again');
    await says('Nothing has been changed yet.');
  });

  it('keeps what is shown when something more cannot be fetched', async () => {
    const { relay, press, says, text } = await open(`#/${ACME}/audit`);
    await says('origins.replace');
    relay.isReachable = false;
    await press('Show more');
    await says('The relay cannot be reached.');
    expect(text()).to.contain('origins.replace');
  });
});

const relayMe = {
  ...{ kind: 'user' as const, role: 'operator' as const, tenant: null, csrf: 'c', expiresAt: null },
  user: { id: 'usr_me', email: 'me@acme.example', hasPassword: true },
};
