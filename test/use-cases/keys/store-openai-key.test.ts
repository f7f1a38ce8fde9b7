import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { KeyAddress } from '../../../lambdas/domain/keys/stored-key.ts';
import { DEFAULT_RATE_LIMITS } from '../../../lambdas/domain/limits.ts';
import { attributionOf, OPENAI_FAILURES, OpenAiFailure } from '../../../lambdas/domain/openai-failure.ts';
import { Secret } from '../../../lambdas/domain/secret.ts';
import { DEFAULT_VOICE_SETTINGS, type VoiceSettings } from '../../../lambdas/domain/tenancy/workspace.ts';
import { storeOpenAiKey } from '../../../lambdas/use-cases/keys/store-openai-key.ts';
import { storePlatformKey } from '../../../lambdas/use-cases/keys/store-platform-key.ts';
import { aSite, lost, NOW, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { sitesOf } from '../tenancy/tenancy-fixture.ts';
import {
  aRetainedKey,
  aSealedKey,
  CALLER,
  DELETED_KEY,
  type KeyPlay,
  type KeyPorts,
  type KeyWorld,
  OUTAGE,
  outage,
  plaintextOf,
  playWithKey,
} from './key-fixture.ts';

const PASTED = `sk-proj-${'a'.repeat(36)}wxyz`;
const MASKED = 'sk-proj-...wxyz';
const AT = NOW.toISOString();
const PAID = `spend one of 10 of probe#${WORKSPACE_ID}`;
const TRIED = ['list models', 'mint'];
const STORED = ['read key', 'seal', 'write'];

const storing =
  (pasted: string): KeyPlay =>
  (ports) =>
  (caller, target) =>
    storeOpenAiKey(ports, DEFAULT_RATE_LIMITS)(caller, target, pasted);
const store = (given?: KeyWorld, pasted = PASTED) => playWithKey(storing(pasted), given);

const storingPlatformKey =
  (pasted: string): KeyPlay =>
  (ports) =>
  (caller) =>
    storePlatformKey({
      ...ports,
      workspaces: { listLiveWorkspaces: async () => [] },
      hangUps: { send: async () => undefined },
    })(pasted, caller);

describe('storing a pasted key', () => {
  it('charges the rate limit, checks the key, and only then seals it as the next version of its scope', async () => {
    const { log, row } = await store();
    expect(log).toEqual([PAID, ...TRIED, ...STORED]);
    expect(plaintextOf(row.currentKey)).toBe(PASTED);
    expect(row.currentKey).toMatchObject({
      revision: 1,
      lastVersion: 1,
      changedAt: AT,
      changedBy: CALLER.sub,
    });
  });

  it('returns only the masked view of the key', async () => {
    expect((await store({ scope: 'workspace' })).result).toStrictEqual({
      scope: 'workspace',
      masked: MASKED,
      version: 1,
      state: 'active',
      createdAt: AT,
      createdBy: CALLER.sub,
      lastUsedAt: null,
      lastVerifiedAt: AT,
      verdict: { ok: true, code: 'ok', message: 'The key works.', checkedAt: AT, latencyMs: 0 },
    });
  });

  it.each([
    ['site', SITE_ID, aSite({ voice: 'cedar' })],
    ['workspace', undefined, DEFAULT_VOICE_SETTINGS],
  ] as const)(
    'for a %s checks the key with its session settings, and records an event',
    async (scope, siteId, settings) => {
      const { asked, events } = await store({ scope });
      expect(asked).toEqual([{ key: PASTED, settings }]);
      const facts = { scope, version: 1, masked: MASKED, verdict: 'ok' };
      expect(events).toEqual([
        { caller: CALLER, type: 'key.stored', workspaceId: WORKSPACE_ID, siteId, facts },
      ]);
    },
  );

  it.each([
    ['retains the replaced version', 3_600, '2', [3]],
    ['retains no version if the retention is zero', 0, '3,2', []],
  ] as const)('%s, instead of the retained version', async (_, retainSeconds, versions_shredded, kept) => {
    const { row, events } = await store({
      currentKey: aSealedKey('site', { lastVersion: 5, previousVersion: 2 }),
      retained: [aRetainedKey('site')],
      own: { retainSeconds },
    });
    const facts = { version_before: 3, version: 6, masked: MASKED, versions_shredded };
    expect(events).toMatchObject([{ facts }]);
    expect(row.retained.map(({ sealed }) => sealed.version)).toEqual(kept);
    expect(row.history).toEqual([
      { version: 6, masked: MASKED, createdAt: AT, createdBy: CALLER.sub, reason: 'stored' },
    ]);
  });

  it('after a deletion continues the versions and replaces none', async () => {
    const { events } = await store({ currentKey: DELETED_KEY });
    const facts = { scope: 'site', version: 4, masked: MASKED, verdict: 'ok' };
    expect(events).toEqual([expect.objectContaining({ facts })]);
  });
});

describe('storing a key that cannot mint', () => {
  const REFUSED: Readonly<Record<string, string>> = {
    key_invalid: 'openai_key_rejected',
    key_expired: 'openai_key_rejected',
    missing_permission: 'openai_key_rejected',
    not_a_member: 'openai_key_rejected',
    account_deactivated: 'openai_key_rejected',
    project_archived: 'openai_key_rejected',
    project_mismatch: 'openai_key_rejected',
    organization_unverified: 'openai_key_rejected',
    model_unavailable: 'openai_key_rejected',
    wrong_region: 'openai_key_rejected',
    ip_not_authorized: 'openai_key_rejected',
    country_not_supported: 'openai_key_rejected',
    quota_exhausted: 'openai_quota_exhausted',
    spend_limit_reached: 'openai_quota_exhausted',
    billing_inactive: 'openai_quota_exhausted',
  };

  it.each(Object.entries(REFUSED))(
    'for %s is refused as %s, and nothing is written',
    async (name, refusal) => {
      const { result, log } = await store({ failure: new OpenAiFailure(name as 'key_invalid') });
      expect(result).toMatchObject({ code: refusal, details: [{ path: name }] });
      expect(log).toEqual([PAID, ...TRIED]);
    },
  );

  it.each(OPENAI_FAILURES.filter((name) => REFUSED[name] === undefined))(
    'for %s, which proves nothing about the key, stores the key as unverified',
    async (name) => {
      const { result, log, events } = await store({ failure: new OpenAiFailure(name) });
      expect(log).toEqual([PAID, ...TRIED, ...STORED]);
      const message = expect.stringMatching(`^Stored, but not verified yet \\(${name}\\)\\. OpenAI\\W`);
      expect(result).toMatchObject({
        state: 'unverified',
        lastVerifiedAt: null,
        verdict: { ok: false, code: name, message, checkedAt: AT },
      });
      expect(events).toMatchObject([{ facts: { verdict: name } }]);
    },
  );
});

describe('storing a key that could not be checked', () => {
  const UNDECIDED = OPENAI_FAILURES.filter((name) => attributionOf(new OpenAiFailure(name)) === 'nobody');
  const confirming: KeyPlay = (ports) => (caller, target) =>
    storeOpenAiKey(ports, DEFAULT_RATE_LIMITS)(caller, target, PASTED, { confirmUnverified: true });

  it.each(UNDECIDED)('for %s does not replace the stored key', async (name) => {
    const currentKey = aSealedKey('site');
    const { result, row, log } = await store({ currentKey, failure: new OpenAiFailure(name) });
    expect(result).toMatchObject({ code: 'openai_key_unverified', details: [{ path: name }] });
    expect(row.currentKey).toBe(currentKey);
    expect(log).toEqual([PAID, ...TRIED, 'read key']);
  });

  it('does not replace a suspended key', async () => {
    const currentKey = aSealedKey('site', { state: 'suspended' });
    const { result } = await store({ currentKey, failure: new OpenAiFailure('timeout') });
    expect(result).toMatchObject({ code: 'openai_key_unverified' });
  });

  it('replaces the stored key if the caller confirms it', async () => {
    const { result, row } = await playWithKey(confirming, {
      currentKey: aSealedKey('site'),
      failure: new OpenAiFailure('unreachable'),
    });
    expect(result).toMatchObject({ state: 'unverified', version: 4 });
    expect(plaintextOf(row.currentKey)).toBe(PASTED);
  });

  it('is refused if OpenAI finds a fault of the key, confirmed or not', async () => {
    const { result } = await playWithKey(confirming, { failure: new OpenAiFailure('key_invalid') });
    expect(result).toMatchObject({ code: 'openai_key_rejected' });
  });

  it('replaces a deleted key without a confirmation', async () => {
    const { result } = await store({ currentKey: DELETED_KEY, failure: new OpenAiFailure('timeout') });
    expect(result).toMatchObject({ state: 'unverified' });
  });
});

describe('storing the key of a workspace', () => {
  const [shop, blog, own] = sitesOf(3).map((site, index) => ({ ...site, name: `Site ${index}` }));
  if (shop === undefined || blog === undefined || own === undefined) throw new Error('Three sites.');
  const sites = [
    { ...shop, model: 'gpt-realtime-2.1', dataResidency: 'eu' as const },
    { ...blog, model: 'gpt-realtime-2' },
  ];
  const only =
    (model: string, failure: OpenAiFailure) =>
    (settings: VoiceSettings): Error | undefined =>
      settings.model === model ? undefined : failure;

  it('checks it with the model and region of each of its sites', async () => {
    const { asked, result } = await store({ scope: 'workspace', sites });
    expect(asked).toEqual(sites.map((settings) => ({ key: PASTED, settings })));
    expect(result).toMatchObject({
      state: 'active',
      verdict: { code: 'ok' },
    });
  });

  it('does not check it with a site that has its own key', async () => {
    const readKey = async ({ scopeId }: KeyAddress) =>
      scopeId === own.siteId ? aSealedKey('site') : undefined;
    const { asked } = await store({
      scope: 'workspace',
      sites: [own, ...sites],
      own: { keys: { readKey, changeKey: async () => undefined } as unknown as KeyPorts['keys'] },
    });
    expect(asked).toEqual(sites.map((settings) => ({ key: PASTED, settings })));
  });

  it('succeeds if the key works for one site, and lists the other sites', async () => {
    const failure = only('gpt-realtime-2', new OpenAiFailure('wrong_region', { subject: 'global' }));
    const { result, row } = await store({ scope: 'workspace', sites, failure });
    expect(result).toMatchObject({
      state: 'active',
      verdict: {
        ok: true,
        code: 'some_sites_fail',
        sites: [
          {
            siteId: shop.siteId,
            ok: false,
            code: 'wrong_region',
            message: expect.stringContaining('global'),
          },
          { siteId: blog.siteId, ok: true },
        ],
      },
    });
    expect(row.currentKey).not.toHaveProperty('verdict.sites');
  });

  it('is refused if the key works for no site, with the reason for each site', async () => {
    const failure = ({ model }: VoiceSettings): Error =>
      new OpenAiFailure(model === 'gpt-realtime-2' ? 'model_unavailable' : 'wrong_region');
    const { result, row } = await store({ scope: 'workspace', sites, failure });
    expect(row.currentKey).toBeUndefined();
    expect(result).toMatchObject({
      code: 'openai_key_rejected',
      details: [
        { path: 'wrong_region' },
        { path: `sites.${shop.siteId}` },
        { path: `sites.${blog.siteId}`, message: expect.stringMatching(/^Site 1: The OpenAI project/) },
      ],
    });
  });

  it.each(['model_unavailable', 'organization_unverified'] as const)(
    'without a site stores it as unverified for %s, because no site uses that model',
    async (name) => {
      const { result } = await store({ scope: 'workspace', failure: new OpenAiFailure(name) });
      expect(result).toMatchObject({ state: 'unverified', verdict: { ok: false, code: name } });
    },
  );
});

describe('a person with an old sign-in', () => {
  const old: KeyPlay = (ports) => (caller, target) =>
    storeOpenAiKey(ports, DEFAULT_RATE_LIMITS)({ ...caller, signInIsOld: true }, target, PASTED);
  const workspaceKeyOnly = (state: 'active' | 'suspended' | 'deleted') => {
    const key = state === 'deleted' ? DELETED_KEY : aSealedKey('workspace', { state });
    const readKey = async ({ scope }: KeyAddress) => (scope === 'workspace' ? key : undefined);
    return { keys: { readKey, changeKey: async () => undefined } as unknown as KeyPorts['keys'] };
  };

  it.each<[string, KeyWorld]>([
    ['replace a key', { currentKey: aSealedKey('site') }],
    ['replace a suspended key', { currentKey: aSealedKey('site', { state: 'suspended' }) }],
    ['store a key after a deletion', { currentKey: DELETED_KEY }],
    ['store a workspace key after a deletion', { scope: 'workspace', currentKey: DELETED_KEY }],
    ['store a site key if the workspace has a key', { own: workspaceKeyOnly('active') }],
    ['store a site key if the workspace key is suspended', { own: workspaceKeyOnly('suspended') }],
  ])('cannot %s, and spends nothing', async (_, given) => {
    const { result, log } = await playWithKey(old, given);
    expect(result).toMatchObject({ code: 'recent_sign_in_required' });
    expect(log.filter((step) => step !== 'read key')).toEqual([]);
  });

  it.each<[string, KeyWorld]>([
    ['the first key of a site', {}],
    ['the first key of a workspace', { scope: 'workspace' }],
    ['the first key of a site whose workspace key was deleted', { own: workspaceKeyOnly('deleted') }],
  ])('can store %s', async (_, given) => {
    expect((await playWithKey(old, given)).result).toMatchObject({ state: 'active' });
  });
});

describe('the pasted text', () => {
  it.each([
    ['nothing', ' ', 'starts with "sk-"'],
    ['an admin key', `sk-admin-${'q'.repeat(40)}`, 'admin key'],
    ['a client secret', `ek_${'q'.repeat(40)}`, 'client secret'],
    ['any other text', 'qqqq', 'does not look like'],
  ])('%s is refused before it costs anything, and not repeated in the error', async (_, pasted, words) => {
    for (const run of [storing, storingPlatformKey]) {
      const { result, log } = await playWithKey(run(pasted));
      const details = [{ path: 'api_key', message: expect.stringContaining(words) }];
      expect(result).toMatchObject({ code: 'invalid_request', details });
      expect(JSON.stringify(result)).not.toContain('qqqq');
      expect(log).toEqual([]);
    }
  });

  it('is not examined if the caller may not store a key', async () => {
    expect((await store({ role: 'viewer' }, 'no key')).result).toMatchObject({ code: 'forbidden' });
  });

  it('is not sent to OpenAI if the rate limit of the workspace is spent', async () => {
    const { result, log } = await store({ budgetIsSpent: true });
    expect(result).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 9 });
    expect(log).toEqual([PAID]);
  });
});

