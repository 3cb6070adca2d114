import { expect } from '@esm-bundle/chai';
import { ACME } from '../testing/firm.ts';
import { close, open, until } from '../testing/open.ts';
import { Refusal } from '../testing/relay.ts';

afterEach(close);

describe('the overview', () => {
  it('gives the snippet to copy', async () => {
    const { says, press, find } = await open(`#/${ACME}/overview`);
    await says('voice-jib-jab.js');
    let copied = '';
    Object.defineProperty(navigator, 'clipboard', {
      configurable: true,
      value: { writeText: async (text: string) => void (copied = text) },
    });
    await press('Copy the snippet');
    await says('Copied');
    expect(copied).to.contain('<script type="module"');
    Object.defineProperty(navigator, 'clipboard', {
      configurable: true,
      value: { writeText: () => Promise.reject(new Error('no permission')) },
    });
    find('vjj-copy')?.shadowRoot?.querySelector('button')?.click();
    await says('Select and copy it');
    delete (navigator as { clipboard?: unknown }).clipboard;
    await until(() => find('vjj-copy')?.shadowRoot?.querySelector('button')?.textContent.trim().startsWith('Copy the'));
  });

  it('says that a tenant is suspended', async () => {
    const { says } = await open('#/ten_other/overview', {
      answers: {
        tenant: () => ({
          ...{ id: 'ten_other', name: 'Other', slug: 'other', status: 'suspended' },
          settings: { transcripts: 'off', singleUseTokens: false },
        }),
      },
    });
    await says('Suspended: no page can start a conversation.');
  });
});

describe('the audit', () => {
  it('is read page by page and checked', async () => {
    const { press, says, all } = await open(`#/${ACME}/audit`);
    await says('origins.replace');
    await press('Show more');
    await until(() => all('tbody tr').length === 3);
    await says('nothing kept');
    await press('Check the chain');
    await says('The chain breaks at entry 2');
  });
});

describe('webhooks', () => {
  const HASH = `#/${ACME}/webhooks`;

  it('are added with a secret that is shown once', async () => {
    const { relay, fill, tick, press, says, answer } = await open(HASH);
    await fill('URL', 'https://hooks.acme.example/second');
    await tick('session.ended');
    await press('Add webhook');
    expect(await answer('I have stored it')).to.contain('whsec_once');
    await says('The webhook is added.');
    expect(relay.callsOf('addWebhook')[0]?.body).to.deep.equal({
      url: 'https://hooks.acme.example/second',
      events: ['session.ended'],
    });
  });

  it('to a private address are refused at the field', async () => {
    const { relay, fill, press, says } = await open(HASH);
    const errors = [{ at: 'url', message: 'must be at a public address' }];
    relay.refuseOnce('addWebhook', new Refusal(400, 'bad-request', 'wrong', errors));
    await fill('URL', 'https://10.0.0.1/');
    await press('Add webhook');
    await says('URL must be at a public address.');
  });

  it('show how deliveries went, and send one again', async () => {
    const { relay, press, says } = await open(HASH);
    await press('Deliveries');
    await says('Waiting 2 tries, last answer 503');
    await press('Show more');
    await says('Given up 9 tries, last answer timeout');
    await press('Refresh');
    await until(() => relay.callsOf('deliveries').length === 3);
    await press('Send again');
    await says('It is sent again.');
    expect(relay.callsOf('replayDelivery')[0]?.params.delivery).to.equal('dlv_1');
    await press('Deliveries');
  });

  it('are tested, rotated, disabled and removed', async () => {
    const { relay, press, says, answer } = await open(HASH);
    await press('Send a test');
    await says('A test is on its way.');
    await press('Rotate secret');
    expect(await answer('I have stored it'))
      .to.contain('whsec_second')
      .and.to.contain('signs too');
    await press('Disable');
    await until(() => relay.callsOf('changeWebhook')[0]?.body.status === 'disabled');
    await until(() => relay.callsOf('webhooks').length >= 4);
    await press('Remove');
    await answer('Cancel');
    await press('Remove');
    expect(await answer('Remove')).to.contain('told of nothing more');
    await until(() => relay.callsOf('removeWebhook').length === 1);
  });
});
