/**
 * Logs beyond the thirty days that they are at hand in CloudWatch: copied to a bucket as they come, to colder and cheaper storage
 * after thirty days, and gone after the time that the settings name. They hold no words and no tokens.
 */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as firehose from 'aws-cdk-lib/aws-kinesisfirehose';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';

const AT_HAND = Duration.days(30);

export function createLogArchive(stack, { logGroup, settings }) {
  const bucket = new s3.Bucket(stack, 'LogArchive', {
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    encryption: s3.BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    removalPolicy: RemovalPolicy.RETAIN,
    lifecycleRules: [
      {
        transitions: [{ storageClass: s3.StorageClass.GLACIER, transitionAfter: AT_HAND }],
        expiration: Duration.days(settings.logArchiveDays),
      },
    ],
  });
  const role = (id, service, statements) =>
    new iam.Role(stack, id, {
      assumedBy: new iam.ServicePrincipal(service),
      inlinePolicies: { only: new iam.PolicyDocument({ statements }) },
    });
  const allow = (actions, resources) => new iam.PolicyStatement({ actions, resources });
  const writer = role('LogArchiveWriter', 'firehose.amazonaws.com', [
    allow(
      ['s3:AbortMultipartUpload', 's3:GetBucketLocation', 's3:ListBucket', 's3:PutObject'],
      [bucket.bucketArn, bucket.arnForObjects('*')],
    ),
  ]);
  const stream = new firehose.CfnDeliveryStream(stack, 'LogArchiveStream', {
    deliveryStreamType: 'DirectPut',
    extendedS3DestinationConfiguration: {
      bucketArn: bucket.bucketArn,
      roleArn: writer.roleArn,
      prefix: 'relay/!{timestamp:yyyy/MM/dd}/',
      errorOutputPrefix: 'failed/',
      // What CloudWatch hands over is packed already.
      compressionFormat: 'UNCOMPRESSED',
      bufferingHints: { intervalInSeconds: 900, sizeInMBs: 64 },
    },
  });
  const sender = role('LogArchiveSender', 'logs.amazonaws.com', [allow(['firehose:PutRecordBatch'], [stream.attrArn])]);
  new logs.CfnSubscriptionFilter(stack, 'LogArchiveFeed', {
    logGroupName: logGroup.logGroupName,
    filterPattern: '',
    destinationArn: stream.attrArn,
    roleArn: sender.roleArn,
  });
  return bucket;
}
