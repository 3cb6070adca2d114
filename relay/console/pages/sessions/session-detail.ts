/** One conversation: its timeline, its words, what it cost, and the arbiter's record step by step. */
import { css, html, nothing } from 'lit';
import type { ArbiterConfig } from '#arbiter';
import type { AnswerOf } from '../../../http/api/routes.ts';
import { ApiProblem } from '../../api.ts';
import { hashOf } from '../../location.ts';
import { Page } from '../../page.ts';
import { confirmed } from '../../parts/dialog.ts';
import { FormController } from '../../parts/form.ts';
import { countText, lengthText, moneyText, timeText } from '../../parts/format.ts';
import { tableStyles } from '../../parts/table.ts';
import { theme } from '../../theme.ts';
import { replay, type Replayed } from './replay.ts';
import { timelineOf, type RecordRow, type Timeline } from './timeline.ts';

type Session = AnswerOf<'session'>;
type Turn = Session['turnRows'][number];
/** What one relay has recorded of it. */
interface Part {
  rows: RecordRow[];
  config: ArbiterConfig;
}

/** Records that one page shows; longer conversations are cut there, and say so. */
const MOST_RECORDS = 20_000;
const PAGE = 5_000;

export class SessionDetail extends Page {
  static override readonly properties = {
    ...Page.properties,
    session: { state: true },
    timeline: { state: true },
    at: { state: true },
  };
  static override readonly styles = [
    theme,
    tableStyles,
    css`
      .facts {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(min(170px, 45%), 1fr));
        gap: 12px 20px;
      }
      dt {
        font-size: 13px;
        color: var(--quiet);
      }
      dd {
        overflow-wrap: anywhere;
      }
      input[type='range'] {
        min-block-size: 44px;
        padding: 0;
        border: 0;
        accent-color: var(--accent);
      }
      .step {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(260px, 1fr));
        gap: 16px;
      }
      dd,
      p > code {
        overflow-wrap: anywhere;
      }
      pre {
        padding: 12px;
        overflow-x: auto;
        border-radius: 10px;
        background: var(--raised);
      }
      .words {
        max-inline-size: 70ch;
      }
      .words p + p {
        margin-block-start: 4px;
      }
      .who {
        font-size: 13px;
        color: var(--quiet);
      }
      .heard {
        font-size: 18px;
      }
      s {
        color: var(--quiet);
      }
      article {
        padding-block: 16px;
        border-block-end: 1px solid var(--line);
      }
    `,
  ];
  declare private session: Session;
  /** Undefined where there is no record. */
  declare private timeline: Timeline | undefined;
  /** Number of the record that is shown. */
  declare private at: number;
  #rows: RecordRow[] = [];
  #steps: Replayed[] = [];
  /** Numbers of the records with which another relay went on. */
  #breaks: number[] = [];
  #isCut = false;
  readonly #ending = new FormController(this);

  constructor() {
    super();
    this.at = 0;
  }

