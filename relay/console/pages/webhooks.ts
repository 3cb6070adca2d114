/** Where the tenant is told of what happens: its webhooks, and how each delivery went. */
import { css, html, nothing } from 'lit';
import type { AnswerOf } from '../../http/api/routes.ts';
import { Page } from '../page.ts';
import { confirmed, showOnce } from '../parts/dialog.ts';
import { FormController } from '../parts/form.ts';
import { agoText, timeText } from '../parts/format.ts';
import { tableStyles } from '../parts/table.ts';
import { theme } from '../theme.ts';

type Webhook = AnswerOf<'webhooks'>['rows'][number];
type Delivery = AnswerOf<'deliveries'>['rows'][number];

const SECRET_NOTE =
  'Your endpoint checks every message with it, by any library of Standard Webhooks. It is not shown again.';

export class WebhooksPage extends Page {
  static override readonly properties = {
    ...Page.properties,
    webhooks: { state: true },
    events: { state: true },
    open: { state: true },
    deliveries: { state: true },
    next: { state: true },
  };
  static override readonly styles = [
    theme,
    tableStyles,
    css`
      form {
        max-inline-size: 560px;
      }
      fieldset {
        margin: 0;
        padding: 0;
        border: 0;
      }
      legend {
        padding: 0;
        font-size: 13px;
        font-weight: 600;
      }
      article code {
        overflow-wrap: anywhere;
      }
      pre {
        max-inline-size: 70ch;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .dead {
        color: var(--bad);
      }
      .delivered {
        color: var(--good);
      }
    `,
  ];
  declare private webhooks: Webhook[];
  /** Every event there is. */
  declare private events: string[];
  /** Of which webhook deliveries are shown. */
  declare private open: string;
  declare private deliveries: Delivery[];
  declare private next: string | undefined;
  readonly #adding = new FormController(this);
  readonly #rest = new FormController(this);

  constructor() {
    super();
    this.open = '';
    this.deliveries = [];
  }

  protected override async load(signal: AbortSignal): Promise<void> {
    const params = { tenant: this.tenant };
    const [webhooks, choices] = await Promise.all([
      this.api.call('webhooks', { params, signal }),
      this.api.call('choices', { signal }),
    ]);
    this.webhooks = webhooks.rows;
    this.events = choices.webhookEvents;
  }

