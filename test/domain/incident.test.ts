import { describe, expect, it } from '@jest/globals';
import type { WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { ANOMALY_KINDS, type Incident, responseTo, summaryOf } from '../../lambdas/domain/incident.ts';
import { ANOMALY_RESPONSES } from '../../lambdas/domain/workspace.ts';

describe('the response to an incident', () => {
  it.each(['burst', 'origin_spread', 'address_spread', 'cost_spike'] as const)(
    'to %s is what the workspace has set',
    (kind) => {
      for (const response of ANOMALY_RESPONSES) expect(responseTo(kind, 'byok', response)).toBe(response);
    },
  );

  it('never lets requests from foreign origins touch a key', () => {
    for (const response of ANOMALY_RESPONSES)
      expect(responseTo('refused_origins', 'byok', response)).toBe('notify');
  });

  it('does not encrypt a key anew that OpenAI refuses, but may switch it off', () => {
    expect(responseTo('auth_failures', 'byok', 'rotate')).toBe('notify');
    expect(responseTo('auth_failures', 'byok', 'suspend')).toBe('suspend');
  });

  it("never touches the platform's own key", () => {
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

  it('is one line that says what, against what, and what was done', () => {
    expect(summaryOf(incident)).toBe(
      '143 sessions within 5 minutes, where about 4 are usual. The key is suspended; resume it when you know why.',
    );
  });

  it.each(ANOMALY_KINDS)('of %s is one line for every response', (kind) => {
    for (const response of ANOMALY_RESPONSES)
      expect(summaryOf({ ...incident, kind, response })).toMatch(/^\d+ [^\n]+\.$/);
  });
});
