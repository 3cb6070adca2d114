/** The template says what docs/operations promises: asserted on what CloudFormation would be given. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { App } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { ALERTS } from '../monitoring/alerts.mjs';
import { readSettings } from './settings.mjs';
import { VoiceJibJabStack } from './stack.mjs';

const GIVEN = {
  domain: 'voice.example.com',
  certificate: 'arn:aws:acm:eu-central-1:123456789012:certificate/aaaa-1',
  edgeCertificate: 'arn:aws:acm:us-east-1:123456789012:certificate/bbbb-2',
  image: 'registry.example.com/voice-jib-jab-relay:0.1.0',
  alarmEmail: 'ops@example.com',
};
let template;
let json;
before(() => {
  const settings = readSettings(GIVEN);
  const stack = new VoiceJibJabStack(new App(), 'Test', settings, { env: { region: settings.region } });
  template = Template.fromStack(stack);
  json = template.toJSON();
});
const one = (type) => {
  const found = Object.values(template.findResources(type));
  assert.equal(found.length, 1, `there are ${found.length} of ${type}`);
  return found[0].Properties;
};

describe('settings', () => {
  it('names everything that is missing or wrong at once', () => {
    assert.throws(
      () => readSettings({ domain: 'no spaces please', image: GIVEN.image }),
      (error) => {
        assert.match(error.message, /domain is not/);
        assert.match(error.message, /certificate is missing/);
        assert.match(error.message, /edgeCertificate is missing/);
        return true;
      },
    );
  });
});

describe('the relays', () => {
  it('run as nobody, on a read-only disk, with every secret from Secrets Manager', () => {
    const [container] = one('AWS::ECS::TaskDefinition').ContainerDefinitions;
    assert.equal(container.User, 'node');
    assert.equal(container.ReadonlyRootFilesystem, true);
    const secrets = container.Secrets.map(({ Name }) => Name).sort();
    assert.deepEqual(secrets, [
      'ADMIN_TOKEN',
      'DB_HOST',
      'DB_PASSWORD',
      'DB_PORT',
      'DB_USER',
      'MASTER_KEY',
      'OPENAI_API_KEY',
    ]);
    const plain = container.Environment.map(({ Name }) => Name).sort();
    assert.deepEqual(plain, [
      'DRAIN_TIMEOUT_MS',
      'EMF_METRICS',
      'NODE_ENV',
      'PUBLIC_URL',
      'REDIS_URL',
      'TRUSTED_PROXIES',
    ]);
  });

  it('are given longer to stop than conversations are given to end', () => {
    const [container] = one('AWS::ECS::TaskDefinition').ContainerDefinitions;
    const drainMs = Number(container.Environment.find(({ Name }) => Name === 'DRAIN_TIMEOUT_MS').Value);
    assert.ok(container.StopTimeout * 1000 > drainMs);
    assert.ok(container.StopTimeout <= 120, 'Fargate waits 120 s at most');
    const { TargetGroupAttributes } = one('AWS::ElasticLoadBalancingV2::TargetGroup');
    const delay = TargetGroupAttributes.find(({ Key }) => Key === 'deregistration_delay.timeout_seconds');
    assert.ok(Number(delay.Value) * 1000 > drainMs);
  });

  it('write the figures that alarms and scaling are on', () => {
    const [container] = one('AWS::ECS::TaskDefinition').ContainerDefinitions;
    assert.equal(container.Environment.find(({ Name }) => Name === 'EMF_METRICS').Value, 'true');
  });

  it('are two to ten, by CPU and by conversations, out quickly and in slowly', () => {
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', { MinCapacity: 2, MaxCapacity: 10 });
    const policies = Object.values(template.findResources('AWS::ApplicationAutoScaling::ScalingPolicy')).map(
      ({ Properties }) => Properties.TargetTrackingScalingPolicyConfiguration,
    );
    assert.equal(policies.length, 2);
    for (const policy of policies) {
      assert.equal(policy.ScaleOutCooldown, 60);
      assert.equal(policy.ScaleInCooldown, 300);
    }
    const [cpu, sessions] = policies[0].PredefinedMetricSpecification ? policies : policies.toReversed();
    assert.equal(cpu.PredefinedMetricSpecification.PredefinedMetricType, 'ECSServiceAverageCPUUtilization');
    assert.equal(cpu.TargetValue, 70);
    assert.equal(sessions.CustomizedMetricSpecification.MetricName, 'ConcurrentSessions');
    assert.equal(sessions.CustomizedMetricSpecification.Namespace, 'VoiceJibJab');
  });

  it('reach each other, so that a conversation is passed on to its owner', () => {
    template.hasResourceProperties('AWS::EC2::SecurityGroupIngress', {
      FromPort: 3000,
      ToPort: 3000,
      Description: 'from relay to relay',
    });
  });
});

describe('the load balancer', () => {
  it('leads /api and /ws to the relays and the rest to the site', () => {
    const rule = one('AWS::ElasticLoadBalancingV2::ListenerRule');
    assert.deepEqual(rule.Conditions[0].PathPatternConfig.Values, ['/api/*', '/ws']);
    const [action] = one('AWS::ElasticLoadBalancingV2::Listener').DefaultActions;
    assert.equal(action.Type, 'redirect');
    assert.equal(action.RedirectConfig.Host, GIVEN.domain);
  });

  it('keeps quiet conversations open for an hour, and asks readiness', () => {
    const { LoadBalancerAttributes } = one('AWS::ElasticLoadBalancingV2::LoadBalancer');
    const idle = LoadBalancerAttributes.find(({ Key }) => Key === 'idle_timeout.timeout_seconds');
    assert.ok(Number(idle.Value) >= 3600);
    assert.equal(one('AWS::ElasticLoadBalancingV2::TargetGroup').HealthCheckPath, '/health/ready');
  });
});

describe('the site', () => {
  it('is a private bucket behind HTTP/2 with gzip and brotli', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, RestrictPublicBuckets: true },
    });
    const { DistributionConfig } = one('AWS::CloudFront::Distribution');
    assert.match(DistributionConfig.HttpVersion, /http2/);
    const policies = Object.values(template.findResources('AWS::CloudFront::CachePolicy'));
    for (const { Properties } of policies) {
      const { EnableAcceptEncodingBrotli, EnableAcceptEncodingGzip } =
        Properties.CachePolicyConfig.ParametersInCacheKeyAndForwardedToOrigin;
      assert.ok(EnableAcceptEncodingBrotli && EnableAcceptEncodingGzip);
    }
  });

  it('keeps versioned files for a year', () => {
    template.hasResourceProperties('AWS::CloudFront::ResponseHeadersPolicy', {
      ResponseHeadersPolicyConfig: {
        CustomHeadersConfig: {
          Items: Match.arrayWith([
            { Header: 'Cache-Control', Value: 'public, max-age=31536000, immutable', Override: true },
          ]),
        },
      },
    });
  });

  it('passes /ws and /api on whole and uncached', () => {
    const { CacheBehaviors } = one('AWS::CloudFront::Distribution').DistributionConfig;
    for (const path of ['/ws', '/api/*']) {
      const behavior = CacheBehaviors.find(({ PathPattern }) => PathPattern === path);
      assert.equal(behavior.AllowedMethods.length, 7);
      // AWS' own names of "caching disabled" and "all viewer, except host header".
      assert.equal(behavior.CachePolicyId, '4135ea2d-6df8-44a3-9df3-4b5a84be39ad');
      assert.equal(behavior.OriginRequestPolicyId, 'b689b0a8-53d0-40ab-baf2-68738e2966ac');
    }
  });

  it('gives its pages a policy of their own', () => {
    const pages = Object.values(template.findResources('AWS::CloudFront::ResponseHeadersPolicy')).filter(
      ({ Properties }) =>
        Properties.ResponseHeadersPolicyConfig.SecurityHeadersConfig.ContentSecurityPolicy !== undefined,
    );
    assert.equal(pages.length, 1);
    const { ContentSecurityPolicy } =
      pages[0].Properties.ResponseHeadersPolicyConfig.SecurityHeadersConfig.ContentSecurityPolicy;
    assert.match(ContentSecurityPolicy, /default-src 'none'.*connect-src 'self' wss:\/\/voice\.example\.com/);
  });
});

describe('data', () => {
  it('is encrypted, in two zones, copied daily and weekly, and not deleted by mistake', () => {
    const database = one('AWS::RDS::DBInstance');
    assert.equal(database.StorageEncrypted, true);
    assert.equal(database.MultiAZ, true);
    assert.equal(database.DeletionProtection, true);
    assert.equal(database.PubliclyAccessible, false);
    const { BackupPlanRule } = one('AWS::Backup::BackupPlan').BackupPlan;
    assert.deepEqual(BackupPlanRule.map(({ RuleName }) => RuleName).sort(), ['daily', 'weekly']);
    const valkey = one('AWS::ElastiCache::ReplicationGroup');
    assert.equal(valkey.Engine, 'valkey');
    assert.equal(valkey.TransitEncryptionEnabled, true);
  });
});

describe('logs', () => {
  it('are at hand for thirty days, then in cold storage for a year, in a bucket that nobody else reads', () => {
    template.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
    const buckets = Object.values(template.findResources('AWS::S3::Bucket')).map(({ Properties }) => Properties);
    const archive = buckets.find(({ LifecycleConfiguration }) => LifecycleConfiguration !== undefined);
    const [rule] = archive.LifecycleConfiguration.Rules;
    assert.deepEqual(rule.Transitions, [{ StorageClass: 'GLACIER', TransitionInDays: 30 }]);
    assert.deepEqual([rule.ExpirationInDays, rule.Status], [365, 'Enabled']);
    assert.equal(archive.PublicAccessBlockConfiguration.BlockPublicAcls, true);
    assert.ok(archive.BucketEncryption);
  });

  it('go there as they come', () => {
    const [group] = Object.keys(template.findResources('AWS::Logs::LogGroup'));
    const feed = one('AWS::Logs::SubscriptionFilter');
    assert.deepEqual([feed.LogGroupName, feed.FilterPattern], [{ Ref: group }, '']);
    const [stream] = Object.keys(template.findResources('AWS::KinesisFirehose::DeliveryStream'));
    assert.equal(feed.DestinationArn['Fn::GetAtt'][0], stream);
    assert.match(one('AWS::KinesisFirehose::DeliveryStream').ExtendedS3DestinationConfiguration.Prefix, /^relay\//);
  });

  it('are moved by roles that may do only that', () => {
    const actions = Object.values(template.findResources('AWS::IAM::Role'))
      .flatMap(({ Properties }) => Properties.Policies ?? [])
      .flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
      .flatMap(({ Action }) => Action);
    const wanted = ['AbortMultipartUpload', 'GetBucketLocation', 'ListBucket', 'PutObject'].map((name) => `s3:${name}`);
    assert.deepEqual(actions.sort(), ['firehose:PutRecordBatch', ...wanted].sort());
  });

  it('are kept for as long as the settings say, and longer than they are at hand', () => {
    assert.equal(readSettings({ ...GIVEN, logArchiveDays: '730' }).logArchiveDays, 730);
    assert.throws(() => readSettings({ ...GIVEN, logArchiveDays: '30' }), /logArchiveDays is not days/);
  });
});

describe('alarms', () => {
  it('sound for errors over 5 %, a first byte over 500 ms, and no relay', () => {
    const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) => Properties);
    const by = (word) => alarms.find(({ AlarmDescription }) => AlarmDescription.includes(word));
    assert.equal(by('5 % of requests').Threshold, 5);
    const first = by('500 ms');
    assert.equal(first.Threshold, 500);
    assert.equal(first.MetricName, 'TTFB');
    assert.equal(by('no relay').TreatMissingData, 'breaching');
    for (const alarm of alarms) assert.equal(alarm.AlarmActions.length, 1);
    const told = ALERTS.filter(({ cloudwatch }) => cloudwatch !== undefined);
    assert.equal(alarms.length, told.length);
    for (const { cloudwatch, look } of told)
      assert.ok(
        alarms.some(
          ({ Threshold, AlarmDescription }) =>
            Threshold === (cloudwatch.above ?? cloudwatch.below) && AlarmDescription.endsWith(look),
        ),
      );
  });
});

describe('the template', () => {
  it('opens no port to the world but 443 of the load balancer', () => {
    const open = Object.values(json.Resources)
      .flatMap(({ Properties }) => Properties?.SecurityGroupIngress ?? [])
      .filter(({ CidrIp, CidrIpv6 }) => CidrIp === '0.0.0.0/0' || CidrIpv6 === '::/0');
    assert.deepEqual([...new Set(open.map(({ FromPort }) => FromPort))], [443]);
  });

  it('grants the task nothing beyond reading its secrets and writing its log', () => {
    const actions = Object.values(json.Resources)
      .filter(({ Type }) => Type === 'AWS::IAM::Policy')
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
      .flatMap(({ Action }) => Action);
    for (const action of actions)
      assert.match(
        action,
        /^(secretsmanager:(GetSecretValue|DescribeSecret)|logs:(CreateLogStream|PutLogEvents)|ecr:.*)$/,
      );
  });
});
