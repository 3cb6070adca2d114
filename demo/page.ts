/** The page's own elements: found by name, made by name. */

/** An element that the page is known to have. */
export function find<K extends keyof HTMLElementTagNameMap>(name: K, id: string): HTMLElementTagNameMap[K] {
  const element = document.querySelector<HTMLElementTagNameMap[K]>(`${name}#${id}`);
  if (!element) throw new Error(`the page has no ${name} called ${id}`);
  return element;
}

export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  words = '',
  className = '',
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  element.textContent = words;
  if (className) element.className = className;
  return element;
}

/** Copies on a press, and says whether that worked. */
export function copies(button: HTMLButtonElement, text: () => string): void {
  button.addEventListener('click', () => {
    navigator.clipboard.writeText(text()).then(
      () => (button.textContent = 'Copied'),
      () => (button.textContent = 'Select and copy by hand'),
    );
  });
}
