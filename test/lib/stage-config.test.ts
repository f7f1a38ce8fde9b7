import { describe, expect, test } from '@jest/globals';
import { statedPlan } from '../../lambdas/contract/plans.ts';
import { BUILT_IN_PLANS } from '../../lambdas/domain/tenancy/plan.ts';
import { parseStageConfig, StageConfigError } from '../../lib/stage-config.ts';
import { exampleEdge } from './synthesized.ts';

const valid = {
  owner: 'platform',
  deletionProtection: true,
  signIn: { issuer: 'https://issuer.example.com/', audience: 'spelo-byok', accessTokens: 'marked' },
  logRetentionDays: 30,
  keyRetentionHours: 24,
  evidence: { objectLock: 'governance', retentionDays: 400 },
  rateLimits: { perIpPerMinute: 60, perIpPerSecond: 20, perSitePerMinute: 200 },
  throttling: {
    everyRoute: { requestsPerSecond: 100, burst: 200 },
    tokenRoute: { requestsPerSecond: 50, burst: 100 },
    eventsRoute: { requestsPerSecond: 200, burst: 400 },
  },
};
const certificateIn = (region: string) =>
  `arn:aws:acm:${region}:111122223333:certificate/00000000-0000-0000-0000-000000000000`;
const domain = { name: 'voice.example.com', certificateArn: certificateIn('eu-central-1') };
const pages = { name: 'pages.example.com', certificateArn: certificateIn('us-east-1') };
const cognito = { domainPrefix: 'voice', callbackUrls: ['https://voice.example.com/dashboard/'] };

const messageOf = (stage: unknown, stages: unknown, readText?: (path: string) => string): string => {
  try {
    parseStageConfig(stage, stages, readText);
  } catch (error) {
    if (error instanceof StageConfigError) return error.message;
    throw error;
  }
  throw new Error('The configuration was accepted.');
};
const faultOf = (settings: Readonly<Record<string, unknown>>): string =>
  messageOf('dev', { dev: { ...valid, ...settings } });

