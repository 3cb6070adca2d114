/** What wakes somebody, and what they are told of where to look. */
import { CfnOutput, Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import { relayMetric } from './relays.mjs';

export function createAlarms(stack, { service, loadBalancer, targets, data, site, settings }) {
  const topic = new sns.Topic(stack, 'Alarms');
  if (settings.alarmEmail !== '') topic.addSubscription(new subscriptions.EmailSubscription(settings.alarmEmail));
  const minute = { period: Duration.minutes(1) };

  const failed = targets.metrics.httpCodeTarget(elb.HttpCodeTarget.TARGET_5XX_COUNT, { ...minute, statistic: 'Sum' });
  const asked = targets.metrics.requestCount({ ...minute, statistic: 'Sum' });
  const table = {
    ErrorRate: {
      metric: new cloudwatch.MathExpression({
        ...minute,
        // Nothing asked is nothing wrong.
        expression: 'IF(asked > 0, 100 * FILL(failed, 0) / asked, 0)',
        usingMetrics: { failed, asked },
      }),
      threshold: 5,
      means: 'more than 5 % of requests fail. docs/operations/incidents.md',
    },
    FirstByte: {
      metric: relayMetric('TTFB', 'p95'),
      threshold: 500,
      means: 'answers begin later than 500 ms (p95). docs/operations/incidents.md',
    },
    NoRelay: {
      metric: targets.metrics.healthyHostCount({ ...minute, statistic: 'Minimum' }),
      threshold: 1,
      comparison: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      missing: cloudwatch.TreatMissingData.BREACHING,
      means: 'no relay is ready',
    },
    Cpu: {
      metric: service.metricCpuUtilization({ ...minute, statistic: 'Average' }),
      threshold: 90,
      means: 'the relays are at their limit, and there are as many as there may be',
    },
    Memory: { metric: service.metricMemoryUtilization(minute), threshold: 85, means: 'the relays need more memory' },
    DatabaseConnections: {
      metric: data.database.metricDatabaseConnections({ ...minute, statistic: 'Maximum' }),
      threshold: 150,
      means: 'more connections than the relays should hold: 10 each',
    },
    DatabaseSpace: {
      metric: data.database.metricFreeStorageSpace({ ...minute, statistic: 'Minimum' }),
      threshold: 2 * 1024 ** 3,
      comparison: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      means: 'less than 2 GiB are free in the database',
    },
  };
  for (const [name, { metric, threshold, means, comparison, missing }] of Object.entries(table)) {
    const alarm = new cloudwatch.Alarm(stack, `${name}Alarm`, {
      metric,
      threshold,
      alarmDescription: means,
      evaluationPeriods: 5,
      datapointsToAlarm: 3,
      comparisonOperator: comparison ?? cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: missing ?? cloudwatch.TreatMissingData.NOT_BREACHING,
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
