/** What is there and cannot be seen: asked of a page as it stands, shadow roots included. */
import type { Page } from 'puppeteer-core';

/** How a window is for somebody who enlarged it twice, from 1280 by 800 pixels. */
export const TWICE = { width: 640, height: 400, deviceScaleFactor: 2 };

/** Lets the system choose the colours, or the page again. */
export async function forceColors(page: Page, isForced: boolean): Promise<void> {
  const devtools = await page.createCDPSession();
  const features = [{ name: 'forced-colors', value: isForced ? 'active' : 'none' }];
  await devtools.send('Emulation.setEmulatedMedia', { features });
  await devtools.detach();
}

/** Controls, headings and fields that the window or their own box cuts off, and a page that is wider than its window. */
export const cutOff = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const all = (root: ParentNode): HTMLElement[] =>
      [...root.querySelectorAll<HTMLElement>('*')].flatMap((one) => [
        one,
        ...(one.shadowRoot ? all(one.shadowRoot) : []),
      ]);
    const { clientWidth, scrollWidth } = document.documentElement;
    const found = scrollWidth > clientWidth ? [`the page is ${scrollWidth} of ${clientWidth} wide`] : [];
    for (const one of all(document)) {
      if (!one.matches('button, a, input, select, textarea, summary, h1, h2, h3, label, th, td, dd, li')) continue;
      const { left, right, width, height } = one.getBoundingClientRect();
      if (!one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || width < 2 || height < 2)
        continue;
      // What leads past the rest is there once the keyboard is on it.
      if (one.closest('.visually-hidden, .skip') ?? one.closest('pre, .u-wrap')) continue;
      const name = `${one.localName} “${(one.getAttribute('aria-label') ?? one.textContent).trim().slice(0, 40)}”`;
      if (left < -1 || right > clientWidth + 1) found.push(`${name} from ${left} to ${right}`);
      const holds = one.matches('button, h1, h2, h3, summary, label, td, dd') && one.scrollWidth > one.clientWidth + 1;
      if (holds && getComputedStyle(one).overflowX !== 'visible') found.push(`${name} holds more than it shows`);
    }
    return found;
  });

/**
 * Goes on with the tabulator and looks for the ring on whatever has the focus.
 *
 * @returns what had the focus without a ring of two pixels, or out of the window.
 */
export async function unseenFocus(page: Page, steps: number): Promise<string[]> {
  const unseen: string[] = [];
  for (let step = 0; step < steps; step += 1) {
    await page.keyboard.press('Tab');
    const fault = await page.evaluate(() => {
      let one = document.activeElement;
      while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
      if (!one || one === document.body) return '';
      const ringed = [one, one.closest('label'), one.closest('form'), one.parentElement].filter((at) => at !== null);
      const hasRing = ringed.some((at) => {
        const { outlineStyle, outlineWidth } = getComputedStyle(at);
        return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
      });
      const { top, bottom } = one.getBoundingClientRect();
      const isInSight = bottom > 0 && top < innerHeight;
      const name = `${one.localName} “${one.textContent.trim().slice(0, 40)}”`;
      return [hasRing ? '' : `${name} has no ring`, isInSight ? '' : `${name} is out of sight`]
        .filter(Boolean)
        .join('; ');
    });
    if (fault) unseen.push(fault);
  }
  return unseen;
}