/** Each mistake, and the sentence that it gives. */
const MISTAKES: readonly (readonly [string, Readonly<Record<string, unknown>>, string])[] = [
  ['no owner', { owner: undefined }, 'owner must be 1 to 256 letters, digits, spaces and _.:/=+-@.'],
  [
    'an owner that no tag can hold',
    { owner: 'platform; team' },
    'owner must be 1 to 256 letters, digits, spaces and _.:/=+-@.',
  ],
  [
    'no word on deletion protection',
    { deletionProtection: undefined },
    'deletionProtection must be true or false.',
  ],
  [
    'a pattern for a permission set',
    { operators: { permissionSets: ['Ops*'] } },
    'operators.permissionSets.0 must be the name of a permission set of IAM Identity Center.',
  ],
  [
    'a break-glass user with a wildcard',
    { breakGlassUsers: ['*'] },
    'breakGlassUsers.0 must be the name of an IAM user, with its path if it has one.',
  ],
  [
    'operators without a permission set',
    { operators: { permissionSets: [] } },
    'operators.permissionSets must name a permission set.',
  ],
  ['a region by its place', { region: 'Frankfurt' }, 'region must be a region, as in eu-central-1.'],
  ['no sign-in', { signIn: undefined }, 'signIn must have either an issuer and an audience, or cognito.'],
  [
    'an issuer without https',
    { signIn: { ...valid.signIn, issuer: 'http://issuer.example.com' } },
    'signIn.issuer must be an https URL.',
  ],
  [
    'an issuer with a query',
    { signIn: { ...valid.signIn, issuer: 'https://issuer.example.com/?tenant=1' } },
    'signIn.issuer must have neither a query nor a fragment.',
  ],
  [
    'no audience',
    { signIn: { issuer: 'https://issuer.example.com/' } },
    'signIn.audience must be the audience of the access tokens.',
  ],
  [
    'an unknown way to tell access tokens apart',
    { signIn: { ...valid.signIn, accessTokens: 'any' } },
    'signIn.accessTokens must be "marked" or "scope:<name>".',
  ],
  [
    'a sign-in of the dashboard without openid',
    { dashboard: { clientId: 'dashboard', scope: 'email' } },
    'dashboard.scope must be scopes with spaces in between, openid among them.',
  ],
  [
    'both kinds of sign-in',
    { signIn: { ...valid.signIn, cognito } },
    'signIn must not contain issuer, audience, accessTokens.',
  ],
  [
    'a sign-in page under a reserved name',
    { signIn: { cognito: { ...cognito, domainPrefix: 'my-aws' } } },
    'signIn.cognito.domainPrefix must be lower-case letters, digits and hyphens, without aws, amazon or cognito.',
  ],
  [
    'nowhere to come back to',
    { signIn: { cognito: { ...cognito, callbackUrls: [] } } },
    'signIn.cognito.callbackUrls must name at least one URL.',
  ],
  [
    'a page without https',
    { signIn: { cognito: { ...cognito, callbackUrls: ['http://voice.example.com/'] } } },
    'signIn.cognito.callbackUrls.0 must be an https URL, or one on http://localhost.',
  ],
  [
    'a domain with its scheme',
    { domain: { ...domain, name: 'https://voice.example.com' } },
    'domain.name must be a host name, as in voice.example.com.',
  ],
  [
    'a certificate by its domain',
    { domain: { ...domain, certificateArn: 'voice.example.com' } },
    'domain.certificateArn must be the ARN of a certificate of ACM.',
  ],
  [
    'a certificate in another region than the API',
    { region: 'eu-west-1', domain },
    'domain.certificateArn must be in eu-west-1, the region of the stage.',
  ],
  [
    'a certificate where CloudFront does not look',
    { region: 'eu-central-1', domain, edge: exampleEdge },
    'domain.certificateArn must be in us-east-1, where CloudFront looks for it, because there is an edge.',
  ],
  [
    'an edge and no region',
    { edge: exampleEdge },
    'region must be given if there is an edge, which is in another region.',
  ],
  [
    'WAF on',
    { region: 'eu-central-1', edge: { ...exampleEdge, waf: 'on' } },
    'edge.waf must be true or false.',
  ],
  [
    'a rate that WAF does not offer',
    { region: 'eu-central-1', edge: { ...exampleEdge, requestsPer5Minutes: 5 } },
    'edge.requestsPer5Minutes must be a whole number from 10 to 2000000000.',
  ],
  [
    'the secret itself',
    { region: 'eu-central-1', edge: { ...exampleEdge, acceptedDigests: ['the-secret-itself'] } },
    'edge.acceptedDigests.0 must be a SHA-256 in hex.',
  ],
  [
    'no digest',
    { region: 'eu-central-1', edge: { ...exampleEdge, acceptedDigests: [] } },
    'edge.acceptedDigests must name one digest.',
  ],
  [
    'a certificate of the dashboard where CloudFront does not look',
    { dashboard: { clientId: 'pages', domain: { ...pages, certificateArn: certificateIn('eu-central-1') } } },
    'dashboard.domain.certificateArn must be in us-east-1, where CloudFront looks for it.',
  ],
  [
    'a domain of the dashboard without a certificate',
    { dashboard: { clientId: 'pages', domain: { name: pages.name } } },
    'dashboard.domain.certificateArn must be the ARN of a certificate of ACM.',
  ],
  [
    'a domain of the dashboard with a path',
    { dashboard: { clientId: 'pages', domain: { ...pages, name: 'pages.example.com/dashboard' } } },
    'dashboard.domain.name must be a host name, as in voice.example.com.',
  ],
  [
    'one name for the dashboard and the API',
    { domain, dashboard: { clientId: 'pages', domain: { ...pages, name: domain.name } } },
    "dashboard.domain.name must be another name than the API's.",
  ],
  [
    'a pool that does not send people back to the dashboard',
    {
      signIn: { cognito: { ...cognito, callbackUrls: ['https://pages.example.com/dashboard/'] } },
      dashboard: { domain: pages },
    },
    "signIn.cognito.callbackUrls must contain /dashboard/callback of the dashboard's own name.",
  ],
  [
    'a retention that CloudWatch does not offer',
    { logRetentionDays: 31 },
    'logRetentionDays must be a number of days that CloudWatch Logs offers.',
  ],
  [
    'a negative retention',
    { keyRetentionHours: -1 },
    'keyRetentionHours must be a whole number from 0 to 720.',
  ],
  [
    'a profile of AWS Signer without its version',
    { codeSigningProfileVersionArn: 'arn:aws:signer:eu-central-1:123456789012:/signing-profiles/spelo' },
    'codeSigningProfileVersionArn must be the ARN of a version of a signing profile of AWS Signer.',
  ],
  [
    'a profile of AWS Signer in another region',
    {
      region: 'eu-west-1',
      codeSigningProfileVersionArn:
        'arn:aws:signer:eu-central-1:123456789012:/signing-profiles/spelo/a1B2c3D4e5',
    },
    'codeSigningProfileVersionArn must be in eu-west-1, the region of the stage.',
  ],
  [
    'an alias of a key',
    { retiredMasterKeyArns: ['alias/old'] },
    'retiredMasterKeyArns.0 must be the ARN of a KMS key.',
  ],
  [
    'evidence without a lock',
    { evidence: { objectLock: 'none', retentionDays: 400 } },
    'evidence.objectLock must be governance or compliance.',
  ],
  [
    'evidence for too short a time',
    { evidence: { objectLock: 'governance', retentionDays: 90 } },
    'evidence.retentionDays must be a whole number from 181 to 3650.',
  ],
  ['a name for a mail address', { alarmEmail: 'nobody' }, 'alarmEmail must be an email address.'],
  [
    'a sender of alerts without its identity',
    { alertMail: { sender: 'alerts@example.com' } },
    'alertMail.identity must be a domain or an address.',
  ],
  [
    'a limit of nothing',
    { rateLimits: { ...valid.rateLimits, perIpPerMinute: 0 } },
    'rateLimits.perIpPerMinute must be a whole number from 1 to 1000000.',
  ],
  [
    'a share above the whole',
    { rateLimits: { ...valid.rateLimits, slotPercentPerIp: 101 } },
    'rateLimits.slotPercentPerIp must be a whole number from 1 to 100.',
  ],
  ['no throttling', { throttling: undefined }, 'throttling must be an object of settings.'],
  [
    'no throttle of reports',
    { throttling: { ...valid.throttling, eventsRoute: undefined } },
    'throttling.eventsRoute must be an object of settings.',
  ],
  [
    'containers for a function that is none',
    { reservedConcurrency: { tokens: 5 } },
    'reservedConcurrency must be numbers of containers by the names of functions.',
  ],
  [
    'no containers for a function',
    { reservedConcurrency: { token: 0 } },
    'reservedConcurrency.token must be a whole number from 1 to 1000.',
  ],
  [
    'a replica where the stage is',
    { region: 'eu-central-1', multiRegion: { replicaRegions: ['eu-central-1'] } },
    'multiRegion.replicaRegions must not contain the region of the stage itself.',
  ],
  [
    'replicas of a stage that is nowhere',
    { multiRegion: { replicaRegions: ['eu-west-1'] } },
    'region must be given if there are replicas in other regions.',
  ],
  ['a plans file by number', { plansFile: 7 }, 'plansFile must be the path of a JSON file.'],
  ['a setting that there is not', { apiKey: 'x' }, ' must not contain apiKey.'],
];

