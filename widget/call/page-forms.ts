/**
 * Forms of the page as functions for the model: `<form data-vjj-tool="book">`. The model's arguments
 * are filled in where the person can see them, and nothing is sent before the person presses the
 * form's own button, unless the form says `data-vjj-auto`. Passwords, files and hidden fields are
 * neither shown to the model nor filled in.
 */
import type { ToolArguments, ToolHandler, ToolOffer } from './tools.ts';

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

const PRIVATE = new Set(['password', 'file', 'hidden', 'submit', 'reset', 'button', 'image']);
const FORMATS: Readonly<Record<string, string>> = { date: 'date', time: 'time', email: 'email', url: 'uri' };

/** The functions of all such forms on the page as it is now. */
export function toolForms(page: ParentNode): ToolOffer[] {
  return [...page.querySelectorAll<HTMLFormElement>('form[data-vjj-tool]')].map((form) => ({
    name: form.dataset['vjjTool'] ?? '',
    description: form.dataset['vjjDescription'] ?? form.getAttribute('aria-label') ?? form.title,
    parameters: schemaOf(form),
    handler: fill(form),
  }));
}

function fieldsOf(form: HTMLFormElement): Field[] {
  return [...form.elements].filter((element): element is Field => {
    if (!(element instanceof HTMLInputElement || element instanceof HTMLSelectElement)) {
      return element instanceof HTMLTextAreaElement && element.name !== '';
    }
    return element.name !== '' && !PRIVATE.has(element.type);
  });
}

function schemaOf(form: HTMLFormElement): Record<string, unknown> {
  const properties: Record<string, Record<string, unknown>> = {};
  const required = new Set<string>();
  for (const field of fieldsOf(form)) {
    const known = properties[field.name];
    if (field.type === 'radio' && known) (known['enum'] as string[]).push(field.value);
    else properties[field.name] = propertyOf(field);
    if (field.required) required.add(field.name);
  }
  return { type: 'object', properties, required: [...required], additionalProperties: false };
}

function propertyOf(field: Field): Record<string, unknown> {
  const label = field.type === 'radio' ? field.closest('fieldset')?.querySelector('legend') : field.labels?.[0];
  const words = label?.textContent.replace(/\s+/g, ' ').trim();
  const description = words ? { description: words } : {};
  if (field instanceof HTMLSelectElement) {
    return { type: 'string', enum: [...field.options].map(({ value }) => value), ...description };
  }
  const format = FORMATS[field.type];
  switch (field.type) {
    case 'number':
    case 'range':
      return { type: 'number', ...description };
    case 'checkbox':
      return { type: 'boolean', ...description };
    case 'radio':
      return { type: 'string', enum: [field.value], ...description };
    default:
      return { type: 'string', ...(format ? { format } : {}), ...description };
  }
}

function fill(form: HTMLFormElement): ToolHandler {
  return (args, { signal }) => {
    for (const field of fieldsOf(form)) put(field, args);
    if ('vjjAuto' in form.dataset) {
      const answer = answerOf(form);
      form.requestSubmit();
      return answer;
    }
    form.scrollIntoView({ block: 'nearest' });
    form.querySelector<HTMLElement>('[type=submit], button:not([type])')?.focus();
    return new Promise((resolve, reject) => {
      const settled = new AbortController();
      const once = { signal: settled.signal };
      const submitted = () => {
        settled.abort();
        resolve(answerOf(form));
      };
      const declined = () => {
        settled.abort();
        reject(new Error('the person declined'));
      };
      form.addEventListener('submit', submitted, once);
      form.addEventListener('reset', declined, once);
      signal.addEventListener('abort', () => settled.abort(), once);
    });
  };
}

function put(field: Field, args: ToolArguments): void {
  const value = args[field.name];
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return;
  if (field instanceof HTMLInputElement && field.type === 'checkbox') field.checked = value === true;
  else if (field instanceof HTMLInputElement && field.type === 'radio') field.checked = field.value === String(value);
  else field.value = String(value);
  for (const type of ['input', 'change']) field.dispatchEvent(new Event(type, { bubbles: true }));
}

function answerOf(form: HTMLFormElement): Record<string, string> {
  const said: Record<string, string> = {};
  const shown = new Set(fieldsOf(form).map(({ name }) => name));
  for (const [name, value] of new FormData(form)) {
    if (shown.has(name) && typeof value === 'string') said[name] = value;
  }
  return said;
}