describe('storing the platform key', () => {
  it('checks it with the settings of a new site, charges no rate limit, and seals it at its reserved scope', async () => {
    const currentKey = aSealedKey('platform');
    const { result, log, row, asked, events } = await playWithKey(storingPlatformKey(PASTED), {
      scope: 'platform',
      currentKey,
    });
    expect(result).toBe(row.currentKey);
    expect(plaintextOf(row.currentKey)).toBe(PASTED);
    expect(asked).toEqual([{ key: PASTED, settings: DEFAULT_VOICE_SETTINGS }]);
    expect(log).toEqual([...TRIED, ...STORED]);
    const facts = { scope: 'platform', version_before: 3, version: 4, masked: MASKED, verdict: 'ok' };
    expect(events).toEqual([{ caller: CALLER, type: 'key.stored', workspaceId: 'platform', facts }]);
  });

  it('keeps it suspended if the previous one is suspended, because only the operator ends the kill switch', async () => {
    const currentKey = aSealedKey('platform', { state: 'suspended' });
    const { row, events } = await playWithKey(storingPlatformKey(PASTED), { scope: 'platform', currentKey });
    expect(plaintextOf(row.currentKey)).toBe(PASTED);
    expect(row.currentKey).toMatchObject({ state: 'suspended' });
    expect(events).toMatchObject([{ type: 'key.stored', facts: { suspended: true } }]);
  });
});

