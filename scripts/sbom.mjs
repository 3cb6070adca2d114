/**
 * What of others is in the product: packages that an install brings along, read from the lock, and packages whose
 * code is inside our bundles, read from the bundler. Written to `dist/sbom.cdx.json` (CycloneDX) by each build.
 *
 * `npm sbom` would ask the install and not the lock: it leaves out what development needs as well, knows of no
 * bundle, and names this machine's platform as if there were no other.
 */
import { readFileSync, writeFileSync } from 'node:fs';

export const SBOM_FILE = 'dist/sbom.cdx.json';
/** What relay.Dockerfile takes out again: the relay never loads it. */
export const NOT_IN_IMAGE = ['typescript', 'zod', 'sentry', 'rollup', '@rollup', '@types/estree'];
const read = (file) => JSON.parse(readFileSync(file, 'utf8'));

/** Where the lock has what `from` gets when it asks for `name`: the nearest one on the way up. */
function placeOf(packages, from, name) {
  const folders = (from && `/${from}`).split('/node_modules/');
  const places = folders.map((_, at) => [...folders.slice(0, at + 1), name].join('/node_modules/').slice(1));
  return places.findLast((place) => place in packages);
}

/**
 * All that installing the package brings along, on whichever platform: place in the lock → what the lock says. A peer
 * that may be missing is not brought along; the package's own are in its container image.
 */
export function installed({ packages }, { isImage = false } = {}) {
  const found = new Map();
  const visit = (from) => {
    const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta = {} } = packages[from];
    const isNeeded = (name) => (isImage && from === '') || peerDependenciesMeta[name]?.optional !== true;
    const peers = Object.keys(peerDependencies ?? {}).filter(isNeeded);
    for (const name of [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers]) {
      const place = placeOf(packages, from, name);
      if (place === undefined || found.has(place) || (isImage && NOT_IN_IMAGE.includes(name))) continue;
      found.set(place, packages[place]);
      visit(place);
    }
  };
  visit('');
  return found;
}

/** @param place - In the lock. */
export const nameAt = (place) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** Names of packages whose code is in a bundle. @param output - What rollup's `write` answered with. */
export function packagesIn(output) {
  const ids = output.flatMap(({ modules = {} }) => Object.entries(modules));
  const names = ids
    .filter(([, { renderedLength }]) => renderedLength > 0)
    .map(([id]) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

const hexOf = (integrity = '') =>
  integrity.startsWith('sha512-') ? Buffer.from(integrity.slice(7), 'base64').toString('hex') : undefined;

/** @param bundled - Bundle → names of packages. The same input gives the same bytes: no date, no number. */
export function billOfMaterials(manifest, lock, bundled) {
  /** By address: one version that lies at two places is one. */
  const components = new Map();
  const add = (place, use) => {
    const { version, license, integrity } = lock.packages[place];
    const name = nameAt(place);
    const purl = `pkg:npm/${name.replace(/^@/, '%40')}@${version}`;
    const content = hexOf(integrity);
    const uses = components.get(purl)?.uses ?? new Set();
    components.set(purl, {
      uses: uses.add(use),
      entry: {
        ...{ type: 'library', 'bom-ref': purl, name, version, purl },
        licenses: [/[ (]/.test(license ?? '') ? { expression: license } : { license: { id: license } }],
        ...(content && { hashes: [{ alg: 'SHA-512', content }] }),
      },
    });
  };
  const brought = installed(lock);
  for (const place of brought.keys()) add(place, 'installed');
  for (const place of installed(lock, { isImage: true }).keys())
    if (!brought.has(place)) add(place, 'in the container image');
  for (const [bundle, names] of Object.entries(bundled))
    for (const name of names) add(`node_modules/${name}`, `bundled in ${bundle}`);
  const sorted = [...components.values()].map(({ uses, entry }) => ({
    ...entry,
    properties: [{ name: 'voice-jib-jab:use', value: [...uses].sort().join(', ') }],
  }));
  sorted.sort((a, b) => (a.purl < b.purl ? -1 : 1));
  const { name, version, license } = manifest;
  const purl = `pkg:npm/${name}@${version}`;
  return {
    ...{ $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json', bomFormat: 'CycloneDX', specVersion: '1.5' },
    version: 1,
    metadata: {
      component: {
        ...{ type: 'application', 'bom-ref': purl, name, version, purl },
        licenses: [{ license: { id: license } }],
      },
    },
    components: sorted,
  };
}

export function writeBillOfMaterials(bundled) {
  const bill = billOfMaterials(read('package.json'), read('package-lock.json'), bundled);
  writeFileSync(SBOM_FILE, `${JSON.stringify(bill, null, 2)}\n`);
}
