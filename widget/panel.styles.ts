/** The look of all that the launcher's pill opens, fetched with it. */
import { buttons } from './styles/buttons.ts';
import { panel } from './styles/panel.ts';
import { question } from './styles/question.ts';
import { variants } from './styles/variants.ts';

export const panelStyles = [buttons, panel, question, variants];
