/** The look of all that the launcher's pill opens, fetched with it. */
import { buttons } from './styles/buttons.ts';
import { drawer } from './styles/drawer.ts';
import { panel } from './styles/panel.ts';
import { variants } from './styles/variants.ts';

export const panelStyles = [buttons, panel, drawer, variants];
