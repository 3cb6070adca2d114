/** The static site: a private bucket behind CloudFront, which passes /api and /ws on to the relays. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as origins from 'aws-cdk-lib/aws-cloudfront-origins';
import * as s3 from 'aws-cdk-lib/aws-s3';

const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "media-src 'self' blob:",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
];

export function createSite(stack, { settings }) {
  const bucket = new s3.Bucket(stack, 'Site', {
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    encryption: s3.BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    versioned: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const files = origins.S3BucketOrigin.withOriginAccessControl(bucket);
  const relays = new origins.HttpOrigin(`relay.${settings.domain}`, {
    protocolPolicy: cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
    readTimeout: Duration.seconds(60),
    keepaliveTimeout: Duration.seconds(60),
  });

  const caching = (id, ttl) =>
    new cloudfront.CachePolicy(stack, id, {
      defaultTtl: ttl,
      minTtl: Duration.seconds(0),
      maxTtl: ttl,
      enableAcceptEncodingGzip: true,
      enableAcceptEncodingBrotli: true,
    });
  const headers = (id, cacheControl, page) =>
    new cloudfront.ResponseHeadersPolicy(stack, id, {
      securityHeadersBehavior: {
        contentTypeOptions: { override: true },
        frameOptions: { frameOption: cloudfront.HeadersFrameOption.DENY, override: true },
        referrerPolicy: { referrerPolicy: cloudfront.HeadersReferrerPolicy.NO_REFERRER, override: true },
        strictTransportSecurity: { accessControlMaxAge: Duration.days(365), override: true },
        ...(page && {
          contentSecurityPolicy: {
            contentSecurityPolicy: [...PAGE_POLICY, `connect-src 'self' wss://${settings.domain}`].join('; '),
            override: true,
          },
        }),
      },
      customHeadersBehavior: {
        customHeaders: [
          { header: 'Cache-Control', value: cacheControl, override: true },
          { header: 'Cross-Origin-Resource-Policy', value: page ? 'same-origin' : 'cross-origin', override: true },
          {
            header: 'Permissions-Policy',
            value: 'microphone=(self), camera=(), geolocation=(), payment=(), usb=()',
            override: true,
          },
        ],
      },
      // Any page may load the script.
      ...(!page && {
        corsBehavior: {
          accessControlAllowCredentials: false,
          accessControlAllowHeaders: ['*'],
          accessControlAllowMethods: ['GET', 'HEAD'],
          accessControlAllowOrigins: ['*'],
          originOverride: true,
        },
      }),
    });

  /** Every address of the console is one page; a folder is its index. */
  const pages = new cloudfront.Function(stack, 'Pages', {
    runtime: cloudfront.FunctionRuntime.JS_2_0,
    code: cloudfront.FunctionCode.fromInline(`function handler(event) {
  var request = event.request;
  var folder = /^\\/(console|demo)(\\/|$)/.exec(request.uri);
  if (folder && !/\\.[a-z0-9]+$/.test(request.uri)) request.uri = '/' + folder[1] + '/index.html';
  return request;
}`),
  });
  const https = cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS;
  const script = {
    origin: files,
    viewerProtocolPolicy: https,
    compress: true,
    cachePolicy: caching('Newest', Duration.minutes(5)),
    responseHeadersPolicy: headers('NewestHeaders', 'public, max-age=300, stale-while-revalidate=86400', false),
  };
  const page = {
    origin: files,
    viewerProtocolPolicy: https,
    compress: true,
    cachePolicy: caching('PagesFor', Duration.minutes(5)),
    responseHeadersPolicy: headers('PageHeaders', 'public, max-age=300', true),
    functionAssociations: [{ function: pages, eventType: cloudfront.FunctionEventType.VIEWER_REQUEST }],
  };
  const passed = {
    origin: relays,
    viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
    allowedMethods: cloudfront.AllowedMethods.ALLOW_ALL,
    cachePolicy: cloudfront.CachePolicy.CACHING_DISABLED,
    // Everything the page sent, Origin, token and upgrade among it, but for the host: the certificate is the relay's.
    originRequestPolicy: cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
  };
  const distribution = new cloudfront.Distribution(stack, 'Edge', {
    domainNames: [settings.domain],
    certificate: acm.Certificate.fromCertificateArn(stack, 'EdgeCertificate', settings.edgeCertificate),
    httpVersion: cloudfront.HttpVersion.HTTP2_AND_3,
    minimumProtocolVersion: cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
    defaultRootObject: 'console/index.html',
    defaultBehavior: script,
    additionalBehaviors: {
      '/v/*': {
        ...script,
        cachePolicy: caching('Versioned', Duration.days(365)),
        responseHeadersPolicy: headers('VersionedHeaders', 'public, max-age=31536000, immutable', false),
      },
      '/console*': page,
      '/demo*': page,
      '/api/*': passed,
      '/ws': passed,
    },
  });
  return { bucket, distribution };
}
