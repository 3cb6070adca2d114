/**
 * The custom-elements manifest, read from the sources: what the element takes, does and tells, with
 * the words of its own documentation. Only what pages may use is in it.
 */
import { readFileSync } from 'node:fs';
import { create, ts } from '@custom-elements-manifest/analyzer';
import { litPlugin } from '@custom-elements-manifest/analyzer/src/features/framework-plugins/lit/lit.js';

const SOURCES = ['voice-jib-jab', 'presence', 'settings', 'events'];
/** What Lit calls itself. */
const HIDDEN = new Set(['styles', 'properties', 'addEventListener', 'attempt', 'openCall']);

const camel = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
const isOurs = ({ name, privacy }) =>
  !name.startsWith('#') && (privacy === undefined || privacy === 'public') && !HIDDEN.has(name);

/** @param path - of the script, as the package has it. */
export function elementManifest(path) {
  const modules = SOURCES.map((name) => {
    const file = `widget/${name}.ts`;
    return ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2015, true);
  });
  const { schemaVersion, modules: read } = create({ modules, plugins: litPlugin() });
  const declarations = read.flatMap((module) => module.declarations);
  const named = (name) => declarations.find((one) => one.name === name);
  const element = named('VoiceJibJab');
  const settings = named('Settings').members.filter((one) => one.kind === 'field' && isOurs(one) && !one.static);
  const members = element.members.filter(
    (one) => isOurs(one) && !(one.kind === 'field' && settings.some(({ name }) => name === one.name)),
  );
  const fields = new Map(settings.map((field) => [field.name.toLowerCase(), field.name]));
  const events = declarations.filter(({ kind, name }) => kind === 'class' && name.endsWith('Event'));
  const clean = ({ inheritedFrom: _, ...one }) => one;
  const attributes = element.attributes
    .filter(({ description }, at, all) => description && all.findIndex(({ name }) => name === all[at].name) === at)
    .map(({ name, type, description }) => {
      const fieldName = fields.get(camel(name).toLowerCase());
      return { name, type, description, ...(fieldName ? { fieldName } : {}) };
    });
  const attributeOf = (field) => attributes.find(({ fieldName }) => fieldName === field)?.name;
  const documented = settings.map((field) => {
    const attribute = attributeOf(field.name);
    const description = field.description ?? attributes.find(({ name }) => name === attribute)?.description;
    return {
      ...clean(field),
      ...(attribute ? { attribute, reflects: true } : {}),
      ...(description ? { description } : {}),
    };
  });
  return {
    schemaVersion,
    readme: 'README.md',
    modules: [
      {
        kind: 'javascript-module',
        path,
        declarations: [
          {
            ...element,
            attributes,
            members: [...members.map(clean), ...documented],
            events: element.events.filter(({ description, type }) => description && type?.text),
            superclass: { name: 'HTMLElement' },
          },
          ...events.map((event) => ({ ...event, members: event.members?.filter(isOurs) })),
        ],
        exports: [
          { kind: 'js', name: 'VoiceJibJab', declaration: { name: 'VoiceJibJab', module: path } },
          {
            kind: 'custom-element-definition',
            name: 'voice-jib-jab',
            declaration: { name: 'VoiceJibJab', module: path },
          },
        ],
      },
    ],
  };
}
