/** What wakes somebody, by the table that Prometheus' rules are made from, and what they are told of where to look. */
import { CfnOutput, Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import { ALERTS, described } from '../monitoring/alerts.mjs';
import { relayMetric } from './relays.mjs';

export function createAlarms(stack, { service, loadBalancer, targets, data, site, settings }) {
  const topic = new sns.Topic(stack, 'Alarms');
  if (settings.alarmEmail !== '') topic.addSubscription(new subscriptions.EmailSubscription(settings.alarmEmail));
  const minute = { period: Duration.minutes(1) };

  const failed = targets.metrics.httpCodeTarget(elb.HttpCodeTarget.TARGET_5XX_COUNT, { ...minute, statistic: 'Sum' });
  const asked = targets.metrics.requestCount({ ...minute, statistic: 'Sum' });
  /** By the names that the table of alerts gives them. */
  const figures = {
    'failed requests, %': new cloudwatch.MathExpression({
      ...minute,
      // Nothing asked is nothing wrong.
      expression: 'IF(asked > 0, 100 * FILL(failed, 0) / asked, 0)',
      usingMetrics: { failed, asked },
    }),
    'first byte, ms p95': relayMetric('TTFB', 'p95'),
    'healthy relays': targets.metrics.healthyHostCount({ ...minute, statistic: 'Minimum' }),
    'processor, %': service.metricCpuUtilization({ ...minute, statistic: 'Average' }),
    'memory, %': service.metricMemoryUtilization(minute),
    'database connections': data.database.metricDatabaseConnections({ ...minute, statistic: 'Maximum' }),
    'free bytes of the database': data.database.metricFreeStorageSpace({ ...minute, statistic: 'Minimum' }),
  };
  for (const alert of ALERTS) {
    if (alert.cloudwatch === undefined) continue;
    const { of, above, below, whenSilent, means = alert.means } = alert.cloudwatch;
    const metric = figures[of];
    if (metric === undefined) throw new Error(`the stack has no figure “${of}” for ${alert.name}`);
    const alarm = new cloudwatch.Alarm(stack, `${alert.name}Alarm`, {
      metric,
      threshold: above ?? below,
      alarmDescription: described({ ...alert, means }),
      evaluationPeriods: 5,
      datapointsToAlarm: 3,
      comparisonOperator:
        above === undefined
          ? cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
          : cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData:
        whenSilent === 'alarm' ? cloudwatch.TreatMissingData.BREACHING : cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new actions.SnsAction(topic));
    alarm.addOkAction(new actions.SnsAction(topic));
  }

  new CfnOutput(stack, 'SiteBucket', { value: site.bucket.bucketName, description: 'dist/ is uploaded to it' });
  new CfnOutput(stack, 'Distribution', { value: site.distribution.distributionId });
  new CfnOutput(stack, 'SiteAddress', {
    value: site.distribution.distributionDomainName,
    description: `${settings.domain} is a CNAME of it`,
  });
  new CfnOutput(stack, 'RelayAddress', {
    value: loadBalancer.loadBalancerDnsName,
    description: `relay.${settings.domain} is a CNAME of it`,
  });
  new CfnOutput(stack, 'ClusterName', { value: service.cluster.clusterName });
  new CfnOutput(stack, 'Service', { value: service.serviceName });
}
