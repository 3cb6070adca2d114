/** What the assistant was before: every version, and the way back to one. */
import { html, nothing, type TemplateResult } from 'lit';
import type { AnswerOf } from '../../../http/api/routes.ts';
import { agoText, timeText } from '../../parts/format.ts';

export type Version = AnswerOf<'assistantVersions'>['rows'][number];

/**
 * @param rows - Newest first.
 * @param restore - Absent for who may not.
 */
export function versions(rows: readonly Version[], restore?: (version: number) => void): TemplateResult {
  return html`<ol class="versions">
    ${rows.map(
      ({ version, createdAt }, index) =>
        html`<li>
          <span>
            <b>Version ${version}</b>
            <time class="quiet small" title=${timeText(createdAt)}>${agoText(createdAt)}</time>
          </span>
          ${
            index === 0
              ? html`<span class="quiet small">the present one</span>`
              : restore === undefined
                ? nothing
                : html`<button type="button" class="plain" @click=${() => restore(version)}>
                    Restore<span class="visually-hidden"> version ${version}</span>
                  </button>`
          }
        </li>`,
    )}
  </ol>`;
}
