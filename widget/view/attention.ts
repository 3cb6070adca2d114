/** Where the keyboard is led when the view changes: to a question, and back from it. Called around each update. */
import { adoptDrawer } from './lazy-drawer.ts';

export class Attention {
  #isAsked = false;
  #isAnswering = false;

  before(root: ParentNode): void {
    this.#isAnswering = root.querySelector('.question:focus-within') !== null;
  }

  after(root: HTMLElement | DocumentFragment): void {
    if (root instanceof ShadowRoot) adoptDrawer(root);
    const question = root.querySelector<HTMLElement>('.question');
    if (question && !this.#isAsked) question.focus();
    else if (!question && this.#isAnswering) root.querySelector<HTMLElement>('[data-id=mic]')?.focus();
    this.#isAsked = question !== null;
  }
}