  get #id(): string {
    return 'id' in this.place ? this.place.id : '';
  }

  protected override async load(signal: AbortSignal): Promise<void> {
    const params = { tenant: this.tenant, session: this.#id };
    const [session, record] = await Promise.all([
      this.api.call('session', { params, signal }),
      this.#record(params, signal),
    ]);
    this.session = session;
    if (record === undefined) return;
    this.#rows = record.flatMap(({ rows }) => rows);
    // Each part replays from its own beginning.
    this.#steps = record.flatMap(({ rows, config }) => replay(rows, config));
    this.#breaks = record.slice(1).map((_, at) => record.slice(0, at + 1).flatMap(({ rows }) => rows).length);
    this.timeline = timelineOf(this.#rows, this.#breaks);
  }

  /** All parts of the arbiter's record. @returns undefined where none is kept any more. */
  async #record(params: { tenant: string; session: string }, signal: AbortSignal): Promise<Part[] | undefined> {
    const parts = new Map<number, Part>();
    let count = 0;
    let after: string | undefined;
    try {
      do {
        const query = { limit: String(PAGE), ...(after !== undefined && { after }) };
        const page = await this.api.call('sessionRecord', { params, query, signal });
        // The record is the arbiter's own; the route types it loosely so that old ones can be read too.
        const rows = page.rows as unknown as RecordRow[];
        const part = parts.get(page.part) ?? { rows: [], config: page.config as unknown as ArbiterConfig };
        part.rows.push(...rows);
        parts.set(page.part, part);
        count += rows.length;
        after = page.next;
      } while (after !== undefined && count < MOST_RECORDS);
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 404) return undefined;
      throw error;
    }
    this.#isCut = after !== undefined;
    return count === 0 ? undefined : [...parts.values()];
  }

  async #end(): Promise<void> {
    const isMeant = await confirmed({
      title: 'End this conversation?',
      consequence: 'The user hears nothing more, and the page says that the conversation has ended.',
      action: 'End it',
      isDangerous: true,
    });
    if (!isMeant) return;
    await this.#ending.send(async () => {
      const params = { tenant: this.tenant, session: this.#id };
      const { isEnded } = await this.api.call('endSession', { params });
      await this.reload();
      return isEnded ? 'It has been ended.' : 'It had ended already, or its instance does not answer.';
    });
  }

  protected override body() {
    const { session, timeline } = this;
    const { tenant } = this;
    return html`<div class="stack">
      <p><a href=${hashOf({ page: 'sessions', tenant })}>All conversations</a></p>
      <div class="row spread">
        <h1>${timeText(session.startedAt)}</h1>
        ${
          session.endedAt === null && this.mayChange
            ? html`<button class="danger" @click=${() => void this.#end()}>End conversation</button>`
            : nothing
        }
      </div>
      ${this.#ending.verdict()} ${this.#facts()}
      ${
        timeline === undefined
          ? html`<p class="card">The arbiter's record of this conversation is not kept any more.</p>`
          : this.#replay(timeline)
      }
      ${this.#words()} ${this.#costs()} ${this.mayChange ? this.#user() : nothing}
    </div>`;
  }

  #facts() {
    const { session } = this;
    const facts: [string, string][] = [
      ['User', session.subject === '' ? 'not kept' : session.subject],
      ['Page', session.origin?.replace(/^https?:\/\//, '') ?? 'a backend'],
      ['Assistant', `${session.assistantId}, version ${session.assistantVersion}`],
      ['Language', session.locale ?? 'not said'],
      ['Length', session.endedAt === null ? 'still talking' : lengthText(session.endedAt - session.startedAt)],
      ['Turns', countText(session.turns)],
      ['Interruptions', countText(session.interruptions)],
      ['Cost', moneyText(session.cost)],
      ['Rated', session.rating === null ? '' : `${session.rating} of 5`],
      ['In their words', session.comment ?? ''],
      ['Ended with', session.closeCode === null ? '' : String(session.closeCode)],
      ['Session', session.id],
    ];
    return html`<dl class="facts">
      ${facts.map(([name, value]) =>
        value === ''
          ? nothing
          : html`<div>
              <dt>${name}</dt>
              <dd class="figure">${value}</dd>
            </div>`,
      )}
    </dl>`;
  }

  #replay(timeline: Timeline) {
    const row = this.#rows[this.at];
    const step = this.#steps[this.at];
    const startMs = this.#rows[0]?.event.t ?? 0;
    const differing = this.#steps.filter(({ isSame }) => !isSame).length;
    return html`<section class="stack" aria-labelledby="replay">
      <h2 id="replay">Timeline</h2>
      <vjj-timeline
        .timeline=${timeline}
        .now=${(row?.event.t ?? 0) - startMs}
        @pick=${(event: CustomEvent<number>) => {
          this.at = event.detail;
        }}
      ></vjj-timeline>
      <label
        >Step ${this.at + 1} of ${this.#rows.length}
        <input
          type="range"
          min="0"
          max=${this.#rows.length - 1}
          .value=${String(this.at)}
          aria-valuetext=${row === undefined ? '' : `${row.event.type} at ${((row.event.t - startMs) / 1000).toFixed(2)} seconds`}
          @input=${(event: Event) => {
            this.at = Number((event.target as HTMLInputElement).value);
          }}
        />
      </label>
      ${
        row === undefined || step === undefined
          ? nothing
          : html`<div class="step">
              <div>
                <h3>Event, at ${((row.event.t - startMs) / 1000).toFixed(3)} s</h3>
                <pre>${JSON.stringify(row.event, null, 1)}</pre>
              </div>
              <div>
                <h3>Effects</h3>
                <pre>
${row.effects.length === 0 ? 'none' : row.effects.map((effect) => JSON.stringify(effect)).join('\n')}</pre>
              </div>
              <div>
                <h3>State: ${step.name}</h3>
                <pre>${step.changed.length === 0 ? 'nothing changed' : `changed: ${step.changed.join(', ')}`}</pre>
              </div>
            </div>`
      }
      <p class="quiet small">
        ${
          differing === 0
            ? 'Played again through the arbiter, every step gives the effects that were recorded.'
            : `Played again through this version of the arbiter, ${differing} steps give other effects than were recorded.`
        }
        ${this.#goneOn()} ${this.#isCut ? `Only the first ${countText(MOST_RECORDS)} steps are shown.` : ''}
      </p>
    </section>`;
  }

  #goneOn(): string {
    const times = this.#breaks.length;
    if (times === 0) return '';
    const steps = this.#breaks.map((at) => countText(at + 1)).join(', ');
    return times === 1
      ? `Its relay was lost once: it went on at another with step ${steps}.`
      : `Its relay was lost ${countText(times)} times: it went on at another with steps ${steps}.`;
  }

  #user() {
    if (this.session.subject === '') return nothing;
    return html`<section class="stack" aria-labelledby="user">
      <h2 id="user">The user</h2>
      <p><code>${this.session.subject}</code></p>
      <vjj-user-actions
        .api=${this.api}
        .tenant=${this.tenant}
        .subject=${this.session.subject}
        @user-changed=${() => void this.reload()}
      ></vjj-user-actions>
    </section>`;
  }

  #words() {
    const { turnRows } = this.session;
    return html`<section class="stack" aria-labelledby="words">
      <h2 id="words">What was said</h2>
      ${
        turnRows.length === 0
          ? html`<p class="card">No turn has ended yet.</p>`
          : html`<div class="words">${turnRows.map((turn) => this.#turn(turn))}</div>`
      }
    </section>`;
  }
  #turn({ startedMs, userText, heardText, unheardText, outcome, figures, cost, rating, comment }: Turn) {
    const hasWords = userText !== null || heardText !== null || unheardText !== null;
    const told = figuresOf(figures);
    return html`<article>
      <p class="who figure">
        ${lengthText(startedMs)}, ${outcome}, ${moneyText(cost)}${told.length > 0 ? `, ${told.join(', ')}` : ''}
      </p>
      ${
        hasWords
          ? html`<p>${userText ?? ''}</p>
              <p class="heard">
                ${heardText ?? ''}
                ${
                  unheardText === null || unheardText === ''
                    ? nothing
                    : html`<s><span class="visually-hidden">Not heard: </span>${unheardText}</s>`
                }
              </p>`
          : html`<p class="quiet">The words are not kept.</p>`
      }
      ${
        rating === null
          ? nothing
          : html`<p class="who">Rated ${rating} of 5${comment === null ? '' : `: “${comment}”`}</p>`
      }
    </article>`;
  }

  #costs() {
    const { usage } = this.session;
    if (usage.length === 0) return nothing;
    return html`<section class="stack" aria-labelledby="costs">
      <h2 id="costs">What it used</h2>
      <table>
        <thead>
          <tr>
            <th>Lane</th>
            <th>What</th>
            <th class="figure">How much</th>
            <th class="figure">Cost</th>
          </tr>
        </thead>
        <tbody>
          ${summed(usage).map(
            ({ lane, kind, quantity, unit, cost }) =>
              html`<tr>
                <td data-name="Lane">${{ A: 'Reflex', B: 'Answer', C: 'Policy' }[lane]}</td>
                <td data-name="What">${kind.replaceAll(/[._]/g, ' ')}</td>
                <td data-name="How much" class="figure">${countText(quantity)} ${unit}</td>
                <td data-name="Cost" class="figure">${moneyText(cost)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </section>`;
  }
}

/** What a turn's figures are called; those that are not named here say nothing to people. */
const FIGURES: Record<string, string> = {
  first_audible_ms: 'first sound after',
  first_a_ms: 'reflex after',
  first_b_ms: 'answer after',
  first_c_ms: 'control clip after',
  onset_to_silence_ms: 'silent after',
};
const figuresOf = (figures: Turn['figures']): string[] =>
  Object.entries(FIGURES).flatMap(([name, words]) => {
    const value = figures[name];
    return typeof value === 'number' ? [`${words} ${Math.round(value)} ms`] : [];
  });

/** One row for each lane and kind. */
export function summed(usage: Session['usage']): Session['usage'] {
  const rows = new Map<string, Session['usage'][number]>();
  for (const one of usage) {
    const name = `${one.lane} ${one.kind} ${one.unit}`;
    const row = rows.get(name);
    if (row === undefined) rows.set(name, { ...one });
    else {
      row.quantity += one.quantity;
      row.cost += one.cost;
    }
  }
  return [...rows.values()];
}
