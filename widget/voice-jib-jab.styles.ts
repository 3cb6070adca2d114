/**
 * The look. Adopted as style sheets, so that no page's security rules stop it. Logical directions
 * only, so that it mirrors. This much is there at once; `panel.styles.ts` comes with the panel.
 */
import { launcher } from './styles/launcher.ts';
import { tokens } from './styles/tokens.ts';

export const styles = [tokens, launcher];
