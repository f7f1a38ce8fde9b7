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

describe('the choice of an own key', () => {
  it('prefers the key of the site to the key of the workspace', () => {
    expect(payer({ siteKey: aKey('site') }).key.sealed.scope).toBe('site');
    expect(payer({}).key.sealed.scope).toBe('workspace');
  });

  it('uses the workspace key if the key of the site is deleted', () => {
    expect(payer({ siteKey: DELETED }).key.sealed.scope).toBe('workspace');
  });

  it('refuses if the key of the site is suspended, and does not use the workspace key instead', () => {
    expect(refusal({ siteKey: aKey('site', suspended) })?.code).toBe('openai_key_suspended');
    expect(refusal({ workspaceKey: aKey('workspace', suspended) })?.code).toBe('openai_key_suspended');
  });

  it.each([undefined, DELETED])(
    'refuses without any key, and never uses the platform key instead',
    (workspaceKey) => {
      expect(refusal({ workspaceKey, siteKey: workspaceKey })?.code).toBe('openai_key_missing');
    },
  );

  it('limits the slots by the OpenAI tier or the workspace setting, and by no plan', () => {
    expect(payer({})).toMatchObject({ mode: 'byok', slotLimit: 10, capSeconds: undefined });
    expect(payer({}, { concurrencyLimit: 4 }).slotLimit).toBe(4);
  });

  it('uses only the health reports on the chosen key', () => {
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

describe('the choice of the platform key', () => {
  const MANAGED = { billingMode: 'managed' } as const;
  const used = (usedSeconds: number) => ({ period: { usedSeconds, committedSeconds: 0, notices: {} } });

  it('ignores the keys of the customer', () => {
    const { mode, key } = payer({ siteKey: aKey('site') }, MANAGED);
    expect({ mode, scope: key.sealed.scope }).toEqual({ mode: 'managed', scope: 'platform' });
  });

  it('refuses from the last second of a hard cap until the next month', () => {
    expect(payer(used(5_999), MANAGED).capSeconds).toBe(6_000);
    const { code: name, retryAfterSeconds } = refusal(used(6_000), MANAGED) ?? {};
    expect({ name, retryAfterSeconds }).toEqual({
      name: 'minutes_exhausted',
      retryAfterSeconds: (Date.parse('2026-12-01T00:00:00Z') - NOW.getTime()) / 1_000,
    });
  });

  it('continues beyond the included minutes of a plan without a hard cap', () => {
    expect(payer(used(10_000_000), { ...MANAGED, plan: 'starter' }).capSeconds).toBeUndefined();
  });

  it('refuses on an unknown plan', () => {
    expect(refusal({}, { ...MANAGED, plan: 'gone' })?.code).toBe('minutes_exhausted');
  });

  it.each([undefined, DELETED, aKey('platform', suspended)])(
    'is an outage of ours if the platform key is missing',
    (platformKey) => {
      expect(refusal({ platformKey }, MANAGED)?.code).toBe('platform_key_missing');
    },
  );

  it('limits the slots to the lower value of the plan and the workspace', () => {
    expect(payer({}, MANAGED).slotLimit).toBe(5);
    expect(payer({}, { ...MANAGED, concurrencyLimit: 2 }).slotLimit).toBe(2);
    expect(payer({}, { ...MANAGED, concurrencyLimit: 9 }).slotLimit).toBe(5);
  });
});