  #params(webhook: string) {
    return { tenant: this.tenant, webhook };
  }
  /** Does something, and shows how things stand then. */
  #act(act: () => Promise<string | undefined>): Promise<boolean> {
    return this.#rest.send(async () => {
      const said = await act();
      await this.reload();
      if (this.open !== '') await this.#show(this.open);
      return said;
    });
  }
  async #show(webhook: string): Promise<void> {
    this.open = webhook;
    const { rows, next } = await this.api.call('deliveries', { params: this.#params(webhook), query: { limit: '20' } });
    this.deliveries = rows;
    this.next = next;
  }
  async #more(): Promise<void> {
    const query = { limit: '20', ...(this.next !== undefined && { after: this.next }) };
    const { rows, next } = await this.api.call('deliveries', { params: this.#params(this.open), query });
    this.deliveries = [...this.deliveries, ...rows];
    this.next = next;
  }
  async #add(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const data = new FormData(form);
    const url = data.get('url');
    const isAdded = await this.#adding.send(async () => {
      const body = {
        url: typeof url === 'string' ? url : '',
        events: data.getAll('event').filter((one) => typeof one === 'string'),
      };
      const { secret } = await this.api.call('addWebhook', { params: { tenant: this.tenant }, body });
      await this.reload();
      await showOnce({ title: 'The webhook’s secret', note: SECRET_NOTE, secret });
      return 'The webhook is added. Send it a test to see that it arrives.';
    });
    if (isAdded) form.reset();
  }
  async #rotate({ id }: Webhook): Promise<void> {
    await this.#act(async () => {
      const { secret } = await this.api.call('rotateWebhook', { params: this.#params(id) });
      const note = `${SECRET_NOTE} The former one signs too until the next rotation.`;
      await showOnce({ title: 'The new secret', note, secret });
      return undefined;
    });
  }
  async #remove({ id, url }: Webhook): Promise<void> {
    const isMeant = await confirmed({
      title: 'Remove this webhook?',
      consequence: `${url} is told of nothing more, and what waits to be sent is dropped.`,
      action: 'Remove',
      isDangerous: true,
    });
    if (!isMeant) return;
    if (this.open === id) this.open = '';
    await this.#act(async () => {
      await this.api.call('removeWebhook', { params: this.#params(id) });
      return undefined;
    });
  }

  protected override body() {
    return html`<div class="stack">
      <h1>Webhooks</h1>
      <p class="quiet">
        Your server is told what happens: signed after Standard Webhooks, and tried again for a day if it does not
        answer.
      </p>
      ${this.#rest.verdict()}
      ${
        this.webhooks.length === 0
          ? html`<p class="card">No webhooks yet.</p>`
          : this.webhooks.map((webhook) => this.#card(webhook))
      }
      ${this.mayChange ? this.#form() : nothing}
    </div>`;
  }

  #card(webhook: Webhook) {
    const { id, url, events, status, secrets } = webhook;
    const isOpen = this.open === id;
    const params = this.#params(id);
    return html`<article class="card stack" aria-label=${url}>
      <div class="row spread">
        <code>${url}</code>
        <span class="small ${status === 'active' ? 'delivered' : 'dead'}"
          >${status === 'active' ? 'Active' : 'Disabled'}</span
        >
      </div>
      <p class="small quiet">
        ${events.length === 0 ? 'Every event' : events.join(', ')}${secrets > 1 ? '. Its secret is being rotated.' : ''}
      </p>
      <div class="row">
        ${
          this.mayChange
            ? html`<button
                  @click=${() =>
                    void this.#act(async () => {
                      await this.api.call('testWebhook', { params });
                      await this.#show(id);
                      return 'A test is on its way.';
                    })}
                >
                  Send a test
                </button>
                <button @click=${() => void this.#rotate(webhook)}>Rotate secret</button>
                <button
                  @click=${() =>
                    void this.#act(async () => {
                      const next = status === 'active' ? 'disabled' : 'active';
                      await this.api.call('changeWebhook', { params, body: { status: next } });
                      return undefined;
                    })}
                >
                  ${status === 'active' ? 'Disable' : 'Enable'}
                </button>
                <button class="danger" @click=${() => void this.#remove(webhook)}>Remove</button>`
            : nothing
        }
        <button
          class="plain"
          aria-expanded=${isOpen}
          @click=${() => {
            if (isOpen) this.open = '';
            else void this.attempt(() => this.#show(id));
          }}
        >
          Deliveries
        </button>
      </div>
      ${isOpen ? this.#list() : nothing}
    </article>`;
  }

  #list() {
    if (this.deliveries.length === 0) return html`<p class="quiet">Nothing has been sent yet.</p>`;
    return html`<table>
        <thead>
          <tr>
            <th>When</th>
            <th>Event</th>
            <th>State</th>
            <th><span class="visually-hidden">Do</span></th>
          </tr>
        </thead>
        <tbody>
          ${this.deliveries.map((delivery) => this.#delivery(delivery))}
        </tbody>
      </table>
      <div class="row">
        <button @click=${() => void this.attempt(() => this.#show(this.open))}>Refresh</button>
        ${this.next === undefined ? nothing : html`<button @click=${() => void this.attempt(() => this.#more())}>Show more</button>`}
      </div>`;
  }
  #delivery({ id, event, body, status, attempts, nextAt, lastResult, createdAt }: Delivery) {
    const params = { ...this.#params(this.open), delivery: id };
    const result = lastResult === null ? '' : `, last answer ${lastResult}`;
    return html`<tr>
      <td data-name="When" class="small">${timeText(createdAt)}</td>
      <td data-name="Event">
        <details>
          <summary>${event}</summary>
          <pre>${body}</pre>
        </details>
      </td>
      <td data-name="State">
        <span class=${status}>${{ pending: 'Waiting', delivered: 'Delivered', dead: 'Given up' }[status]}</span>
        <span class="quiet small">
          ${attempts}
          ${attempts === 1 ? 'try' : 'tries'}${result}${
            status === 'pending' && attempts > 0 ? `, next ${agoText(nextAt)}` : ''
          }
        </span>
      </td>
      <td class="do">
        ${
          status !== 'pending' && this.mayChange
            ? html`<button
                class="plain"
                @click=${() =>
                  void this.#act(async () => {
                    await this.api.call('replayDelivery', { params });
                    return 'It is sent again.';
                  })}
              >
                Send again<span class="visually-hidden"> ${event}</span>
              </button>`
            : nothing
        }
      </td>
    </tr>`;
  }

  #form() {
    const form = this.#adding;
    return html`<form class="stack card" @submit=${(event: SubmitEvent) => void this.#add(event)}>
      <h2>Add a webhook</h2>
      ${form.field(
        'url',
        'URL',
        html`<input
          name="url"
          type="url"
          required
          placeholder="https://hooks.example.com/voice"
          aria-invalid=${form.isWrong('url')}
        />`,
        'https, at a public address',
      )}
      <fieldset>
        <legend>Events <span class="quiet">none chosen is all of them</span></legend>
        ${this.events.map(
          (event) =>
            html`<label class="check"
              ><input type="checkbox" name="event" value=${event} /><code>${event}</code></label
            >`,
        )}
      </fieldset>
      ${form.verdict(['url'])}
      <div><button class="primary" ?disabled=${form.isBusy}>Add webhook</button></div>
    </form>`;
  }
}
