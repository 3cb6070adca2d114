/**
 * What each framework's templates must know of `<voice-jib-jab>`, from its manifest: every property
 * and event with its type and its documentation, in the framework's own form.
 */

const HEAD = `// Generated from custom-elements.json.
import type { VoiceJibJab, VoiceJibJabEventMap } from './voice-jib-jab.js';
`;

/** Lines of one interface: `name` and type of each entry, documented. */
const lines = (entries) =>
  entries
    .map(({ name, type, description }) => `  /** ${description} */\n  '${name}'?: ${type} | undefined;`)
    .join('\n');

function partsOf(element) {
  const properties = element.members
    .filter(({ kind, static: isStatic, readonly }) => kind === 'field' && !isStatic && !readonly)
    .filter(({ description }) => description);
  const asProperties = properties.map(({ name, description }) => ({
    name,
    description,
    type: `VoiceJibJab['${name}']`,
  }));
  const asAttributes = element.attributes
    .filter(({ name }) => !properties.some((property) => property.name === name) && !['lang', 'dir'].includes(name))
    .map(({ name, fieldName, description, type }) => {
      const own = fieldName ? `VoiceJibJab['${fieldName}']` : type.text;
      return { name, description, type: type.text === 'boolean' ? `${own} | ''` : own };
    });
  const events = (prefix, rename = (name) => name) =>
    element.events.map(({ name, description }) => ({
      name: `${prefix}${rename(name)}`,
      description,
      type: `((event: VoiceJibJabEventMap['${name}'] & { readonly currentTarget: VoiceJibJab }) => void)`,
    }));
  return { asProperties, asAttributes, events };
}
const capital = (name) => name[0].toUpperCase() + name.slice(1);

/** @returns text by file name. */
export function frameworkTypes(manifest) {
  const element = manifest.modules[0].declarations.find(({ customElement }) => customElement);
  const { asProperties, asAttributes, events } = partsOf(element);
  const props = (...more) =>
    `export interface VoiceJibJabProps {\n${lines([...asProperties, ...asAttributes, ...more.flat()])}\n}\n`;
  return {
    'react.d.ts': `${HEAD}import type { DetailedHTMLProps, HTMLAttributes } from 'react';

${props(events('on'))}
type VoiceJibJabElement = DetailedHTMLProps<Omit<HTMLAttributes<VoiceJibJab>, keyof VoiceJibJabProps>, VoiceJibJab> & VoiceJibJabProps;

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'voice-jib-jab': VoiceJibJabElement;
    }
  }
}
`,
    'solid.d.ts': `${HEAD}import type { JSX as SolidJSX } from 'solid-js';

${props(events('on:'))}
type PropForm = { [K in keyof VoiceJibJabProps & keyof VoiceJibJab as \`prop:\${K}\`]?: VoiceJibJabProps[K] };
type VoiceJibJabElement = Omit<SolidJSX.HTMLAttributes<VoiceJibJab>, keyof VoiceJibJabProps> & VoiceJibJabProps & PropForm;

declare module 'solid-js' {
  namespace JSX {
    interface IntrinsicElements {
      'voice-jib-jab': VoiceJibJabElement;
    }
  }
}
`,
    'svelte.d.ts': `${HEAD}import type { HTMLAttributes } from 'svelte/elements';

${props(events('on'), events('on:'))}
type VoiceJibJabElement = Omit<HTMLAttributes<VoiceJibJab>, keyof VoiceJibJabProps> & VoiceJibJabProps;

declare module 'svelte/elements' {
  interface SvelteHTMLElements {
    'voice-jib-jab': VoiceJibJabElement;
  }
}
`,
    'vue.d.ts': `${HEAD}import type { DefineComponent, HTMLAttributes } from 'vue';

${props(events('on', capital))}
type VoiceJibJabElement = DefineComponent<Omit<HTMLAttributes, keyof VoiceJibJabProps> & VoiceJibJabProps>;

declare module 'vue' {
  interface GlobalComponents {
    'voice-jib-jab': VoiceJibJabElement;
  }
}
`,
  };
}
