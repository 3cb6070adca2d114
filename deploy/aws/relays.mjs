/** The relays: task, service, load balancer, and when there are more or fewer of them. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-applicationautoscaling';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as logs from 'aws-cdk-lib/aws-logs';

const PORT = 3000;
/** The relay lets conversations end for 60 s; the platform waits longer. */
const DRAIN_S = 60;
const STOP_S = DRAIN_S + 15;

/** A figure that the relay writes to its log in CloudWatch's embedded metric format. */
export const relayMetric = (metricName, statistic) =>
  new cloudwatch.Metric({
    namespace: 'VoiceJibJab',
    metricName,
    dimensionsMap: { Service: 'relay' },
    statistic,
    period: Duration.minutes(1),
  });

export function createRelays(stack, { vpc, data, settings }) {
  const logGroup = new logs.LogGroup(stack, 'RelayLog', {
    retention: logs.RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const task = new ecs.FargateTaskDefinition(stack, 'RelayTask', {
    cpu: 1024,
    memoryLimitMiB: 2048,
    runtimePlatform: {
      cpuArchitecture: ecs.CpuArchitecture.ARM64,
      operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
    },
    volumes: [{ name: 'data' }, { name: 'tmp' }],
  });
  const from = (field) => ecs.Secret.fromSecretsManager(data.database.secret, field);
  const container = task.addContainer('relay', {
    image: ecs.ContainerImage.fromRegistry(settings.image),
    // The database's parts come as secrets of their own; the relay takes one URL. It is encrypted; who answers inside the VPC is not verified.
    command: [
      'sh',
      '-c',
      'export DATABASE_URL="postgres://$DB_USER:$DB_PASSWORD@$DB_HOST:$DB_PORT/voice?uselibpqcompat=true&sslmode=require"; exec node dist/relay/main.js',
    ],
    environment: {
      NODE_ENV: 'production',
      PUBLIC_URL: `https://${settings.domain}`,
      REDIS_URL: data.valkey.url,
      TRUSTED_PROXIES: vpc.vpcCidrBlock,
      DRAIN_TIMEOUT_MS: String(DRAIN_S * 1000),
      // The alarms and the scaling below are on these figures.
      EMF_METRICS: 'true',
    },
    secrets: {
      DB_HOST: from('host'),
      DB_PORT: from('port'),
      DB_USER: from('username'),
      DB_PASSWORD: from('password'),
      MASTER_KEY: ecs.Secret.fromSecretsManager(data.masterKey),
      ADMIN_TOKEN: ecs.Secret.fromSecretsManager(data.adminToken),
      OPENAI_API_KEY: ecs.Secret.fromSecretsManager(data.openaiKey),
    },
    portMappings: [{ containerPort: PORT }],
    logging: ecs.LogDrivers.awsLogs({ streamPrefix: 'relay', logGroup }),
    readonlyRootFilesystem: true,
    user: 'node',
    stopTimeout: Duration.seconds(STOP_S),
    ulimits: [{ name: ecs.UlimitName.NOFILE, softLimit: 65_536, hardLimit: 65_536 }],
    healthCheck: {
      command: [
        'CMD-SHELL',
        `node -e "fetch('http://127.0.0.1:${PORT}/health').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"`,
      ],
      interval: Duration.seconds(10),
      timeout: Duration.seconds(3),
      retries: 3,
      startPeriod: Duration.seconds(15),
    },
  });
  container.addMountPoints(
    { sourceVolume: 'data', containerPath: '/data', readOnly: false },
    { sourceVolume: 'tmp', containerPath: '/tmp', readOnly: false },
  );

  const service = new ecs.FargateService(stack, 'Relays', {
    cluster: new ecs.Cluster(stack, 'Cluster', { vpc, containerInsightsV2: ecs.ContainerInsights.ENABLED }),
    taskDefinition: task,
    desiredCount: 2,
    minHealthyPercent: 100,
    maxHealthyPercent: 200,
    circuitBreaker: { rollback: true },
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
    healthCheckGracePeriod: Duration.seconds(30),
    enableExecuteCommand: false,
  });
  data.database.connections.allowDefaultPortFrom(service, 'relays');
  data.valkey.allowFrom(ec2.Peer.securityGroupId(service.connections.securityGroups[0].securityGroupId));
  // A reconnect that lands on the wrong instance is passed on to the one that has the conversation.
  service.connections.allowFrom(service, ec2.Port.tcp(PORT), 'from relay to relay');

  const loadBalancer = new elb.ApplicationLoadBalancer(stack, 'LoadBalancer', {
    vpc,
    internetFacing: true,
    // Conversations are quiet for long: the relay's heartbeat is every 30 s.
    idleTimeout: Duration.seconds(3600),
    dropInvalidHeaderFields: true,
  });
  const listener = loadBalancer.addListener('Https', {
    port: 443,
    certificates: [acm.Certificate.fromCertificateArn(stack, 'Certificate', settings.certificate)],
    sslPolicy: elb.SslPolicy.RECOMMENDED_TLS,
    // What is neither API nor conversation is on the static site.
    defaultAction: elb.ListenerAction.redirect({
      host: settings.domain,
      permanent: false,
      protocol: 'HTTPS',
      port: '443',
    }),
  });
  const targets = new elb.ApplicationTargetGroup(stack, 'Targets', {
    vpc,
    port: PORT,
    protocol: elb.ApplicationProtocol.HTTP,
    targets: [service],
    loadBalancingAlgorithmType: elb.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS,
    deregistrationDelay: Duration.seconds(STOP_S),
    healthCheck: {
      path: '/health/ready',
      interval: Duration.seconds(5),
      timeout: Duration.seconds(3),
      healthyThresholdCount: 2,
      unhealthyThresholdCount: 2,
    },
  });
  listener.addAction('Relay', {
    priority: 10,
    conditions: [elb.ListenerCondition.pathPatterns(['/api/*', '/ws'])],
    action: elb.ListenerAction.forward([targets]),
  });

  const scaling = service.autoScaleTaskCount({ minCapacity: 2, maxCapacity: 10 });
  const pace = { scaleOutCooldown: Duration.seconds(60), scaleInCooldown: Duration.seconds(300) };
  scaling.scaleOnCpuUtilization('Cpu', { targetUtilizationPercent: 70, ...pace });
  scaling.scaleToTrackCustomMetric('Sessions', {
    // Each task tells its own number: the average is that of one task.
    metric: relayMetric('ConcurrentSessions', 'Average'),
    targetValue: settings.sessionsPerTask,
    ...pace,
  });
  return { service, loadBalancer, targets, logGroup, serviceNamespace: autoscaling.ServiceNamespace.ECS };
}
