/** The place of the drawer: fetches it when there is something to show in it. */
import { nothing, type TemplateResult } from 'lit';
import { fetched } from '../fetched.ts';
import type { Face } from './face.ts';

export const drawerPart = fetched(() => import('./drawer.ts'));

export function lazyDrawer(face: Face): TemplateResult | typeof nothing {
  if (!face.showsSettings && !face.mayRate && !face.isRated) return nothing;
  const { here } = drawerPart;
  if (here) return here.drawer(face);
  // Without it the call goes on as before; the next press tries again.
  drawerPart.load().then(face.on.arrived, () => undefined);
  return nothing;
}

/** Its look, once it has come. */
export function adoptDrawer(root: ShadowRoot): void {
  const sheet = drawerPart.here?.drawerStyles.styleSheet;
  if (sheet && !root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
}
