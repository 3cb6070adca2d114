import { expect } from '@esm-bundle/chai';
import { ACME, me } from '../testing/firm.ts';
import { close, open, until } from '../testing/open.ts';
import { Refusal } from '../testing/relay.ts';

afterEach(close);

describe('people', () => {
  const HASH = `#/${ACME}/people`;

  it('are invited by a link that is shown once', async () => {
    const { relay, fill, press, says, answer } = await open(HASH);
    await fill('E-mail', 'new@acme.example');
    await fill('Role', 'admin');
    await press('Make an invitation');
    expect(await answer('I have stored it')).to.contain('https://relay.example/console/#link=once');
    await says('new@acme.example is invited.');
    expect(relay.callsOf('addUser')[0]?.body).to.deep.equal({ email: 'new@acme.example', role: 'admin' });
  });

  it('who are known already are named at the field', async () => {
    const { relay, fill, press, says } = await open(HASH);
    relay.refuseOnce('addUser', new Refusal(409, 'conflict', 'Somebody has this address already.'));
    await fill('E-mail', 'a@acme.example');
    await press('Make an invitation');
    await says('Somebody has this address already.');
  });

  it('get a new link, and are removed after a question', async () => {
    const { relay, press, answer } = await open(HASH);
    await press('New link b@acme.example');
    await answer('I have stored it');
    await press('Remove b@acme.example');
    expect(await answer('Remove')).to.contain('signed out everywhere');
    await until(() => relay.callsOf('removeUser')[0]?.params.user === 'usr_2');
  });
});

describe('operators', () => {
  it('are invited and removed, but not oneself', async () => {
    const { relay, fill, press, says, answer, text } = await open('#/relay');
    await says('b@b.example');
    expect(text()).to.not.contain('Remove me@acme.example');
    await fill('E-mail', 'c@b.example');
    await press('Make an invitation');
    await answer('I have stored it');
    await says('c@b.example is invited.');
    await press('Remove b@b.example');
    await answer('Remove');
    await until(() => relay.callsOf('removeOperator')[0]?.params.user === 'usr_2');
    await press('Check the chain');
    await says('The chain is whole: 1 entries');
  });
});

describe('tenants', () => {
  it('are listed page by page', async () => {
    const { press, says } = await open('#/tenants');
    await says('suspended');
    await press('Show more');
    await says('Third');
  });

  it('are made with a slug from their name, and one is led to the new one', async () => {
    const { relay, fill, press, field, says } = await open('#/tenants');
    await fill('Name', 'Späti & Söhne — Café');
    expect((await field('Slug')).value).to.equal('sp-ti-s-hne-caf');
    await fill('Slug', 'taken');
    await fill('Name', 'Other');
    expect((await field('Slug')).value).to.equal('taken');
    await fill('Pages', 'https://a.example\nhttps://b.example, https://c.example');
    await press('Make tenant');
    await says('Another tenant has this slug.');
    await fill('Slug', 'Not A Slug');
    await press('Make tenant');
    await says('Slug must be 1 to 40 of a-z');
    await fill('Slug', 'other-2');
    await press('Make tenant');
    await until(() => location.hash === '#/ten_new/overview');
    expect(relay.callsOf('createTenant').at(-1)?.body.origins).to.have.length(3);
  });
});

describe('settings', () => {
  const HASH = `#/${ACME}/settings`;

  it('are saved with the version they were read as, and the rail has the new name', async () => {
    const { relay, fill, tick, press, says, find } = await open(HASH);
    await fill('Name', 'Acme Inc');
    await tick('All words');
    await tick('One conversation a token');
    await press('Save');
    await says('Saved. New conversations follow it.');
    const [change] = relay.callsOf('changeTenant');
    expect(change?.body).to.deep.equal({ name: 'Acme Inc', settings: { transcripts: 'full', singleUseTokens: true } });
    expect(change?.headers.get('if-match')).to.match(/^"\d+"$/);
    await until(() => find('nav option')?.textContent === 'Acme Inc');
  });

  it('that somebody else changed meanwhile are not overwritten', async () => {
    const { relay, fill, press, says } = await open(HASH);
    await fill('Name', '');
    relay.refuseOnce('changeTenant', new Refusal(412, 'changed-meanwhile', 'Somebody changed it meanwhile.'));
    await fill('Name', 'Acme Inc');
    await press('Save');
    await says('Somebody changed it meanwhile.');
  });

  it('let the operator suspend and restore', async () => {
    const { relay, press, says, answer } = await open(HASH);
    await press('Suspend');
    expect(await answer('Suspend')).to.contain('Nothing is lost.');
    await says('Acme is suspended.');
    await press('Restore');
    await says('Acme is restored.');
    expect(relay.callsOf('changeTenant').map(({ body }) => body.status)).to.deep.equal(['suspended', 'active']);
  });

  it('let the operator delete the tenant by typing its slug', async () => {
    const { relay, press, answer } = await open(HASH);
    await press('Delete tenant');
    await answer('Cancel');
    expect(relay.callsOf('deleteTenant')).to.have.length(0);
    await press('Delete tenant');
    expect(await answer('Delete for good', 'acme')).to.contain('This cannot be undone.');
    await until(() => location.hash === '#/tenants');
    expect(relay.callsOf('deleteTenant')[0]?.body).to.deep.equal({ slug: 'acme' });
  });

  it('of an admin have no end of the tenant, and a viewer’s nothing to save', async () => {
    const admin = await open(HASH, { role: 'admin' });
    await admin.says('Save');
    expect(admin.text()).to.not.contain('Delete tenant');
    close();
    const viewer = await open(HASH, { role: 'viewer' });
    await viewer.says('What is kept of the words');
    expect(viewer.find('button.primary')).to.equal(undefined);
  });
});

describe('the account', () => {
  it('changes the password, and says which one was wrong', async () => {
    const { relay, fill, press, says } = await open('#/account');
    await fill('Present password', 'old');
    await fill('New password', 'short');
    await press('Set password');
    await says('New password must have at least 12 characters.');
    await fill('New password', 'correct horse battery');
    await press('Set password');
    await says('Other browsers are signed out.');
    expect(relay.callsOf('changePassword')[0]?.body).to.deep.equal({ current: 'old', next: 'correct horse battery' });
  });

  it('goes on with the token of the new sign-in that a new password makes', async () => {
    const { relay, fill, press, says } = await open('#/account');
    await says('Change the password');
    relay.answer({ me: () => ({ ...me('operator'), csrf: 'of-the-new-sign-in' }) });
    await fill('Present password', 'old');
    await fill('New password', 'correct horse battery');
    await press('Set password');
    await says('Other browsers are signed out.');
    await press('Sign out');
    await says('Open the one-time link that you were sent.');
    expect(relay.callsOf('signOut')[0]?.headers.get('x-csrf-token')).to.equal('of-the-new-sign-in');
  });

  it('is left for the sign-in', async () => {
    const { relay, press, says } = await open('#/account');
    await press('Sign out');
    await says('Open the one-time link that you were sent.');
    expect(relay.callsOf('signOut')[0]?.headers.get('x-csrf-token')).to.equal('csrf-of-this-browser');
  });
});
