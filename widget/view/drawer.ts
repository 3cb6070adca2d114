/** What opens under the words: settings, or how it was. No call waits for it, so it is fetched when it is first shown. */
import { html, type TemplateResult } from 'lit';
import type { Face } from './face.ts';
import { rating } from './rating.ts';
import { settings } from './settings.ts';

export { drawer as drawerStyles } from '../styles/drawer.ts';

export const drawer = (face: Face): TemplateResult => html`${settings(face)}${rating(face)}`;
