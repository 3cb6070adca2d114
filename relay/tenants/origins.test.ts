import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOrigin, ORIGIN_ADVICE, originAllowed, patternsFor, readOriginPattern } from './origins.ts';

const pattern = (text: string) => {
  const read = readOriginPattern(text);
  if (!read.ok) throw new Error(`${text}: ${read.problem}`);
  return read.pattern;
};
const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/).filter((text) => !text.startsWith('xn--'));
const domain = fc.tuple(label, fc.constantFrom('com', 'org', 'example')).map((parts) => parts.join('.'));
const scheme = fc.constantFrom('https', 'http');
const port = fc.option(fc.integer({ min: 1024, max: 65535 })).map((n) => (n === null ? '' : `:${n}`));

describe('readOriginPattern', () => {
  it.each([
    ['https://www.acme.com', 'https://www.acme.com'],
    ['https://www.acme.com/', 'https://www.acme.com'],
    ['HTTPS://WWW.Acme.COM:443', 'https://www.acme.com'],
    ['http://localhost:3000', 'http://localhost:3000'],
    ['http://[::1]:3000', 'http://[::1]:3000'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
    ['https://*.acme.com', 'https://*.acme.com'],
    ['https://*.acme.com:8443', 'https://*.acme.com:8443'],
    ['https://*.shop.acme.co.uk', 'https://*.shop.acme.co.uk'],
  ])('stores %s as %s', (text, stored) => expect(pattern(text)).toBe(stored));

  it.each([
    ['', 'not-an-origin'],
    ['null', 'not-an-origin'],
    ['*', 'not-an-origin'],
    ['acme.com', 'not-an-origin'],
    ['https:\\\\acme.com', 'not-an-origin'],
    ['https://ac me.com', 'not-an-origin'],
    ['https://acme.com:99999', 'not-an-origin'],
    ['ftp://acme.com', 'not-http'],
    ['chrome-extension://abcdef', 'not-http'],
    ['https://user@acme.com', 'has-user'],
    ['https://@acme.com', 'has-user'],
    ['https://acme.com/shop', 'has-path'],
    ['https://acme.com?x=1', 'has-path'],
    ['https://acme.com#', 'has-path'],
    ['https://acme.com.', 'trailing-dot'],
    ['https://*', 'wildcard-not-leftmost-label'],
    ['https://www.*.com', 'wildcard-not-leftmost-label'],
    ['https://w*.acme.com', 'wildcard-not-leftmost-label'],
    ['https://*.*.acme.com', 'wildcard-not-leftmost-label'],
    ['https://acme.com:*', 'wildcard-not-leftmost-label'],
    ['https://*.com', 'wildcard-too-wide'],
    ['https://*.localhost', 'wildcard-too-wide'],
    ['https://*.co.uk', 'wildcard-too-wide'],
    ['https://*.github.io', 'wildcard-too-wide'],
    ['https://*.com.pe', 'wildcard-too-wide'],
    ['https://*.127.0.0.1', 'wildcard-not-leftmost-label'],
    ['https://*.xn--p1ai', 'wildcard-too-wide'],
    [`https://${'a'.repeat(300)}.com`, 'too-long'],
  ] as const)('refuses %s: %s', (text, problem) => {
    expect(readOriginPattern(text)).toEqual({ ok: false, problem });
    expect(ORIGIN_ADVICE[problem]).not.toBe('');
  });

  it('gives a pattern that reads as itself', () => {
    fc.assert(
      fc.property(scheme, fc.constantFrom('', '*.'), domain, port, (s, star, d, p) => {
        const stored = pattern(`${s}://${star}${d}${p}`);
        expect(pattern(stored)).toBe(stored);
      }),
    );
  });
});

describe('originAllowed', () => {
  it('lets in the very origin, and no other scheme or port', () => {
    fc.assert(
      fc.property(scheme, domain, port, (s, d, p) => {
        const own = pattern(`${s}://${d}${p}`);
        expect(originAllowed([own], new URL(`${s}://${d}${p}`).origin)).toBe(true);
        expect(originAllowed([own], new URL(`${s === 'http' ? 'https' : 'http'}://${d}${p}`).origin)).toBe(false);
        expect(originAllowed([own], new URL(`${s}://${d}:999`).origin)).toBe(false);
      }),
    );
  });

  it('lets a wildcard stand for exactly one label', () => {
    fc.assert(
      fc.property(label, label, domain, port, (a, b, d, p) => {
        const patterns = [pattern(`https://*.${d}${p}`)];
        expect(originAllowed(patterns, `https://${a}.${d}${p}`)).toBe(true);
        expect(originAllowed(patterns, `https://${d}${p}`)).toBe(false);
        expect(originAllowed(patterns, `https://${a}.${b}.${d}${p}`)).toBe(false);
      }),
    );
  });

  it('refuses every look-alike of an allowed origin', () => {
    fc.assert(
      fc.property(label, domain, (a, d) => {
        const patterns = [pattern(`https://${d}`), pattern(`https://*.${d}`)];
        for (const twin of [
          `https://${d}.evil.com`,
          `https://evil${d}`,
          `https://${a}.evil${d}`,
          `https://${d}@evil.com`,
          `https://evil.com/${d}`,
          `https://evil.com#.${d}`,
          `https://evil.com\\.${d}`,
          `https://${d}.`,
          `https://${d}:8443`,
          `https://${d}/`,
          `https://${d.toUpperCase()}`,
          ` https://${d}`,
          `https://*.${d}`,
          `null`,
        ])
          expect(originAllowed(patterns, twin), twin).toBe(false);
      }),
    );
  });

  it('never lets in what is no origin, whatever the patterns', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (!isOrigin(text)) expect(originAllowed([text, 'https://a.example'], text)).toBe(false);
      }),
    );
  });

  it('compares unicode hosts by what browsers send, and refuses the unicode spelling itself', () => {
    const patterns = [pattern('https://bücher.example')];
    expect(originAllowed(patterns, 'https://xn--bcher-kva.example')).toBe(true);
    expect(originAllowed(patterns, 'https://bücher.example')).toBe(false);
  });

  it('tries no wildcard for addresses and for short names', () => {
    expect(patternsFor('http://127.0.0.1:3000')).toEqual(['http://127.0.0.1:3000']);
    expect(patternsFor('http://[::1]:3000')).toEqual(['http://[::1]:3000']);
    expect(patternsFor('https://acme.com')).toEqual(['https://acme.com']);
    expect(patternsFor('http://localhost:3000')).toEqual(['http://localhost:3000']);
    expect(patternsFor('https://a.b.example:1')).toEqual(['https://a.b.example:1', 'https://*.b.example:1']);
  });
});

