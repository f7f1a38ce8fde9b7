import { describe, expect, it } from '@jest/globals';
import {
  ANOMALY_KINDS,
  type Incident,
  responseTo,
  summaryOf,
} from '../../../lambdas/domain/anomalies/incident.ts';
import type { WorkspaceId } from '../../../lambdas/domain/identifiers.ts';
import { ANOMALY_RESPONSES } from '../../../lambdas/domain/tenancy/workspace.ts';

describe('the response to an incident', () => {
  it.each(['burst', 'origin_spread', 'address_spread', 'cost_spike'] as const)(
    'to %s is the one that the workspace has chosen',
    (kind) => {
      for (const response of ANOMALY_RESPONSES) expect(responseTo(kind, 'byok', response)).toBe(response);
    },
  );

  it.each(['refused_origins', 'false_claims'] as const)(
    'to %s changes no key, because anyone can cause it',
    (kind) => {
      for (const response of ANOMALY_RESPONSES) expect(responseTo(kind, 'byok', response)).toBe('notify');
    },
  );

  it('to authentication failures is never re-encryption, but can be suspension', () => {
    expect(responseTo('auth_failures', 'byok', 'rotate')).toBe('notify');
    expect(responseTo('auth_failures', 'byok', 'suspend')).toBe('suspend');
  });

  it('never changes the platform key', () => {
    for (const kind of ANOMALY_KINDS)
      for (const response of ANOMALY_RESPONSES) expect(responseTo(kind, 'managed', response)).toBe('notify');
  });
});

describe('the summary of an incident', () => {
  const incident: Incident = {
    incidentId: 'evt_1',
    workspaceId: 'abcdefghjkmn' as WorkspaceId,
    siteId: null,
    kind: 'burst',
    at: '2026-11-23T12:00:00.000Z',
    observed: 143,
    expected: 4.2,
    threshold: 25.2,
    windowSeconds: 300,
    response: 'suspend',
    keys: [],
  };

  it('is one line with the observation, the expectation and the response', () => {
    expect(summaryOf(incident)).toBe(
      '143 sessions within 5 minutes, where about 4 are usual. The key is suspended; resume it when you know why.',
    );
  });

  it.each([
    ['burst', '143 sessions within'],
    ['origin_spread', '143 new origins within'],
    ['address_spread', '143 addresses within'],
    ['auth_failures', '143 sessions in a row that OpenAI refused because of the key within'],
    ['refused_origins', '143 requests from origins that are not registered within'],
    ['cost_spike', '143 seconds of voice at most within'],
    ['false_claims', '143 calls whose page claimed more than OpenAI counted within'],
  ] as const)('of %s names the observation', (kind, beginning) => {
    expect(summaryOf({ ...incident, kind }).startsWith(beginning)).toBe(true);
  });

  it.each([
    [0, '143 sessions, where'],
    [60, '143 sessions within 1 minutes, where'],
    [7_199, '143 sessions within 119.98333333333333 minutes, where'],
    [7_200, '143 sessions within 2 hours, where'],
    [82_800, '143 sessions within 23 hours, where'],
    [86_400, '143 sessions within one day, where'],
  ])('writes a window of %d seconds in readable units', (windowSeconds, beginning) => {
    expect(summaryOf({ ...incident, windowSeconds }).startsWith(beginning)).toBe(true);
  });

  it.each([
    [0, 'where hardly any are usual.'],
    [0.49, 'where hardly any are usual.'],
    [0.5, 'where about 1 are usual.'],
    [4.5, 'where about 5 are usual.'],
  ])('describes an expected count of %d in words', (expected, words) => {
    expect(summaryOf({ ...incident, expected })).toContain(words);
  });

  it.each([
    ['notify', 'Nothing was changed.'],
    ['rotate', 'The key is being re-encrypted.'],
    ['suspend', 'The key is suspended; resume it when you know why.'],
  ] as const)('names the response %s', (response, end) => {
    expect(summaryOf({ ...incident, response }).endsWith(` are usual. ${end}`)).toBe(true);
  });

  it.each(ANOMALY_KINDS)('of %s is one line for every response', (kind) => {
    for (const response of ANOMALY_RESPONSES)
      expect(summaryOf({ ...incident, kind, response })).toMatch(/^\d+ [^\n]+\.$/);
  });
});
