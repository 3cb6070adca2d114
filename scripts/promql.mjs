/**
 * What an expression of Prometheus names: metrics, labels and their values, held to a table of what
 * there is. Whether it is an expression at all, Prometheus' own tool says.
 */
const WORDS = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right', 'or', 'and', 'unless', 'bool']);
/** What a scrape adds to everything. */
const ADDED = ['job', 'instance'];

/** The metric that a name belongs to: a histogram has three names. */
function rowOf(name, metrics) {
  if (metrics[name] !== undefined) return metrics[name].kind === 'histogram' ? undefined : metrics[name];
  const base = name.replace(/_(bucket|sum|count)$/, '');
  return base !== name && metrics[base]?.kind === 'histogram' ? metrics[base] : undefined;
}

function labelProblems(name, row, matchers) {
  const problems = [];
  for (const [, label, how, value] of matchers.matchAll(/([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)) {
    if (ADDED.includes(label) || (label === 'le' && name.endsWith('_bucket'))) continue;
    const values = row.labels?.[label];
    if (values === undefined) problems.push(`${name} has no label ${label}`);
    // What Grafana puts in is anything.
    else if (Array.isArray(values) && !value.startsWith('$')) {
      const wanted = how.endsWith('~') ? value.split('|') : [value];
      const isKnown = (one) =>
        values.some((known) => (how.endsWith('~') ? new RegExp(`^(?:${one})$`).test(known) : known === one));
      for (const one of wanted) if (!isKnown(one)) problems.push(`${label} of ${name} is never ${one}`);
    }
  }
  return problems;
}

/**
 * @param metrics - Name → { kind, labels } of all there are.
 * @returns what it names that is not there, in sentences.
 */
export function unknownIn(expr, metrics) {
  const problems = [];
  const labels = new Set(ADDED);
  const grouped = [];
  const bare = expr
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g, (_all, list) => {
      grouped.push(...list.split(',').map((label) => label.trim()));
      return ' ';
    })
    .replace(/\[[^\]]*\]/g, ' ');
  for (const [, name, , matchers = ''] of bare.matchAll(/([a-zA-Z_:][\w:]*)(\s*\{([^}]*)\}|(?![\w:]*\s*\())/g)) {
    if (WORDS.has(name) || /^e\d*$/.test(name)) continue;
    const row = rowOf(name, metrics);
    if (row === undefined) {
      problems.push(`there is no ${name}`);
      continue;
    }
    for (const label of Object.keys(row.labels ?? {})) labels.add(label);
    if (name.endsWith('_bucket')) labels.add('le');
    problems.push(...labelProblems(name, row, matchers));
  }
  for (const label of grouped)
    if (label !== '' && !labels.has(label)) problems.push(`nothing here has a label ${label}`);
  return problems;
}
