/** Alert rules in Prometheus' own form, made from the table. */
import { ALERTS, described } from './alerts.mjs';

const duration = (seconds) => (seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`);

export function prometheusRules() {
  const rules = ALERTS.filter(({ expr }) => expr !== undefined).map((alert) => ({
    alert: alert.name,
    expr: alert.expr,
    ...(alert.forS > 0 && { for: duration(alert.forS) }),
    labels: { severity: String(alert.severity) },
    annotations: { summary: alert.means, description: described(alert) },
  }));
  return { groups: [{ name: 'voice-jib-jab', rules }] };
}
