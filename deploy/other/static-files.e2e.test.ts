/** What goes to a static host is what browsers fetch, and nothing else. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyStaticFiles } from './static-files.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'vjj-static-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the files for a static host', () => {
  it('are the site of the image, without what the host packs itself, in place of what was there', () => {
    writeFileSync(path.join(folder, 'old.html'), '');
    const names = copyStaticFiles(folder);
    expect(names.toSorted()).toEqual(readdirSync(folder).sort());
    expect(readdirSync(folder).sort()).toEqual([
      ...['console', 'demo', 'licences.txt', 'sri.json', 'v', 'voice-jib-jab.classic.js', 'voice-jib-jab.js'],
      'voice-jib-jab.worklet.js',
    ]);
    const all = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    expect(all.filter((name) => /\.(br|gz|map|ts)$|relay\/|node_modules/.test(name))).toEqual([]);
  });

  it('are copied by the command of the page on installing, which asks for a folder', () => {
    const run = (...words: string[]) =>
      spawnSync(process.execPath, [path.join(import.meta.dirname, 'static-files.mjs'), ...words], { encoding: 'utf8' });
    expect(run(folder).stdout).toContain(`voice-jib-jab.js`);
    const { status, stderr } = run();
    expect([status, stderr]).toEqual([2, 'usage: node deploy/other/static-files.mjs FOLDER\n']);
  });
});
