import { expect } from '@esm-bundle/chai';
import { ACME } from '../testing/firm.ts';
import { close, open, until } from '../testing/open.ts';
import { Refusal } from '../testing/relay.ts';

const HASH = `#/${ACME}/origins`;
afterEach(close);

describe('origins', () => {
  it('are added to those that were read, and no others', async () => {
    const { relay, fill, press, says, field } = await open(HASH);
    await fill('Add an origin', ' https://new.acme.example ');
    await press('Add');
    await says('Added. Open pages notice within seconds.');
    const [put] = relay.callsOf('putOrigins');
    expect(put?.body.origins.at(-1)).to.equal('https://new.acme.example');
    expect(put?.headers.get('if-match')).to.match(/^"\d+"$/);
    expect((await field('Add an origin')).value).to.equal('');
  });

  it('that are none are named at the field, which keeps what was typed and has the cursor', async () => {
    const { fill, press, says, find, field } = await open(HASH);
    await fill('Add an origin', 'https://');
    await press('Add');
    await says('Add an origin is not an origin.');
    const input = await field('Add an origin');
    expect(input.value).to.equal('https://');
    expect(input.getAttribute('aria-invalid')).to.equal('true');
    expect(find('input:focus')).to.equal(input);
  });

  it('are not changed over somebody else’s change, and one sees theirs then', async () => {
    const { relay, fill, press, says } = await open(HASH);
    await says('by the relay');
    relay.refuseOnce('putOrigins', new Refusal(412, 'changed-meanwhile', 'Somebody changed it meanwhile.'));
    relay.answer({ origins: () => ({ origins: ['https://theirs.example'], alsoAllowed: [] }) });
    await fill('Add an origin', 'https://mine.example');
    await press('Add');
    await says('Somebody changed it meanwhile.');
    await says('https://theirs.example');
    await press('Add');
    await until(() => relay.callsOf('putOrigins').length === 2);
    expect(relay.callsOf('putOrigins')[1]?.body.origins).to.deep.equal([
      'https://theirs.example',
      'https://mine.example',
    ]);
  });

  it('are removed after a question that names what follows', async () => {
    const { relay, press, says, answer } = await open(HASH);
    await press('Remove https://www.acme.example');
    expect(await answer('Cancel')).to.contain('can start no conversation');
    await press('Remove https://www.acme.example');
    await answer('Remove');
    await says('https://www.acme.example was removed.');
    expect(relay.callsOf('putOrigins').map(({ body }) => body.origins)).to.deep.equal([
      ['https://*.shop.acme.example'],
    ]);
  });

  it('are asked whether a pasted page would work, and may be widened from the answer', async () => {
    const { relay, fill, press, says } = await open(HASH);
    await fill('Paste the address', 'https://www.acme.example/contact?x=1');
    await says('Yes. Its origin https://www.acme.example is allowed');
    await fill('Paste the address', 'https://new.example/');
    await says('No. Nobody allowed it.');
    await press('Allow https://new.example');
    await until(() => relay.callsOf('putOrigins').length === 1);
    // The verdict is asked for anew.
    await until(() => relay.callsOf('checkOrigin').at(-1)?.body.url === 'https://new.example/');
    await fill('Paste the address', '');
    expect(relay.callsOf('checkOrigin').every(({ body }) => body.url !== '')).to.equal(true);
  });
});
