/**
 * The operator's view of what runs: conversations under way, how quick and how sound they are, providers,
 * stores and instances, one of which can be told to stop. Loads itself again every few seconds.
 */
import { css, html, nothing } from 'lit';
import type { AnswerOf } from '../../http/api/routes.ts';
import { hashOf } from '../location.ts';
import { Page } from '../page.ts';
import { confirmed } from '../parts/dialog.ts';
import { FormController } from '../parts/form.ts';
import { agoText, clockText, countText, decimalText, shareText, timeText } from '../parts/format.ts';
import { figureStyles } from '../parts/figures.ts';
import { tableStyles } from '../parts/table.ts';
import { theme } from '../theme.ts';

type Operations = AnswerOf<'operations'>;
type Instance = Operations['instances'][number];
type Live = Operations['rows'][number];
type Latencies = AnswerOf<'latencies'>;

const REFRESH_MS = 5_000;
const LANES = [
  ['A', 'Reflex'],
  ['B', 'Answer'],
  ['C', 'Policy'],
] as const;
/** The arbiter's states in words. */
const STATES: Record<string, string> = {
  ...{ IDLE: 'Starting', LISTENING: 'Listening', A_PLAYING: 'Reflex', B_RESPONDING: 'Thinking' },
  ...{ B_PLAYING: 'Speaking', FALLBACK_PLAYING: 'Policy speaks', ENDED: 'Ending' },
};
const CIRCUITS = { closed: 'works', open: 'left alone', 'half-open': 'on trial' } as const;
const INSTANCES = { active: 'Active', draining: 'Draining', silent: 'Silent' } as const;
const hostOf = (url: string) => (URL.canParse(url) ? new URL(url).host : url);

export class OperationsPage extends Page {
  static override readonly properties = {
    ...Page.properties,
    now: { state: true },
    latencies: { state: true },
    isLive: { state: true },
  };
  static override readonly styles = [
    theme,
    tableStyles,
    figureStyles,
    css`
      .bad {
        color: var(--bad);
      }
      .warn {
        color: var(--warn);
      }
      td code,
      th code {
        overflow-wrap: anywhere;
      }
      .live {
        white-space: nowrap;
      }
      td.figure + td,
      th.figure + th:not(.figure, [colspan]) {
        padding-inline-start: 12px;
      }
      .group > * {
        border-block-end: 0;
        padding-block-end: 0;
      }
      th[scope='colgroup'] {
        text-align: end;
      }
    `,
  ];
  declare private now: Operations;
  declare private latencies: Latencies;
  declare private isLive: boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #acting = new FormController(this);

