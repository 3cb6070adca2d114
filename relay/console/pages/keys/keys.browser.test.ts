import { expect } from '@esm-bundle/chai';
import { ACME } from '../../testing/firm.ts';
import { close, open, until } from '../../testing/open.ts';

const HASH = `#/${ACME}/keys`;
afterEach(close);

describe('keys', () => {
  it('of the API are made with a secret that is shown once', async () => {
    const { relay, press, fill, says, answer, text, find } = await open(HASH);
    await press('Make an API key');
    await until(() => find('vjj-api-keys'));
    // Signing keys have a name too, further up.
    (find('vjj-api-keys') as HTMLInputElement | undefined)!.shadowRoot!.querySelector('input')!.value = 'ci';
    await fill('May', 'admin');
    await press('Make key');
    const dialog = await answer('I have stored it');
    expect(dialog).to.contain('vjj_secret_once').and.to.contain('It is not shown again.');
    await says('The key is made.');
    expect(text()).to.not.contain('vjj_secret_once');
    expect(relay.callsOf('addApiKey')[0]?.body).to.deep.equal({ name: 'ci', role: 'admin' });
  });

  it('that pages carry are made at once and revoked after a question', async () => {
    const { relay, press, answer } = await open(HASH);
    await press('New publishable key');
    await until(() => relay.callsOf('addPublishableKey').length === 1);
    await press('Revoke pk_2n7jqf2k3acz2mh7atq9eskt');
    expect(await answer('Revoke')).to.contain('those that run are closed');
    await until(() => relay.callsOf('revokePublishableKey')[0]?.params.key === 'pk_2n7jqf2k3acz2mh7atq9eskt');
  });

  it('that sign show their rotation, and are retired and revoked', async () => {
    const { relay, press, says, answer } = await open(HASH);
    await says('Retiring until');
    await says('Not yet from');
    await press('Retire backend key_a');
    expect(await answer('Retire')).to.contain('accepted for 24 hours more');
    await until(() => relay.callsOf('retireSigningKey').length === 1);
    await press('Revoke backend key_b');
    await answer('Revoke');
    await until(() => relay.callsOf('revokeSigningKey')[0]?.params.kid === 'key_b');
    await press('Revoke nightly report');
    await answer('Revoke');
    await until(() => relay.callsOf('revokeApiKey')[0]?.params.key === 'api_1');
  });

  it('that sign are added in each of their kinds', async () => {
    const { relay, press, fill, tick, says, answer, find, field } = await open(HASH);
    await press('Add a signing key');
    await fill('Name', 'shop');
    await tick('Replaces the present ones');
    await press('Add key');
    expect(await answer('I have stored it'))
      .to.contain('signing-secret-once')
      .and.to.contain('key_new');
    await says('The key is added.');
    await until(
      () =>
        (find('vjj-signing-keys') as HTMLInputElement | undefined)?.shadowRoot?.querySelector('input')?.value === '',
    );
    expect(relay.callsOf('addSigningKey')[0]?.body).to.deep.equal({ kind: 'secret', name: 'shop', replaces: true });

    await fill('Name', 'public');
    await fill('Kind', 'jwk');
    await until(() => find('textarea'));
    for (const wrong of ['no json', '[]', '3', '{}']) {
      await fill('Public key', wrong);
      await press('Add key');
      await says('Public key is not a public key.');
    }
    await fill('Public key', '{"kty":"OKP"}');
    await press('Add key');
    const name = await field('Name');
    await until(() => name.value === '');

    await fill('Name', 'login');
    await fill('Kind', 'jwks_url');
    await until(() => find('select[name=alg]'));
    await fill('URL', 'https://login.acme.example/jwks');
    await fill('Algorithm', 'EdDSA');
    await press('Add key');
    await until(() => name.value === '');
    expect(relay.callsOf('addSigningKey').at(-1)?.body).to.include({
      kind: 'jwks_url',
      alg: 'EdDSA',
      url: 'https://login.acme.example/jwks',
    });
  });

  it('of the model’s provider are told by their last letters, replaced and removed', async () => {
    const { relay, press, fill, says, answer, field } = await open(HASH);
    await says('ending in ghij');
    await fill('Replace it', 'too short');
    await press('Store key');
    await says('Replace it must be an API key');
    await fill('Replace it', 'sk-proj-01234567890123456789');
    await press('Store key');
    await says('The key is stored, encrypted.');
    expect((await field('Replace it')).value).to.equal('');
    await press('Remove');
    await answer('Remove');
    await until(() => relay.callsOf('removeProviderKey').length === 1);
  });
});
