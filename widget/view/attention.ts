/** Where the keyboard is led when the view changes: to a question, and back from it. Called around each update. */
export class Attention {
  #isAsked = false;
  #isAnswering = false;

  before(root: ParentNode): void {
    this.#isAnswering = root.querySelector('.question:focus-within') !== null;
  }

  after(root: ParentNode): void {
    const question = root.querySelector<HTMLElement>('.question');
    if (question && !this.#isAsked) question.focus();
    else if (!question && this.#isAnswering) root.querySelector<HTMLElement>('[data-id=mic]')?.focus();
    this.#isAsked = question !== null;
  }
}
