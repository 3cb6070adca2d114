/** Who changed what: the tenant's audit, or the relay's own, and whether its chain is whole. */
import { css, html, nothing } from 'lit';
import type { AnswerOf } from '../../http/api/routes.ts';
import { Page } from '../page.ts';
import { FormController } from '../parts/form.ts';
import { countText, timeText } from '../parts/format.ts';
import { tableStyles } from '../parts/table.ts';
import { theme } from '../theme.ts';

type Entry = AnswerOf<'audit'>['rows'][number];

export class AuditPage extends Page {
  static override readonly properties = {
    ...Page.properties,
    entries: { state: true },
    next: { state: true },
    verdict: { state: true },
  };
  static override readonly styles = [
    theme,
    tableStyles,
    css`
      td pre {
        max-inline-size: 60ch;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      summary {
        min-block-size: 24px;
        cursor: pointer;
      }
      .good {
        color: var(--good);
      }
    `,
  ];
  declare private entries: Entry[];
  declare private next: string | undefined;
  declare private verdict: AnswerOf<'verifyAudit'> | undefined;
  readonly #checking = new FormController(this);

  #page(after: string | undefined, signal: AbortSignal) {
    const query = { limit: '50', ...(after !== undefined && { after }) };
    return this.tenant === ''
      ? this.api.call('relayAudit', { query, signal })
      : this.api.call('audit', { params: { tenant: this.tenant }, query, signal });
  }
  protected override async load(signal: AbortSignal): Promise<void> {
    const { rows, next } = await this.#page(undefined, signal);
    this.entries = rows;
    this.next = next;
  }
  async #more(): Promise<void> {
    const { rows, next } = await this.#page(this.next, this.signal);
    this.entries = [...this.entries, ...rows];
    this.next = next;
  }
  async #verify(): Promise<void> {
    await this.#checking.send(async () => {
      this.verdict =
        this.tenant === ''
          ? await this.api.call('verifyRelayAudit')
          : await this.api.call('verifyAudit', { params: { tenant: this.tenant } });
      return undefined;
    });
  }

  protected override body() {
    return html`<div class="stack">
      <div class="row spread">
        ${this.tenant === '' ? html`<h2>Audit</h2>` : html`<h1>Audit</h1>`}
        <button ?disabled=${this.#checking.isBusy} @click=${() => void this.#verify()}>Check the chain</button>
      </div>
      <p class="quiet">Every change, and who made it. Each entry carries the hash of the one before it.</p>
      <div aria-live="polite">${this.verdict === undefined ? nothing : verdictText(this.verdict)}</div>
      ${this.#checking.verdict()}
      ${
        this.entries.length === 0
          ? html`<p class="card">Nothing has been changed yet.</p>`
          : html`<table>
              <thead>
                <tr>
                  <th>When</th>
                  <th>Who</th>
                  <th>What</th>
                  <th>With</th>
                </tr>
              </thead>
              <tbody>
                ${this.entries.map(
                  ({ seq, at, actor, action, target, payload }) =>
                    html`<tr id=${seq}>
                      <td data-name="When" class="small">${timeText(at)}</td>
                      <td data-name="Who">${actor}</td>
                      <td data-name="What">${action} <code>${target}</code></td>
                      <td data-name="With">${payloadText(payload)}</td>
                    </tr>`,
                )}
              </tbody>
            </table>`
      }
      ${this.next === undefined ? nothing : html`<p><button @click=${() => void this.attempt(() => this.#more())}>Show more</button></p>`}
    </div>`;
  }
}

function verdictText({ entries, isWhole, brokenAt }: AnswerOf<'verifyAudit'>) {
  return isWhole
    ? html`<p class="good">The chain is whole: ${countText(entries)} entries, each as it was written.</p>`
    : html`<p class="wrong">
        The chain breaks at entry ${brokenAt ?? '?'}: it or one before it was changed outside the relay.
      </p>`;
}

function payloadText(payload: unknown) {
  // Either nothing was written, or it was erased with the person it was about.
  if (payload === null || payload === undefined) return html`<span class="quiet small">nothing kept</span>`;
  const text = JSON.stringify(payload, null, 2);
  if (text === '{}') return nothing;
  return html`<details>
    <summary class="small">Details</summary>
    <pre>${text}</pre>
  </details>`;
}
