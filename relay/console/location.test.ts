import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PAGES, hashOf, linkOf, placeOf, type Place } from './location.ts';

describe('an address', () => {
  it('names a page, of a tenant, about something', () => {
    expect(placeOf('#/ten_1/sessions/ses_2')).toEqual({ page: 'sessions', tenant: 'ten_1', id: 'ses_2' });
    expect(placeOf('#/ten_1/keys')).toEqual({ page: 'keys', tenant: 'ten_1' });
    expect(placeOf('#/ten_1/keys/')).toEqual({ page: 'keys', tenant: 'ten_1' });
    expect(placeOf('#/relay')).toEqual({ page: 'relay' });
  });

  it('that is unknown is the start, or the overview of the tenant it names', () => {
    for (const hash of ['', '#', '#/', '#/nowhere', '#/%', '#main', '#link=x'])
      expect(placeOf(hash)).toEqual({ page: 'start' });
    expect(placeOf('#/ten_1/nowhere')).toEqual({ page: 'overview', tenant: 'ten_1' });
    expect(placeOf('#/ten_1')).toEqual({ page: 'overview', tenant: 'ten_1' });
  });

  it('is written so that it is read the same, whatever ids look like', () => {
    const text = fc.string({ minLength: 1, unit: 'grapheme' });
    const place: fc.Arbitrary<Place> = fc.oneof(
      fc.constantFrom<Place>(
        { page: 'operations' },
        { page: 'tenants' },
        { page: 'relay' },
        { page: 'account' },
        { page: 'start' },
      ),
      fc.record({ page: fc.constantFrom(...PAGES), tenant: text.map((one) => `ten_${one}`), id: text }),
      fc.record({ page: fc.constantFrom(...PAGES), tenant: text.map((one) => `ten_${one}`) }),
    );
    fc.assert(
      fc.property(place, (one) => {
        expect(placeOf(hashOf(one))).toEqual(one);
      }),
    );
  });

  it('may carry the secret of a one-time link', () => {
    expect(linkOf('#link=UGscLDm-1VaCGqYaQSlQbzJcay')).toBe('UGscLDm-1VaCGqYaQSlQbzJcay');
    expect(linkOf('#link=short')).toBeUndefined();
    expect(linkOf('#/relay')).toBeUndefined();
  });
});