describe.each([
  ['pasted key', 'site', storing],
  ["platform's key", 'platform', storingPlatformKey],
] as const)('the bytes of a %s are zeroed', (_, scope, run) => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const refusedAs = (refusal: string): unknown => expect.objectContaining({ code: refusal });
  const keys = { readKey: async () => undefined } as unknown as KeyPorts['keys'];
  const ENDS: readonly (readonly [string, KeyWorld, unknown])[] = [
    ['it is stored', {}, expect.objectContaining({ createdBy: CALLER.sub })],
    ['OpenAI refused it', { failure: new OpenAiFailure('key_expired') }, refusedAs('openai_key_rejected')],
    ['it could not be checked', { failure: OUTAGE }, OUTAGE],
    ['the table could not be read', { own: { keys: { ...keys, readKey: outage } } }, OUTAGE],
    ['it could not be sealed', { own: { sealer: { seal: outage } } }, OUTAGE],
    ['the event could not be made', { own: { auditEvents: { event: outage } } }, OUTAGE],
    [
      'another writer was first',
      { own: { keys: { ...keys, changeKey: lost } } },
      refusedAs('version_conflict'),
    ],
    ['the table could not be written', { own: { keys: { ...keys, changeKey: outage } } }, OUTAGE],
  ];
  const OF_BUDGET: typeof ENDS = [
    ['the rate limit could not be read', { own: { limiter: { spend: outage } } }, OUTAGE],
    ['the rate limit is spent', { budgetIsSpent: true }, refusedAs('rate_limited')],
  ];

  it.each(scope === 'site' ? [...ENDS, ...OF_BUDGET] : ENDS)('when %s', async (_end, given, expected) => {
    const made: Buffer[] = [];
    const fromText = Secret.fromText.bind(Secret);
    jest.spyOn(Secret, 'fromText').mockImplementation((text) => {
      const secret = fromText(text);
      made.push(secret.bytes());
      return secret;
    });
    expect((await playWithKey(run(PASTED), { scope, ...given })).result).toEqual(expected);
    expect(made).toEqual([Buffer.alloc(PASTED.length)]);
  });
});
