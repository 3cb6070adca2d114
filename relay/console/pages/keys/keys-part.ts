/** What the parts of the keys' page share: asking before what cannot be undone, and the look. */
import { css, html, type TemplateResult } from 'lit';
import { Page } from '../../page.ts';
import { confirmed } from '../../parts/dialog.ts';
import { FormController } from '../../parts/form.ts';
import { tableStyles } from '../../parts/table.ts';
import { theme } from '../../theme.ts';

export abstract class KeysPart extends Page {
  static override readonly styles = [
    theme,
    tableStyles,
    css`
      section {
        padding-block-start: 12px;
      }
      form {
        display: grid;
        gap: 16px;
        max-inline-size: 520px;
      }
      details.card {
        padding-block: 8px;
      }
      details.card[open] {
        padding-block-end: 20px;
      }
      details summary {
        min-block-size: 44px;
        padding-block: 11px;
        font-weight: 600;
        cursor: pointer;
      }
    `,
  ];
  /** What was done besides sending a form. */
  protected readonly rest = new FormController(this);

  /** Asks, does it, and shows how things stand then. */
  protected async meant(
    title: string,
    consequence: string,
    action: string,
    act: () => Promise<unknown>,
  ): Promise<void> {
    if (!(await confirmed({ title, consequence, action, isDangerous: true }))) return;
    await this.rest.send(async () => {
      await act();
      await this.reload();
      return undefined;
    });
  }

  protected revokeButton(what: string, act: () => Promise<void>): TemplateResult {
    return html`<button class="plain" @click=${() => void act()}>
      Revoke<span class="visually-hidden"> ${what}</span>
    </button>`;
  }
}
