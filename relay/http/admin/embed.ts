/** What a page needs to carry the widget: where the script is, its integrity, and the lines to paste. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store } from '../../store/store.ts';
import type { Handlers } from './ask.ts';

const SCRIPT = 'voice-jib-jab.js';

export interface EmbedDeps {
  store: Pick<Store, 'publishableKeys'>;
  /** The folder that the build writes. */
  staticRoot: string;
  siteUrl: () => string;
  version: string;
}

export function embedHandlers({ store, staticRoot, siteUrl, version }: EmbedDeps): Handlers<'embed'> {
  let known: { stamp: string; integrity: string } | undefined;

  /** Null where nothing was built. */
  async function integrityOf(file: string): Promise<string | null> {
    const info = await stat(file).catch(() => undefined);
    if (info === undefined) return null;
    const stamp = `${info.mtimeMs} ${info.size}`;
    if (known?.stamp !== stamp) {
      const hash = createHash('sha384').update(await readFile(file));
      known = { stamp, integrity: `sha384-${hash.digest('base64')}` };
    }
    return known.integrity;
  }

  return {
    async embed({ tenant }) {
      const keys = await store.publishableKeys.list(tenant.id);
      const key = keys.find(({ status }) => status === 'active')?.id ?? 'pk_…';
      // The address of this version, whose bytes never change: only such a one can carry an integrity.
      const path = `v/${version}/${SCRIPT}`;
      const integrity = await integrityOf(join(staticRoot, path));
      const src = `${siteUrl()}/${integrity === null ? SCRIPT : path}`;
      const proof = integrity === null ? '' : ` integrity="${integrity}" crossorigin="anonymous"`;
      const snippet = [
        `<script type="module" src="${src}"${proof}></script>`,
        `<voice-jib-jab tenant="${key}"></voice-jib-jab>`,
      ].join('\n');
      return { src, integrity, version, snippet };
    },
  };
}
