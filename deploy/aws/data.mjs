/** What outlives the relays: Postgres, Valkey, secrets, and copies of them. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as backup from 'aws-cdk-lib/aws-backup';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as events from 'aws-cdk-lib/aws-events';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as secrets from 'aws-cdk-lib/aws-secretsmanager';

const VALKEY_PORT = 6379;

export function createData(stack, vpc) {
  const subnets = { subnetType: ec2.SubnetType.PRIVATE_ISOLATED };
  const database = new rds.DatabaseInstance(stack, 'Postgres', {
    engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 }),
    instanceType: ec2.InstanceType.of(ec2.InstanceClass.T4G, ec2.InstanceSize.SMALL),
    vpc,
    vpcSubnets: subnets,
    multiAz: true,
    databaseName: 'voice',
    // The password becomes part of a URL.
    credentials: rds.Credentials.fromGeneratedSecret('voice', {
      excludeCharacters: ' %+~`#$&*()|[]{}:;<>?!\'/@"\\^=,-_.',
    }),
    storageEncrypted: true,
    allocatedStorage: 20,
    maxAllocatedStorage: 200,
    backupRetention: Duration.days(7),
    deletionProtection: true,
    removalPolicy: RemovalPolicy.SNAPSHOT,
    cloudwatchLogsExports: ['postgresql'],
    enablePerformanceInsights: true,
  });

  const valkeyGroup = new ec2.SecurityGroup(stack, 'ValkeyAccess', { vpc, allowAllOutbound: false });
  const valkey = new elasticache.CfnReplicationGroup(stack, 'Valkey', {
    replicationGroupDescription: 'limits, leases and who holds which conversation',
    engine: 'valkey',
    engineVersion: '8.0',
    cacheNodeType: 'cache.t4g.micro',
    numCacheClusters: 2,
    automaticFailoverEnabled: true,
    multiAzEnabled: true,
    transitEncryptionEnabled: true,
    atRestEncryptionEnabled: true,
    // Nothing in it outlives a minute of use.
    snapshotRetentionLimit: 0,
    port: VALKEY_PORT,
    securityGroupIds: [valkeyGroup.securityGroupId],
    cacheSubnetGroupName: new elasticache.CfnSubnetGroup(stack, 'ValkeySubnets', {
      description: 'isolated subnets',
      subnetIds: vpc.selectSubnets(subnets).subnetIds,
    }).ref,
  });

  const secret = (id, description) =>
    new secrets.Secret(stack, id, {
      description,
      removalPolicy: RemovalPolicy.RETAIN,
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
    });

  const plan = new backup.BackupPlan(stack, 'Copies', {
    backupPlanRules: [
      new backup.BackupPlanRule({
        ruleName: 'daily',
        scheduleExpression: events.Schedule.cron({ hour: '3', minute: '15' }),
        deleteAfter: Duration.days(14),
      }),
      new backup.BackupPlanRule({
        ruleName: 'weekly',
        scheduleExpression: events.Schedule.cron({ weekDay: 'SUN', hour: '4', minute: '15' }),
        deleteAfter: Duration.days(90),
      }),
    ],
  });
  plan.addSelection('Database', { resources: [backup.BackupResource.fromRdsDatabaseInstance(database)] });

  return {
    database,
    valkey: {
      url: `rediss://${valkey.attrPrimaryEndPointAddress}:${VALKEY_PORT}`,
      allowFrom: (peer) => valkeyGroup.addIngressRule(peer, ec2.Port.tcp(VALKEY_PORT), 'relays'),
    },
    masterKey: secret('MasterKey', 'MASTER_KEY: seals secrets in the database; a copy of it belongs elsewhere'),
    adminToken: secret('AdminToken', "ADMIN_TOKEN: the operator's bearer token for scripts"),
    // Made with a value that no provider takes: put the real key in before the first conversation.
    openaiKey: secret('OpenaiKey', "OPENAI_API_KEY: replace the generated value by the provider's key"),
  };
}