/** How somebody would write an origin that looks like `host`'s and is not. */
const disguise = (host: string) =>
  fc
    .tuple(label, fc.constantFrom('evil.com', 'evil.example', '127.0.0.1', '[::1]', 'localhost'), fc.nat(40))
    .map(([word, evil, kind]) => {
      const dot = host.indexOf('.');
      const flip = (text: string, at: number) =>
        text.slice(0, at) + (text.charAt(at) === 'o' ? '0' : 'o') + text.slice(at + 1);
      const tricks = [
        `https://${host}.${evil}`,
        `https://${word}${host}`,
        `https://${host}${word}`,
        `https://${word}-${host}`,
        `https://${host}@${evil}`,
        `https://${evil}@${host}`,
        `https://${word}:${word}@${host}`,
        `https://${evil}#${host}`,
        `https://${evil}?${host}`,
        `https://${evil}/${host}`,
        `https://${evil}\\.${host}`,
        `https://${evil}%2f.${host}`,
        `https://${evil}%00.${host}`,
        `https://${evil}\t.${host}`,
        `https://${host}.`,
        `https://${host}..`,
        `https://.${host}`,
        `https://*.${host}`,
        `https://${host}:443`,
        `https://${host}:80`,
        `https://${host}:8443`,
        `https://${host}:`,
        `https://${host}/`,
        `https:/${host}`,
        `https:${host}`,
        `//${host}`,
        host,
        `HTTPS://${host}`,
        `https://${host.toUpperCase()}`,
        `http://${host}`,
        `wss://${host}`,
        `ftp://${host}`,
        `javascript://${host}`,
        `data:text/html,${host}`,
        `blob:https://${host}`,
        `https://${flip(host, dot - 1)}`,
        `https://${host.replace('a', '\u0430')}${host.includes('a') ? '' : '\u0430'}`,
        `https://${host.replace('.', '\u3002')}`,
        `https://${word}.${word}.${host}`,
        `null`,
        ` https://${host}`,
        `https://${host}, https://${evil}`,
      ];
      return tricks[kind % tricks.length] ?? '';
    });

describe('an adversary', () => {
  it('gets in by no spelling: what is let in is exactly a listed origin, or one label below a wildcard', () => {
    fc.assert(
      fc.property(
        domain.chain((host) => fc.tuple(fc.constant(host), disguise(host), fc.boolean())),
        ([host, origin, isWild]) => {
          const patterns = [pattern(`https://${isWild ? '*.' : ''}${host}`)];
          if (!originAllowed(patterns, origin)) return;
          // Whoever is let in is what a browser sends for the very site that was meant.
          const url = new URL(origin);
          expect(url.origin).toBe(origin);
          expect([url.protocol, url.port]).toEqual(['https:', '']);
          if (isWild) {
            expect(url.hostname.endsWith(`.${host}`)).toBe(true);
            expect(url.hostname.slice(0, -host.length - 1)).not.toContain('.');
          } else expect(url.hostname).toBe(host);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('is told what is wrong, or stores a pattern that says no more than it seems to', () => {
    fc.assert(
      fc.property(
        domain.chain((host) => fc.tuple(fc.constant(host), disguise(host))),
        ([, text]) => {
          const read = readOriginPattern(text);
          if (!read.ok) return;
          expect(read.pattern).toMatch(/^https?:\/\/(\*\.)?[a-z0-9.[\]:-]+$/);
          expect(isOrigin(read.pattern.replace('*.', 'x.'))).toBe(true);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
