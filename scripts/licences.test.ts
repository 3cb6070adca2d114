/** What of others is shipped is known, and under licences that may be shipped. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { licences, refused } from './licences.mjs';
import { billOfMaterials, installed, packagesIn, type Lock } from './sbom.mjs';

const MANIFEST = { name: 'product', version: '1.0.0', license: 'MIT' };
const LOCK: Lock = {
  packages: {
    '': { dependencies: { a: '^1.0.0' }, devDependencies: { tool: '^1.0.0' } },
    'node_modules/a': {
      ...{ version: '1.0.0', license: 'MIT', integrity: `sha512-${Buffer.from('content of a').toString('base64')}` },
      dependencies: { '@scope/b': '2' },
      optionalDependencies: { 'a-linux': '1', 'a-gone': '1' },
      peerDependencies: { peer: '1', maybe: '1' },
      peerDependenciesMeta: { maybe: { optional: true } },
    },
    'node_modules/a/node_modules/@scope/b': { version: '2.0.0', license: 'ISC', dependencies: { c: '1', a: '1' } },
    'node_modules/@scope/b': { version: '1.0.0', license: 'MIT' },
    'node_modules/c': { version: '1.2.3', license: 'BSD-3-Clause' },
    'node_modules/a-linux': { version: '1.0.0', license: 'MIT', os: ['linux'] },
    'node_modules/peer': { version: '1.0.0', license: '(MIT OR GPL-3.0-or-later)' },
    'node_modules/maybe': { version: '1.0.0', license: 'GPL-3.0-only' },
    'node_modules/tool': { version: '1.0.0', license: 'GPL-3.0-only' },
    'node_modules/inside': { version: '3.0.0', license: 'BSD-3-Clause' },
  },
};

describe('the bill of materials', () => {
  it('follows the lock as an install does: the nearest copy, peers that are needed, every platform, no tools', () => {
    expect([...installed(LOCK).keys()].sort()).toEqual([
      ...['node_modules/a', 'node_modules/a-linux', 'node_modules/a/node_modules/@scope/b', 'node_modules/c'],
      'node_modules/peer',
    ]);
  });

  it('has one version once, wherever it lies', () => {
    const { packages } = LOCK;
    const lock = { packages: { ...packages, 'node_modules/@scope/b': { version: '2.0.0', license: 'ISC' } } };
    const bill = billOfMaterials(MANIFEST, lock, { widget: ['@scope/b'] });
    const found = bill.components.filter(({ name }) => name === '@scope/b');
    expect(found.map(({ properties }) => properties[0]?.value)).toEqual(['bundled in widget, installed']);
  });

  it('has of peers that may be missing those of the product itself, for the container image', () => {
    const { packages } = LOCK;
    const own = { peerDependencies: { maybe: '1' }, peerDependenciesMeta: { maybe: { optional: true } } };
    const lock = { packages: { ...packages, '': { ...packages[''], ...own } } };
    expect(installed(lock).has('node_modules/maybe')).toBe(false);
    expect(installed(lock, { isImage: true }).has('node_modules/maybe')).toBe(true);
    const bill = billOfMaterials(MANIFEST, lock, {});
    expect(bill.components.find(({ name }) => name === 'maybe')?.properties[0]?.value).toBe('in the container image');
  });

  it('has what bundles are made of, and only what is left of it in them', () => {
    const output = [
      {
        modules: {
          '/home/x/node_modules/inside/a.js': { renderedLength: 10 },
          '/home/x/node_modules/@scope/b/b.js': { renderedLength: 1 },
          '/home/x/node_modules/shaken/out.js': { renderedLength: 0 },
          '/home/x/widget/index.ts': { renderedLength: 100 },
        },
      },
      {},
    ];
    expect(packagesIn(output)).toEqual(['@scope/b', 'inside']);
  });

  it('names each with its version, hash, licence and use, and nothing of the machine it is made on', () => {
    const bill = billOfMaterials(MANIFEST, LOCK, { widget: ['inside'], console: ['inside', 'c'] });
    const uses = bill.components.map(({ purl, properties }) => [purl, properties[0]?.value]);
    expect(uses).toEqual([
      ['pkg:npm/%40scope/b@2.0.0', 'installed'],
      ['pkg:npm/a-linux@1.0.0', 'installed'],
      ['pkg:npm/a@1.0.0', 'installed'],
      ['pkg:npm/c@1.2.3', 'bundled in console, installed'],
      ['pkg:npm/inside@3.0.0', 'bundled in console, bundled in widget'],
      ['pkg:npm/peer@1.0.0', 'installed'],
    ]);
    const a = bill.components.find(({ name }) => name === 'a');
    expect(a?.hashes).toEqual([{ alg: 'SHA-512', content: Buffer.from('content of a').toString('hex') }]);
    expect(billOfMaterials(MANIFEST, LOCK, { widget: ['inside'], console: ['inside', 'c'] })).toEqual(bill);
  });
});

describe('licences', () => {
  const billOf = (license: string) =>
    billOfMaterials(MANIFEST, { packages: { '': {}, 'node_modules/x': { version: '1.0.0', license } } }, { w: ['x'] });

  it.each(['GPL-3.0-only', 'AGPL-3.0-or-later', 'LGPL-2.1-only', 'SSPL-1.0', 'MIT AND GPL-2.0-only', 'UNLICENSED'])(
    'refuse %s, by name',
    (licence) => expect(refused(billOf(licence))).toEqual([`x@1.0.0: ${licence}`]),
  );

  it.each(['MIT', 'ISC', 'Apache-2.0', 'BSD-3-Clause', '(MIT OR GPL-3.0-or-later)', 'MIT AND ISC'])(
    'take %s',
    (licence) => expect(refused(billOf(licence))).toEqual([]),
  );
});

describe('the notices', () => {
  const MIT_BODY = 'Permission is hereby granted, free of charge, to any person obtaining a copy of this software.';
  let root: string;
  const write = (place: string, file: string, text: string) => {
    mkdirSync(path.join(root, place), { recursive: true });
    writeFileSync(path.join(root, place, file), text);
  };
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'vjj-licences-'));
    write('node_modules/a', 'LICENSE', `MIT License\n\nCopyright (c) 2020 Ann\n\n${MIT_BODY}`);
    write('node_modules/a/node_modules/@scope/b', 'license.md', 'ISC of B.');
    write('node_modules/c', 'LICENCE', 'BSD of C.');
    write('node_modules/inside', 'LICENSE', 'BSD  of\nC.');
    write('node_modules/peer', 'LICENSE', `  * Copyright Pete\n${MIT_BODY}`);
    write('node_modules/c', 'package.json', '{}');
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const bill = billOfMaterials(MANIFEST, LOCK, { widget: ['inside'] });

  it('print a text once, with everybody whom it names', () => {
    const text = licences(bill, LOCK, root);
    expect(text).toContain('- a: Copyright (c) 2020 Ann\n- peer: Copyright Pete\n');
    expect(text.split(MIT_BODY)).toHaveLength(2);
    expect(text).toContain('## c, inside\n\n````text\nBSD of C.');
    expect(text).toContain('## @scope/b\n\n````text\nISC of B.');
    expect(text).toContain('| a-linux | MIT | installed |');
  });

  it('say so of a package without a text, and refuse to go on where one is not installed', () => {
    rmSync(path.join(root, 'node_modules/c/LICENCE'));
    expect(licences(bill, LOCK, root)).toContain('- c: BSD-3-Clause');
    rmSync(path.join(root, 'node_modules/c'), { recursive: true });
    expect(() => licences(bill, LOCK, root)).toThrow('c is not installed: npm ci brings it');
  });
});
