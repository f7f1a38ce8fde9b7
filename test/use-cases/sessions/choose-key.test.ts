import { describe, expect, it } from '@jest/globals';
import { newKeyHealth } from '../../../lambdas/domain/keys/key-health.ts';
import type { DeletedKey } from '../../../lambdas/domain/keys/stored-key.ts';
import type { TokenContext } from '../../../lambdas/domain/sessions/token-context.ts';
import { BUILT_IN_PLANS } from '../../../lambdas/domain/tenancy/plan.ts';
import type { Workspace } from '../../../lambdas/domain/tenancy/workspace.ts';
import { chooseKey } from '../../../lambdas/use-cases/sessions/choose-key.ts';
import { aContext, aKey, aWorkspace, NOW } from './token-fixture.ts';

const DELETED: DeletedKey = { state: 'deleted', revision: 4, lastVersion: 3, changedAt: '', changedBy: '' };
const suspended = { state: 'suspended' } as const;

const chosen = (context: Partial<TokenContext>, workspace: Partial<Workspace> = {}) =>
  chooseKey(aWorkspace(workspace), aContext(context), BUILT_IN_PLANS, NOW);
const payer = (...given: Parameters<typeof chosen>) => {
  const result = chosen(...given);
  if ('refusal' in result) throw result.refusal;
  return result;
};
const refusal = (...given: Parameters<typeof chosen>) => {
  const result = chosen(...given);
  return 'refusal' in result ? result.refusal : undefined;
};

describe('with your own key', () => {
  it("the site's goes before the workspace's", () => {
    expect(payer({ siteKey: aKey('site') }).key.sealed.scope).toBe('site');
    expect(payer({}).key.sealed.scope).toBe('workspace');
  });

  it("a deleted key of the site leaves the site on the workspace's", () => {
    expect(payer({ siteKey: DELETED }).key.sealed.scope).toBe('workspace');
  });

  it("a suspended key of the site refuses, and does not fall through to the workspace's", () => {
    expect(refusal({ siteKey: aKey('site', suspended) })?.code).toBe('openai_key_suspended');
    expect(refusal({ workspaceKey: aKey('workspace', suspended) })?.code).toBe('openai_key_suspended');
  });

  it.each([undefined, DELETED])(
    "none at all refuses, and never falls back to the platform's",
    (workspaceKey) => {
      expect(refusal({ workspaceKey, siteKey: workspaceKey })?.code).toBe('openai_key_missing');
    },
  );

  it('is limited by the tier, or by what the workspace says, and by no plan', () => {
    expect(payer({})).toMatchObject({ mode: 'byok', slotLimit: 10, capSeconds: undefined });
    expect(payer({}, { concurrencyLimit: 4 }).slotLimit).toBe(4);
  });

  it('is judged by the reports on that very key', () => {
    const reports = ['a', 'b', 'c'].map((ipHash) => ({
      ipHash,
      failure: 'quota_exhausted' as const,
      atMs: NOW.getTime(),
    }));
    const bad = { ...newKeyHealth(3), reports };
    const health = { site: undefined, workspace: undefined, platform: undefined };
    expect(payer({ health: { ...health, workspace: bad } }).degradation?.failure).toBe('quota_exhausted');
    expect(payer({ siteKey: aKey('site'), health: { ...health, site: bad } }).degradation).toBeDefined();
    expect(
      payer({ siteKey: aKey('site'), health: { ...health, workspace: bad } }).degradation,
    ).toBeUndefined();
    expect(payer({ siteKey: DELETED, health: { ...health, site: bad } }).degradation).toBeUndefined();
    const managed = { billingMode: 'managed' } as const;
    expect(payer({ health: { ...health, platform: bad } }, managed).degradation).toBeDefined();
    expect(payer({ health: { ...health, workspace: bad } }, managed).degradation).toBeUndefined();
  });
});

describe('managed', () => {
  const MANAGED = { billingMode: 'managed' } as const;
  const used = (usedSeconds: number) => ({ period: { usedSeconds, committedSeconds: 0, notices: {} } });

  it("is on the platform's key, whatever keys the customer has", () => {
    const { mode, key } = payer({ siteKey: aKey('site') }, MANAGED);
    expect({ mode, scope: key.sealed.scope }).toEqual({ mode: 'managed', scope: 'platform' });
  });

  it('ends with the last second of a hard cap, until the next month', () => {
    expect(payer(used(5_999), MANAGED).capSeconds).toBe(6_000);
    const { code: name, retryAfterSeconds } = refusal(used(6_000), MANAGED) ?? {};
    expect({ name, retryAfterSeconds }).toEqual({
      name: 'minutes_exhausted',
      retryAfterSeconds: (Date.parse('2026-12-01T00:00:00Z') - NOW.getTime()) / 1_000,
    });
  });

  it('continues past the included minutes of a plan that is not hard', () => {
    expect(payer(used(10_000_000), { ...MANAGED, plan: 'starter' }).capSeconds).toBeUndefined();
  });

  it('fails closed on a plan that nobody knows', () => {
    expect(refusal({}, { ...MANAGED, plan: 'gone' })?.code).toBe('minutes_exhausted');
  });

  it.each([undefined, DELETED, aKey('platform', suspended)])(
    "without the platform's key is an outage of ours, not the customer's fault",
    (platformKey) => {
      expect(refusal({ platformKey }, MANAGED)?.code).toBe('platform_key_missing');
    },
  );

  it('managed sessions have the lower limit of the plan and the workspace', () => {
    expect(payer({}, MANAGED).slotLimit).toBe(5);
    expect(payer({}, { ...MANAGED, concurrencyLimit: 2 }).slotLimit).toBe(2);
    expect(payer({}, { ...MANAGED, concurrencyLimit: 9 }).slotLimit).toBe(5);
  });
});
