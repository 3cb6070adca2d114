/** What differs from one deployment to another, checked before anything is synthesised. */

const SETTINGS = {
  region: { means: 'AWS region', pattern: /^[a-z]{2}(-[a-z]+)+-\d$/, absent: 'eu-central-1' },
  domain: { means: 'host name that pages and people use', pattern: /^[a-z0-9-]+(\.[a-z0-9-]+)+$/ },
  certificate: {
    means: "ARN of the load balancer's certificate, in the stack's region",
    pattern: /^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/[a-f0-9-]+$/,
  },
  edgeCertificate: {
    means: "ARN of CloudFront's certificate, in us-east-1",
    pattern: /^arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate\/[a-f0-9-]+$/,
  },
  image: { means: "the relay's image, with its tag", pattern: /^[\w.-]+(:\d+)?\/[\w./-]+:[\w.-]+$/ },
  alarmEmail: { means: 'address that alarms are sent to', pattern: /^[^@\s]+@[^@\s]+$/, absent: '' },
  sessionsPerTask: {
    means: 'conversations that one task carries before another is added',
    pattern: /^\d{1,4}$/,
    absent: '100',
  },
  logArchiveDays: {
    means: 'days that logs are kept in the archive, more than 30',
    pattern: /^(3[1-9]|[4-9]\d|\d{3,4})$/,
    absent: '365',
  },
};

/**
 * @param {Record<string, string | undefined>} given - By name; everything else in it is ignored.
 * @throws {Error} that names every setting that is missing or wrong.
 */
export function readSettings(given) {
  const wrong = [];
  const read = {};
  for (const [name, { means, pattern, absent }] of Object.entries(SETTINGS)) {
    const value = given[name] ?? absent;
    if (value === undefined) wrong.push(`${name} is missing: ${means}`);
    else if (value !== absent && !pattern.test(value)) wrong.push(`${name} is not ${means}`);
    read[name] = value;
  }
  if (wrong.length > 0) throw new Error(`the settings are not complete:\n  ${wrong.join('\n  ')}`);
  return { ...read, sessionsPerTask: Number(read.sessionsPerTask), logArchiveDays: Number(read.logArchiveDays) };
}