describe('the default prefix of the sign-in page', () => {
  const pool = { ...valid, signIn: { cognito: { callbackUrls: ['http://localhost:8789/callback'] } } };

  test('is refused if the stage name contains a word that Cognito reserves', () => {
    expect(messageOf('aws-test', { 'aws-test': pool })).toContain(
      'stages.aws-test.signIn.cognito.domainPrefix must be given',
    );
  });

  test('is valid for every other stage', () => {
    expect(parseStageConfig('team-a', { 'team-a': pool }).signIn).toEqual(pool.signIn);
  });
});

describe('the configuration of a stage', () => {
  test('is returned with its name', () => {
    expect(parseStageConfig('dev', { dev: valid })).toEqual({ stage: 'dev', plans: '', ...valid });
  });

  test.each([
    ['a Cognito pool', { signIn: { cognito } }],
    ['a domain in the region of the API', { region: 'eu-central-1', domain }],
    ['a domain, wherever the stage is deployed', { domain }],
    ['an edge', { region: 'eu-central-1', edge: exampleEdge }],
    [
      'an edge with a domain',
      {
        region: 'eu-central-1',
        edge: exampleEdge,
        domain: { ...domain, certificateArn: certificateIn('us-east-1') },
      },
    ],
    [
      'two digests while the secret is replaced',
      { region: 'eu-central-1', edge: { ...exampleEdge, acceptedDigests: ['0'.repeat(64), '1'.repeat(64)] } },
    ],
    ['a dashboard with its own name', { dashboard: { clientId: 'pages', domain: pages } }],
    [
      'one with the sign-in page of a pool',
      {
        signIn: {
          cognito: {
            ...cognito,
            callbackUrls: [
              'https://pages.example.com/dashboard/callback',
              'https://pages.example.com/dashboard/',
            ],
          },
        },
        dashboard: { domain: pages },
      },
    ],
    ['containers set apart', { reservedConcurrency: { token: 100, projector: 5 } }],
    ['replicas', { region: 'eu-central-1', multiRegion: { replicaRegions: ['eu-west-1'] } }],
  ])('may have %s', (_, settings) => {
    expect(parseStageConfig('dev', { dev: { ...valid, ...settings } })).toMatchObject(settings);
  });

  test.each(MISTAKES)('%s is refused with one sentence', (_, settings, sentence) => {
    expect(faultOf(settings)).toBe(
      sentence.startsWith(' ') ? `stages.dev${sentence}` : `stages.dev.${sentence}`,
    );
  });

  test('is refused with one sentence for each fault, all at once', () => {
    const faulty = {
      region: 'Frankfurt',
      signIn: { issuer: 'http://issuer.example.com' },
      logRetentionDays: 31,
      evidence: { objectLock: 'none', retentionDays: 90 },
      alarmEmail: 'nobody',
      rateLimits: { perIpPerMinute: 0, perIpPerSecond: 1.5 },
      apiKey: 'x',
    };
    expect(faultOf(faulty).split('. ')).toEqual([
      'stages.dev.region must be a region, as in eu-central-1',
      'stages.dev.signIn.issuer must be an https URL',
      'stages.dev.signIn.audience must be the audience of the access tokens',
      'stages.dev.logRetentionDays must be a number of days that CloudWatch Logs offers',
      'stages.dev.evidence.objectLock must be governance or compliance',
      'stages.dev.evidence.retentionDays must be a whole number from 181 to 3650',
      'stages.dev.alarmEmail must be an email address',
      'stages.dev.rateLimits.perIpPerMinute must be a whole number from 1 to 1000000',
      'stages.dev.rateLimits.perIpPerSecond must be a whole number from 1 to 1000000',
      'stages.dev.rateLimits.perSitePerMinute must be a whole number from 1 to 1000000',
      'stages.dev must not contain apiKey.',
    ]);
  });

  test('never repeats a value in an error, because it could be a misplaced secret', () => {
    const misplaced = 'a-secret-in-the-wrong-place';
    const faulty = {
      region: misplaced,
      signIn: { issuer: misplaced, audience: misplaced },
      logRetentionDays: misplaced,
      rateLimits: misplaced,
      edge: { ...exampleEdge, acceptedDigests: [misplaced] },
    };
    expect(faultOf(faulty)).not.toContain(misplaced);
  });

  test.each([[undefined], ['Dev'], ['a-name-that-is-too-long'], ['dev/1'], [7]])(
    'refuses the stage name %p',
    (stage) => {
      expect(messageOf(stage, { dev: valid })).toMatch(/^The stage must be a lower-case name/);
    },
  );

  test('lists the existing stages if the requested one does not exist', () => {
    expect(messageOf('prod', { dev: valid, staging: valid })).toBe(
      'The stage prod is not among the stages of cdk.json (dev, staging).',
    );
    expect(messageOf('prod', undefined)).toBe('The stage prod is not among the stages of cdk.json (none).');
  });
});

