/**
 * The look. Adopted as style sheets, so that no page's security rules stop it. Logical directions
 * only, so that it mirrors.
 */
import { buttons } from './styles/buttons.ts';
import { panel } from './styles/panel.ts';
import { tokens } from './styles/tokens.ts';
import { variants } from './styles/variants.ts';

export const styles = [tokens, buttons, panel, variants];
