/** What a person sets for the ear: which microphone, which speaker, how loud. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Face } from './face.ts';
import { meter } from './meter.ts';

export function settings(face: Face): TemplateResult | typeof nothing {
  const { labels, showsSettings, without, inputs, outputs, inputId, sinkId, volume, on } = face;
  if (!showsSettings) return nothing;
  const hasDevices = !without.has('devices');
  return html`
    <div
      class="drawer settings"
      part="settings"
      role="group"
      aria-label=${labels.settings}
      @keydown=${(event: KeyboardEvent) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        on.settings();
      }}
    >
      ${hasDevices ? choice(labels.microphone, inputs, inputId, on.input, face) : nothing}
      ${hasDevices && face.levels ? html`<p class="meter" part="meter" aria-hidden="true" ${meter(face.levels)}></p>` : nothing}
      ${hasDevices ? choice(labels.speaker, outputs, sinkId, on.output, face) : nothing}
      ${
        without.has('volume')
          ? nothing
          : html`<label>
              <span>${labels.volume}</span>
              <input
                type="range"
                data-id="volume"
                max="100"
                step="5"
                .value=${String(Math.round(volume * 100))}
                @input=${(event: Event) => on.volume(Number((event.target as HTMLInputElement).value) / 100)}
              />
            </label>`
      }
    </div>
  `;
}

/** Devices by name. A browser that may not tell the names yet tells how many there are. */
function choice(
  label: string,
  devices: readonly MediaDeviceInfo[],
  chosen: string,
  choose: (deviceId: string) => void,
  { labels, isDisabled }: Face,
): TemplateResult | typeof nothing {
  // Some browsers list the default once more, under a name of its own.
  const own = devices.filter(({ deviceId }) => !['', 'default', 'communications'].includes(deviceId));
  if (own.length === 0) return nothing;
  return html`
    <label>
      <span>${label}</span>
      <select
        part="select"
        ?disabled=${isDisabled}
        @change=${(event: Event) => choose((event.target as HTMLSelectElement).value)}
      >
        <option value="" ?selected=${chosen === ''}>${labels.systemDefault}</option>
        ${own.map(
          ({ deviceId, label: name }, index) =>
            html`<option value=${deviceId} ?selected=${deviceId === chosen}>
              ${name || `${label} ${index + 1}`}
            </option>`,
        )}
      </select>
    </label>
  `;
}