describe('the plans file of a stage', () => {
  const stages = { dev: { ...valid, plansFile: 'plans.json' } };
  const plans = BUILT_IN_PLANS.map(statedPlan);

  test('becomes the environment variable of the functions, without spaces', () => {
    const text = JSON.stringify(plans, null, 2);
    expect(parseStageConfig('dev', stages, () => text).plans).toBe(JSON.stringify(plans));
  });

  const unreadable = (): string => {
    throw new Error('ENOENT');
  };
  test.each([
    ['is not there', unreadable, 'The plans file plans.json cannot be read.'],
    ['is not JSON', () => '[', 'The plans file plans.json is not JSON.'],
    ['is empty', () => '[]', 'The plans file plans.json: '],
    [
      'lacks a price',
      () => JSON.stringify([{ ...plans[0], monthly_usd: 'x' }]),
      'The plans file plans.json, at 0.monthly_usd: ',
    ],
    [
      'is too long',
      () =>
        JSON.stringify([
          ...plans,
          ...Array.from({ length: 14 }, (_, i) => ({ ...plans[0], name: `plan-${i}` })),
        ]),
      "The plans file plans.json is longer than the 2000 bytes that a function's environment has room for.",
    ],
  ])('that %s stops the synthesis', (_, read, sentence) => {
    expect(messageOf('dev', stages, read)).toContain(sentence);
  });
});
