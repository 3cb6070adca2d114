import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processIo } from '../run.ts';
import { masterKeyIn } from '../store/sealing.ts';
import { openStore } from '../store/store.ts';
import { acme } from '../store/testing/two-databases.ts';
import { vjjCommand } from './commands.ts';

let dir: string;
let data: string;
let printed: string[];
let complained: string[];
let codes: number[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-store-'));
  data = join(dir, 'data');
  [printed, complained, codes] = [[], [], []];
});
afterEach(() => rmSync(dir, { recursive: true }));

async function vjj(words: string[], env: Record<string, string> = {}): Promise<string> {
  printed = [];
  const io = {
    ...{ ...processIo, env: { DATA_DIR: data, ...env } },
    print: (line: string) => void printed.push(line),
    complain: (line: string) => void complained.push(line),
    exit: (code: number) => void codes.push(code),
  };
  await vjjCommand(io).parseAsync(['node', 'vjj', ...words]);
  return printed.join('\n');
}
const open = (masterKey = masterKeyIn(data).key) =>
  openStore({ file: join(data, 'vjj.db'), masterKey, now: () => Date.now() });

describe('vjj on the database', () => {
  it('migrates it while no relay runs on it, and says what is wrong with the configuration', async () => {
    expect(await vjj(['migrate'])).toContain('0001');
    expect(existsSync(join(data, 'vjj.db'))).toBe(true);
    expect(await vjj(['migrate'])).toContain('up to date');
    await vjj(['migrate'], { PORT: 'x' });
    expect(codes).toEqual([1]);
  });

  it('copies it while a relay runs, and puts the copy back when none does', async () => {
    const store = await open();
    await store.tenants.create(acme);
    const copy = join(dir, 'copies', 'monday.db');
    expect(await vjj(['backup', copy])).toContain('1 tenant,');
    await store.tenants.remove(acme.id);
    await vjj(['restore', copy]);
    expect(complained.join()).toContain('Another relay uses');
    expect(codes).toEqual([1]);
    await store.close();
    expect(await vjj(['restore', copy])).toMatch(/Restored .*1 tenant.*\nWhat was there is now .*before-\d{14}/);
    const again = await open();
    expect(await again.tenants.byId(acme.id)).toMatchObject({ slug: acme.slug });
    await again.close();
    await vjj(['backup', copy]);
    expect(complained.at(-1)).toContain('exists already');
  });

  it('gives the database a new master key, in the file or by the environment', async () => {
    const store = await open();
    await store.tenants.create(acme);
    await store.providerKeys.put(acme.id, 'sk-1');
    const former = masterKeyIn(data).key;
    await vjj(['rotate-master-key']);
    expect(complained.join()).toContain('Another relay uses');
    expect(masterKeyIn(data).key).toBe(former);
    await store.close();
    expect(await vjj(['rotate-master-key'])).toMatch(/Sealed anew: \d+ secret/);
    const fresh = readFileSync(join(data, 'master.key'), 'utf8').trim();
    expect(fresh).not.toContain(former);
    await expect(open(former)).rejects.toThrow(/MASTER_KEY/);
    const again = await open();
    expect((await again.providerKeys.open(acme.id))?.key).toBe('sk-1');
    await again.close();

    const [next, present] = ['n'.repeat(44), fresh];
    await vjj(['rotate-master-key'], { MASTER_KEY: present });
    expect(complained.at(-1)).toContain('new,old');
    expect(await vjj(['rotate-master-key'], { MASTER_KEY: `${next},${present}` })).toContain('Leave only the new key');
    const last = await open(next);
    expect((await last.providerKeys.open(acme.id))?.key).toBe('sk-1');
    await last.close();
  });
});
