/** A tenant at a glance: what is missing until the first call, the snippet to paste, what ran lately. */
import { css, html, nothing } from 'lit';
import type { AnswerOf } from '../../http/api/routes.ts';
import { hashOf } from '../location.ts';
import { Page } from '../page.ts';
import { agoText, countText } from '../parts/format.ts';
import { figures, figureStyles } from '../parts/figures.ts';
import { theme } from '../theme.ts';

export class OverviewPage extends Page {
  static override readonly properties = { ...Page.properties, shown: { state: true } };
  static override readonly styles = [
    theme,
    figureStyles,
    css`
      pre {
        padding: 12px 16px;
        overflow-x: auto;
        border-radius: 10px;
        background: var(--raised);
      }
      ol {
        padding-inline-start: 20px;
      }
      li {
        padding-block: 6px;
      }
      .latest {
        list-style: none;
      }
      .latest li {
        display: flex;
        justify-content: space-between;
        gap: 16px;
        padding-block: 10px;
        border-block-end: 1px solid var(--line);
      }
      .done {
        color: var(--quiet);
        text-decoration: line-through;
      }
    `,
  ];
  declare private shown: {
    tenant: AnswerOf<'tenant'>;
    embed: AnswerOf<'embed'>;
    usage: AnswerOf<'usage'>;
    sessions: AnswerOf<'sessions'>['rows'];
    origins: number;
  };

  protected override async load(signal: AbortSignal): Promise<void> {
    const params = { tenant: this.tenant };
    const [tenant, embed, usage, sessions, origins] = await Promise.all([
      this.api.call('tenant', { params, signal }),
      this.api.call('embed', { params, signal }),
      this.api.call('usage', { params, signal }),
      this.api.call('sessions', { params, query: { limit: '5' }, signal }),
      this.api.call('origins', { params, signal }),
    ]);
    this.shown = {
      ...{ tenant, embed, usage, sessions: sessions.rows },
      origins: origins.origins.length + origins.alsoAllowed.length,
    };
  }

  protected override body() {
    const { tenant, embed, usage } = this.shown;
    return html`<div class="stack">
      <header>
        <h1>${tenant.name}</h1>
        ${
          tenant.status === 'active'
            ? nothing
            : html`<p class="wrong">Suspended: no page can start a conversation. An operator restores it.</p>`
        }
      </header>
      ${figures(usage.total, 30)}
      <p class="quiet small">The last 30 days, in UTC.</p>
      ${this.#steps()}
      <section class="stack" aria-labelledby="snippet">
        <div class="row spread">
          <h2 id="snippet">Paste this into your page</h2>
          <vjj-copy .text=${embed.snippet} what="the snippet"></vjj-copy>
        </div>
        <pre tabindex="0"><code>${embed.snippet}</code></pre>
        <p class="quiet small">
          Version ${embed.version}, with its integrity hash: the browser refuses a script that was changed on the way.
        </p>
      </section>
      ${this.#latest()}
    </div>`;
  }

  /** What stands between here and the first conversation. */
  #steps() {
    const { origins, usage } = this.shown;
    if (usage.total.sessions > 0) return nothing;
    const { tenant } = this;
    const steps: [boolean, string, string][] = [
      [origins > 0, 'Say which pages may use it', hashOf({ page: 'origins', tenant })],
      [false, 'Give the assistant its words and voice, and try it', hashOf({ page: 'assistant', tenant })],
      [false, 'Paste the snippet below, open your page and press Talk', '#snippet'],
    ];
    return html`<section class="card" aria-labelledby="first">
      <h2 id="first">Three steps to the first conversation</h2>
      <ol>
        ${steps.map(
          ([isDone, text, href]) =>
            html`<li>
              ${
                href.startsWith('#/')
                  ? html`<a class=${isDone ? 'done' : ''} href=${href}>${text}</a>`
                  : html`<span>${text}</span>`
              }${isDone ? ' (done)' : ''}
            </li>`,
        )}
      </ol>
    </section>`;
  }

  #latest() {
    const { sessions } = this.shown;
    if (sessions.length === 0) return nothing;
    const { tenant } = this;
    return html`<section class="stack" aria-labelledby="latest">
      <h2 id="latest">Latest conversations</h2>
      <ul class="latest">
        ${sessions.map(
          ({ id, startedAt, turns, endedAt }) =>
            html`<li>
              <a href=${hashOf({ page: 'sessions', tenant, id })}>${agoText(startedAt)}</a>
              <span class="quiet small">
                ${turns === 1 ? '1 turn' : `${countText(turns)} turns`}${endedAt === null ? ', still talking' : ''}
              </span>
            </li>`,
        )}
      </ul>
    </section>`;
  }
}
