/**
 * A window in a profile of its own, so that nothing is cached, and at rest. A new window of Chromium fills itself first:
 * the list under its address bar is a page of its own, whose scripts keep both cores busy for half a second. Nobody who
 * is measured here has just opened a browser.
 */
import type { Browser, Page } from 'puppeteer-core';

/** What was seen is over after 500 ms. */
const FILLED_MS = 1000;

/** @param act - what is done in the window; then it is closed. */
export async function inFreshWindow<T>(browser: Browser, act: (page: Page) => Promise<T>): Promise<T> {
  const context = await browser.createBrowserContext();
  try {
    const page = await context.newPage();
    await new Promise((resolve) => setTimeout(resolve, FILLED_MS));
    return await act(page);
  } finally {
    await context.close();
  }
}