  constructor() {
    super();
    this.isLive = true;
  }
  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('visibilitychange', this.#later);
    this.#later();
  }
  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('visibilitychange', this.#later);
    clearTimeout(this.#timer);
  }

  /** The next look; none while nobody looks. */
  readonly #later = () => {
    clearTimeout(this.#timer);
    if (!this.isLive || document.hidden || this.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#look().finally(this.#later), REFRESH_MS);
  };
  /** What is shown stays while the relay does not answer. */
  async #look(): Promise<void> {
    if (this.isLoading || this.failure !== undefined) return;
    await this.attempt(() => this.load(this.signal));
  }

  protected override async load(signal: AbortSignal): Promise<void> {
    const [now, latencies] = await Promise.all([
      this.api.call('operations', { signal }),
      this.api.call('latencies', { signal }),
    ]);
    this.now = now;
    this.latencies = latencies;
  }

  async #drain(instance: Instance): Promise<void> {
    const host = hostOf(instance.url);
    const others = this.now.instances.filter(({ id, state }) => id !== instance.id && state === 'active').length;
    const then =
      others === 0
        ? 'No other instance is active: nobody can talk until one is started.'
        : 'Its conversations go on at another instance, those in a turn at its end.';
    const isMeant = await confirmed({
      title: `Drain ${host}?`,
      consequence: `It lets nobody new in, and ends as it does at SIGTERM. ${then} What starts it again is yours: a container's restart policy, for one.`,
      action: 'Drain it',
      typed: host,
      isDangerous: true,
    });
    if (!isMeant) return;
    await this.#acting.send(async () => {
      const { isDraining } = await this.api.call('drainInstance', { params: { instance: instance.id } });
      await this.#look();
      return isDraining ? `${host} is draining.` : `${host} does not answer: it was not told.`;
    });
  }
  async #end({ id, tenant, tenantName }: Live): Promise<void> {
    const isMeant = await confirmed({
      title: 'End this conversation?',
      consequence: `A user of ${tenantName ?? tenant} hears nothing more, and the page says that the conversation has ended.`,
      action: 'End it',
      isDangerous: true,
    });
    if (!isMeant) return;
    await this.#acting.send(async () => {
      const { isEnded } = await this.api.call('endSession', { params: { tenant, session: id } });
      await this.#look();
      return isEnded ? 'It has been ended.' : 'It had ended already, or its instance does not answer.';
    });
  }

  protected override body() {
    return html`<div class="stack">
      <h1>Operations</h1>
      <div class="row spread">
        <p class="quiet small figure">As of ${clockText(this.now.at)}</p>
        <label class="check"
          ><input
            type="checkbox"
            .checked=${this.isLive}
            @change=${(event: Event) => {
              this.isLive = (event.target as HTMLInputElement).checked;
              this.#later();
            }}
          />
          Refresh every 5 seconds</label
        >
      </div>
      ${this.#acting.verdict()} ${this.#figures()} ${this.#latencies()} ${this.#instances()} ${this.#providers()}
      ${this.#conversations()}
    </div>`;
  }

  #figures() {
    const { recent } = this.latencies;
    const silent = this.now.instances.filter(({ state }) => state === 'silent').length;
    const shown: [string, string][] = [
      ['Live conversations', countText(this.now.sessions)],
      ['Turns a minute', decimalText(recent.perMinute)],
      ['Failed turns', recent.errorRate === null ? '–' : shareText(recent.errorRate)],
      ['First sound of the answer, p95', msText(recent.lanes.B.p95)],
    ];
    return html`<dl class="figures" aria-label="The last five minutes">
        ${shown.map(
          ([name, value]) =>
            html`<div class="card">
              <dt>${name}</dt>
              <dd>${value}</dd>
            </div>`,
        )}
      </dl>
      <p class="quiet small">
        Conversations as their instances say just
        now${silent === 0 ? '' : `, those of ${silent} silent ${silent === 1 ? 'one' : 'ones'} as it last did`}; the
        rest over the last five minutes.
      </p>`;
  }

  #latencies() {
    const { recent, day } = this.latencies;
    const cells = (window: Latencies['day'], lane: 'A' | 'B' | 'C', span: string) => {
      const { turns, p50, p95 } = window.lanes[lane];
      return html`<td class="figure" data-name="${span}, p50">${msText(p50)}</td>
        <td class="figure" data-name="${span}, p95">${msText(p95)}</td>
        <td class="figure" data-name="${span}, turns">${countText(turns)}</td>`;
    };
    const head = html`<th class="figure" scope="col">Half (p50)</th>
      <th class="figure" scope="col">95 % (p95)</th>
      <th class="figure" scope="col">Turns</th>`;
    return html`<section class="stack" aria-labelledby="latency">
      <h2 id="latency">How soon somebody is heard</h2>
      <table>
        <thead>
          <tr class="group">
            <td></td>
            <th colspan="3" scope="colgroup">Five minutes</th>
            <th colspan="3" scope="colgroup">A day</th>
          </tr>
          <tr>
            <th scope="col">Lane</th>
            ${head} ${head}
          </tr>
        </thead>
        <tbody>
          ${LANES.map(
            ([lane, name]) =>
              html`<tr>
                <th scope="row" data-name="Lane">${name}</th>
                ${cells(recent, lane, '5 min')} ${cells(day, lane, 'Day')}
              </tr>`,
          )}
        </tbody>
      </table>
      <p class="quiet small">
        From the end of the user's turn to the first sound that the relay sent, as the store keeps it of every turn that
        ended; all tenants and instances, also those that are gone. “A day” begins ${timeText(day.from)}:
        ${countText(day.turns)} turns, ${day.errorRate === null ? 'none' : shareText(day.errorRate)} failed.
      </p>
    </section>`;
  }

  #instances() {
    const { instances, store, sharedState } = this.now;
    return html`<section class="stack" aria-labelledby="instances">
      <h2 id="instances">Instances</h2>
      <table>
        <thead>
          <tr>
            <th>Address</th>
            <th>State</th>
            <th>Version</th>
            <th class="figure">Live</th>
            <th>Since</th>
            <th>${store === 'sqlite' ? 'SQLite' : 'Postgres'}</th>
            <th>${sharedState === 'redis' ? 'Redis' : 'Shared state'}</th>
            <th><span class="visually-hidden">Do</span></th>
          </tr>
        </thead>
        <tbody>
          ${instances.map((instance) => this.#instance(instance))}
        </tbody>
      </table>
    </section>`;
  }
  #instance(instance: Instance) {
    const { id, url, state, version, sessions, startedAt, seenAt, isThis, isStoreUp, isSharedStateUp } = instance;
    const health = (isUp: boolean | null) =>
      isUp === null ? '–' : isUp ? 'answers' : html`<span class="bad">away</span>`;
    const { sharedState } = this.now;
    return html`<tr>
      <th scope="row" data-name="Address" title=${id}>
        ${hostOf(url)} ${isThis ? html`<span class="quiet small">this one</span>` : nothing}
      </th>
      <td data-name="State" class=${state === 'silent' ? 'bad' : state === 'draining' ? 'warn' : ''}>
        ${INSTANCES[state]}${state === 'silent' ? html` <span class="small">since ${agoText(seenAt)}</span>` : nothing}
      </td>
      <td data-name="Version">${version}</td>
      <td data-name="Live" class="figure">${countText(sessions)}</td>
      <td data-name="Since" title=${timeText(startedAt)}>${agoText(startedAt)}</td>
      <td data-name="Store">${health(isStoreUp)}</td>
      <td data-name="Shared state">${sharedState === 'memory' ? 'in memory' : health(isSharedStateUp)}</td>
      <td class="do">
        ${
          state === 'active'
            ? html`<button class="plain bad" @click=${() => void this.#drain(instance)}>
                Drain<span class="visually-hidden"> ${hostOf(url)}</span>
              </button>`
            : nothing
        }
      </td>
    </tr>`;
  }

  #providers() {
    const rows = this.now.instances.flatMap(({ circuits, url }) => circuits.map((circuit) => ({ ...circuit, url })));
    const kinds = [
      ...new Set(
        this.now.instances.flatMap(({ provider, model }) => (provider === null ? [] : [`${provider}, ${model ?? ''}`])),
      ),
    ];
    return html`<section class="stack" aria-labelledby="providers">
      <h2 id="providers">Provider</h2>
      <p class="quiet">${kinds.join('; ')}</p>
      ${
        rows.length === 0
          ? html`<p class="card">Nobody has dialled the provider yet.</p>`
          : html`<table>
              <thead>
                <tr>
                  <th>Address</th>
                  <th>Credential</th>
                  <th>From</th>
                  <th>State</th>
                  <th>Since</th>
                </tr>
              </thead>
              <tbody>
                ${rows.map(
                  ({ provider, credential, url, is, why, reason, since }) =>
                    html`<tr>
                      <th scope="row" data-name="Address">${hostOf(provider)}</th>
                      <td data-name="Credential"><code>${credential}</code></td>
                      <td data-name="From">${hostOf(url)}</td>
                      <td data-name="State" class=${is === 'closed' ? '' : 'bad'}>
                        ${CIRCUITS[is]}${why === undefined ? nothing : `: ${why}${reason === undefined ? '' : ` (${reason})`}`}
                      </td>
                      <td data-name="Since" title=${timeText(since)}>${agoText(since)}</td>
                    </tr>`,
                )}
              </tbody>
            </table>`
      }
    </section>`;
  }

  #conversations() {
    const { rows, sessions, instances } = this.now;
    const hosts = new Map(instances.map(({ id, url }) => [id, hostOf(url)]));
    return html`<section class="stack" aria-labelledby="live">
      <h2 id="live">Live conversations</h2>
      ${
        rows.length === 0
          ? html`<p class="card">Nobody talks at this moment.</p>`
          : html`<table>
              <thead>
                <tr>
                  <th>Began</th>
                  <th>Tenant</th>
                  <th>State</th>
                  <th>Provider</th>
                  <th>Instance</th>
                  <th><span class="visually-hidden">Do</span></th>
                </tr>
              </thead>
              <tbody>
                ${rows.map((row) => this.#conversation(row, hosts.get(row.instance) ?? row.instance))}
              </tbody>
            </table>`
      }
      ${rows.length < sessions && rows.length > 0 ? html`<p class="quiet small">The newest ${countText(rows.length)} are listed.</p>` : nothing}
    </section>`;
  }
  #conversation(row: Live, host: string) {
    const { id, tenant, tenantName = tenant, state, since, isProviderUp, provider } = row;
    return html`<tr>
      <th scope="row" data-name="Began">
        <a href=${hashOf({ page: 'sessions', tenant, id })} title=${timeText(since)}
          >${agoText(since)}<span class="visually-hidden">, ${tenantName}</span></a
        >
      </th>
      <td data-name="Tenant">${tenantName}</td>
      <td data-name="State" class="live">${STATES[state] ?? state}</td>
      <td data-name="Provider" class=${isProviderUp ? '' : 'bad'}>${provider}${isProviderUp ? '' : ', away'}</td>
      <td data-name="Instance">${host}</td>
      <td class="do">
        <button class="plain" @click=${() => void this.#end(row)}>
          End<span class="visually-hidden"> the conversation of ${tenantName}, ${agoText(since)}</span>
        </button>
      </td>
    </tr>`;
  }
}

const msText = (ms: number | null) => (ms === null ? '–' : `${countText(Math.round(ms))} ms`);
