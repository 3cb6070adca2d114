/**
 * Everything on AWS: relays on Fargate behind a load balancer, Postgres, Valkey, secrets, the static
 * site behind CloudFront, alarms and scaling. One stack, so that one command makes and removes it.
 */
import { Stack } from 'aws-cdk-lib';
import { createAlarms } from './alarms.mjs';
import { createLogArchive } from './archive.mjs';
import { createData } from './data.mjs';
import { createRelays } from './relays.mjs';
import { createSite } from './site.mjs';
import * as ec2 from 'aws-cdk-lib/aws-ec2';

export class VoiceJibJabStack extends Stack {
  constructor(scope, id, settings, props) {
    super(scope, id, { description: 'Voice Jib-Jab: relay, data and site', ...props });
    const vpc = new ec2.Vpc(this, 'Network', {
      maxAzs: 2,
      natGateways: 1,
      subnetConfiguration: [
        { name: 'public', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 24 },
        { name: 'relays', subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 22 },
        { name: 'data', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
      ],
    });
    const data = createData(this, vpc);
    const relays = createRelays(this, { vpc, data, settings });
    createLogArchive(this, { ...relays, settings });
    const site = createSite(this, { settings });
    createAlarms(this, { ...relays, data, site, settings });
  }
}
