/** Long work in parts: between two of them the browser answers whoever clicks and draws what is to be seen. */

/** Resolves in a task of its own, behind those that wait already. */
export const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
