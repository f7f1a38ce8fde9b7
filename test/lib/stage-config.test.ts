import { describe, expect, test } from '@jest/globals';
import { parseStageConfig, StageConfigError } from '../../lib/stage-config.ts';

const valid = {
  oidcIssuer: 'https://issuer.example.com/',
  oidcAudience: 'spelo-byok',
  logRetentionDays: 30,
  keyRetentionHours: 24,
  evidence: { objectLock: 'governance', retentionDays: 400 },
  rateLimits: { perIpPerMinute: 60, perIpPerSecond: 20, perSitePerMinute: 200 },
  throttling: {
    everyRoute: { requestsPerSecond: 100, burst: 200 },
    tokenRoute: { requestsPerSecond: 50, burst: 100 },
  },
};

const messageOf = (stage: unknown, stages: unknown): string => {
  try {
    parseStageConfig(stage, stages);
  } catch (error) {
    if (error instanceof StageConfigError) return error.message;
    throw error;
  }
  throw new Error('The configuration was accepted.');
};

describe('the configuration of a stage', () => {
  test('is returned with its name', () => {
    expect(parseStageConfig('dev', { dev: valid })).toEqual({ stage: 'dev', ...valid });
  });

  test('names every fault at once, one sentence each', () => {
    const faulty = {
      ...valid,
      oidcIssuer: 'http://issuer.example.com',
      oidcAudience: '',
      logRetentionDays: 31,
      keyRetentionHours: -1,
      evidence: { objectLock: 'none', retentionDays: 90 },
      alarmEmail: 'nobody',
      retiredMasterKeyArns: ['alias/old'],
      rateLimits: { perIpPerMinute: 0, perIpPerSecond: 1.5 },
      apiKey: 'x',
    };
    expect(messageOf('dev', { dev: faulty }).split('. ')).toEqual([
      'stages.dev.oidcIssuer must be an https URL',
      'stages.dev.oidcAudience must be the audience of the access tokens',
      'stages.dev.logRetentionDays must be a number of days that CloudWatch Logs offers',
      'stages.dev.keyRetentionHours must be a whole number from 0 to 720',
      'stages.dev.retiredMasterKeyArns.0 must be the ARN of a KMS key',
      'stages.dev.evidence.objectLock must be governance or compliance',
      'stages.dev.evidence.retentionDays must be a whole number from 181 to 3650',
      'stages.dev.alarmEmail must be an e-mail address',
      'stages.dev.rateLimits.perIpPerMinute must be a whole number from 1 to 1000000',
      'stages.dev.rateLimits.perIpPerSecond must be a whole number from 1 to 1000000',
      'stages.dev.rateLimits.perSitePerMinute must be a whole number from 1 to 1000000',
      'stages.dev must not contain apiKey.',
    ]);
  });

  test('never repeats a value, which could be a secret in the wrong place', () => {
    const misplaced = 'a-secret-in-the-wrong-place';
    const faulty = { ...valid, oidcIssuer: misplaced, logRetentionDays: misplaced, rateLimits: misplaced };
    expect(messageOf('dev', { dev: faulty })).not.toContain(misplaced);
  });

  test.each([
    ['https://issuer.example.com/?tenant=1'],
    ['https://issuer.example.com/#x'],
    ['issuer.example.com'],
  ])('refuses the issuer %s', (oidcIssuer) => {
    expect(messageOf('dev', { dev: { ...valid, oidcIssuer } })).toMatch(/^stages\.dev\.oidcIssuer must /);
  });

  test.each([[undefined], ['Dev'], ['a-name-that-is-too-long'], ['dev/1'], [7]])(
    'refuses the stage %p',
    (stage) => {
      expect(messageOf(stage, { dev: valid })).toMatch(/^The stage must be a lower-case name/);
    },
  );

  test('says which stages there are when the one asked for is not among them', () => {
    expect(messageOf('prod', { dev: valid, staging: valid })).toBe(
      'The stage prod is not among the stages of cdk.json (dev, staging).',
    );
    expect(messageOf('prod', undefined)).toBe('The stage prod is not among the stages of cdk.json (none).');
  });
});
