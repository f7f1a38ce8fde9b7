import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import type { SiteId, WorkspaceId } from '../../../lambdas/domain/identifiers.ts';
import { newApiToken } from '../../../lambdas/domain/tenancy/api-token-text.ts';
import type { ApiToken, ApiTokenRole, Caller, Role } from '../../../lambdas/domain/tenancy/workspace.ts';
import { listAuditTrail } from '../../../lambdas/use-cases/audit/list-audit-trail.ts';
import type { ApiTokenReader, ApiTokenStore } from '../../../lambdas/use-cases/ports/tenancy.ts';
import {
  createApiToken,
  listApiTokens,
  type NewApiToken,
  revokeApiToken,
} from '../../../lambdas/use-cases/tenancy/api-tokens.ts';
import { authorizeSite, authorizeWorkspace } from '../../../lambdas/use-cases/tenancy/authorize.ts';
import { requireRecentSignIn } from '../../../lambdas/use-cases/tenancy/require-recent-sign-in.ts';
import { verifyApiToken } from '../../../lambdas/use-cases/tenancy/verify-api-token.ts';
import { aMember, NOW, outcomeOf, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { CALLER, eventOf, OTHER_SITE_ID, sitesOf, tenancyWith } from './tenancy-fixture.ts';

const WANTED: NewApiToken = { name: 'Nightly export', role: 'viewer', siteIds: null, days: 90 };

/** The workspace of the fixture with tokens as their table keeps them. */
const worldWith = ({ role = 'owner' as Role, sites = sitesOf(2) } = {}) => {
  const { table, ports } = tenancyWith({ members: [aMember(role, CALLER.sub)], sites });
  const tokens = new Map<string, ApiToken>();
  const notes: string[] = [];
  let reads = 0;
  const apiTokens: ApiTokenStore & ApiTokenReader = {
    readApiToken: async (workspaceId, tokenId) => {
      reads++;
      const token = tokens.get(tokenId);
      return token?.workspaceId === workspaceId ? token : undefined;
    },
    noteApiTokenUse: async ({ tokenId }, at) => {
      notes.push(`${tokenId} ${at.toISOString()}`);
    },
    listApiTokens: async () => [...tokens.values()],
    readApiTokenUses: async () => new Map(notes.map((note) => note.split(' ') as [string, string])),
    createApiToken: async (token, event) => {
      tokens.set(token.tokenId, token);
      table.trail.push(event);
    },
    removeApiToken: async ({ tokenId }, event) => {
      if (!tokens.delete(tokenId)) throw new ConflictError();
      table.trail.push(event);
    },
  };
  return {
    table,
    tokens,
    notes,
    reads: () => reads,
    ports: { ...ports, random: (size: number) => randomBytes(size), apiTokens },
  };
};

const detailOf = async (attempt: Promise<unknown>): Promise<unknown> => {
  try {
    return await attempt;
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    return [error.code, ...error.details.map(({ path, message }) => `${path}: ${message}`)];
  }
};

describe('creating an API token', () => {
  it('returns the text once, stores its hash, and records an event with neither', async () => {
    const { table, tokens, ports } = worldWith();
    const { shown, text } = await createApiToken(ports)(CALLER, WORKSPACE_ID, WANTED);
    expect(shown).toEqual({
      workspaceId: WORKSPACE_ID,
      tokenId: expect.stringMatching(/^tok_/),
      name: 'Nightly export',
      role: 'viewer',
      siteIds: null,
      createdAt: NOW.toISOString(),
      createdBy: CALLER.sub,
      expiresAt: '2027-02-21T12:00:10.000Z',
      lastUsedAt: undefined,
      effectiveRole: 'viewer',
    });
    const kept = JSON.stringify([...tokens.values(), ...table.trail]);
    expect(kept).not.toContain(text);
    expect(kept).not.toContain(text.slice(32));
    expect(table.trail).toEqual([
      {
        ...eventOf('api_token.created', {
          facts: {
            token: shown.tokenId,
            token_name: 'Nightly export',
            role: 'viewer',
            valid_until: shown.expiresAt,
            sites: 'all',
          },
        }),
        eventId: expect.any(String),
      },
    ]);
  });

  it.each([
    ['an admin', { role: 'admin' as Role }, CALLER, 'forbidden'],
    ['a viewer', { role: 'viewer' as Role }, CALLER, 'forbidden'],
    ['an owner with an old sign-in', {}, { ...CALLER, signInIsOld: true }, 'recent_sign_in_required'],
    ['a stranger', {}, { ...CALLER, sub: 'stranger' }, 'workspace_not_found'],
  ])('is refused for %s', async (_, world, caller, code) => {
    const { ports, tokens } = worldWith(world);
    expect(await outcomeOf(createApiToken(ports)(caller, WORKSPACE_ID, WANTED))).toBe(code);
    expect(tokens.size).toBe(0);
  });

  it('names each site that does not exist in the workspace', async () => {
    const { ports } = worldWith();
    const foreign = `zzzzzzzzzzzz${'0'.repeat(12)}` as SiteId;
    const wanted = { ...WANTED, siteIds: [SITE_ID, foreign, OTHER_SITE_ID] };
    expect(await detailOf(createApiToken(ports)(CALLER, WORKSPACE_ID, wanted))).toEqual([
      'invalid_request',
      'site_ids.1: This site does not exist in the workspace.',
    ]);
  });

  it('is refused from 20 tokens until one is revoked', async () => {
    const { ports, tokens } = worldWith();
    for (let count = 0; count < 20; count++) await createApiToken(ports)(CALLER, WORKSPACE_ID, WANTED);
    const another = () => outcomeOf(createApiToken(ports)(CALLER, WORKSPACE_ID, WANTED));
    expect(await another()).toBe('api_token_limit_reached');
    await revokeApiToken(ports)(CALLER, WORKSPACE_ID, [...tokens.keys()][0] ?? '');
    expect(await another()).toBe('done');
  });
});

describe('the list of API tokens', () => {
  it('shows the last use and the current rights of each token, and no hash', async () => {
    const { ports, table } = worldWith();
    const { shown } = await createApiToken(ports)(CALLER, WORKSPACE_ID, { ...WANTED, role: 'admin' });
    await ports.apiTokens.noteApiTokenUse(shown, NOW);
    expect(await listApiTokens(ports)(CALLER, WORKSPACE_ID)).toEqual([
      { ...shown, lastUsedAt: NOW.toISOString(), effectiveRole: 'admin' },
    ]);
    table.members.set('second', aMember('owner', 'second'));
    table.members.set(CALLER.sub, aMember('viewer', CALLER.sub));
    const roles = async () =>
      (await listApiTokens(ports)({ ...CALLER, sub: 'second' }, WORKSPACE_ID)).map(
        (token) => token.effectiveRole,
      );
    expect(await roles()).toEqual(['viewer']);
    table.members.delete(CALLER.sub);
    expect(await roles()).toEqual([undefined]);
  });

  it.each(['viewer', 'admin'] as const)('is forbidden for the role %s, and so is revoking', async (role) => {
    const { ports } = worldWith({ role });
    expect(await outcomeOf(listApiTokens(ports)(CALLER, WORKSPACE_ID))).toBe('forbidden');
    expect(await outcomeOf(revokeApiToken(ports)(CALLER, WORKSPACE_ID, 'tok_x'))).toBe('forbidden');
  });
});

describe('revoking an API token', () => {
  it('removes the token once, with an event', async () => {
    const { ports, table, tokens } = worldWith();
    const { shown } = await createApiToken(ports)(CALLER, WORKSPACE_ID, WANTED);
    await revokeApiToken(ports)(CALLER, WORKSPACE_ID, shown.tokenId);
    expect(tokens.size).toBe(0);
    expect(table.trail.at(-1)).toMatchObject({
      type: 'api_token.revoked',
      facts: { token: shown.tokenId, token_name: 'Nightly export', role: 'viewer' },
    });
    expect(await outcomeOf(revokeApiToken(ports)(CALLER, WORKSPACE_ID, shown.tokenId))).toBe(
      'api_token_not_found',
    );
  });

  it('for an ID that cannot exist reads nothing', async () => {
    const { ports, reads } = worldWith();
    expect(await outcomeOf(revokeApiToken(ports)(CALLER, WORKSPACE_ID, 'tok_x#'))).toBe(
      'api_token_not_found',
    );
    expect(reads()).toBe(0);
  });

  it('by two people at once succeeds for one of them', async () => {
    const { ports, tokens } = worldWith();
    const { shown } = await createApiToken(ports)(CALLER, WORKSPACE_ID, WANTED);
    const token = tokens.get(shown.tokenId);
    tokens.delete(shown.tokenId);
    const reading = { ...ports, apiTokens: { ...ports.apiTokens, readApiToken: async () => token } };
    expect(await outcomeOf(revokeApiToken(reading)(CALLER, WORKSPACE_ID, shown.tokenId))).toBe(
      'version_conflict',
    );
  });
});

describe('a request with an API token', () => {
  /** Creates a token and returns the caller that it makes. */
  const calling = async (wanted: Partial<NewApiToken> = {}) => {
    const world = worldWith();
    const { text, shown } = await createApiToken(world.ports)(CALLER, WORKSPACE_ID, { ...WANTED, ...wanted });
    const verify = verifyApiToken(world.ports);
    const token = await verify(text);
    const caller: Caller = { sub: `token:${token.tokenId}`, sourceIp: '192.0.2.9', token };
    const { tenancy } = world.ports;
    return {
      ...world,
      text,
      shown,
      verify,
      caller,
      workspace: (right: Parameters<typeof authorizeWorkspace>[3], about?: string) =>
        detailOf(authorizeWorkspace(tenancy, caller, WORKSPACE_ID, right, about).then(() => 'done')),
      site: (siteId: string, right: Role) =>
        detailOf(authorizeSite(tenancy, caller, siteId as SiteId, right).then(() => 'done')),
    };
  };

  it('verifies the token with one read per request, and records its use', async () => {
    const { verify, text, reads, notes, shown } = await calling();
    expect([reads(), notes]).toEqual([1, [`${shown.tokenId} ${NOW.toISOString()}`]]);
    await verify(text);
    expect(reads()).toBe(2);
  });

  it('is refused with the next read after revocation, and its use is not recorded', async () => {
    const { ports, verify, text, shown, notes } = await calling();
    await revokeApiToken(ports)(CALLER, WORKSPACE_ID, shown.tokenId);
    expect(await detailOf(verify(text))).toEqual([
      'api_token_invalid',
      'authorization: The token does not exist, or it was revoked.',
    ]);
    expect(notes).toHaveLength(1);
  });

  it('with a mistyped token is refused without a read', async () => {
    const { verify, text, reads } = await calling();
    const typo = `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`;
    expect(await detailOf(verify(typo))).toEqual([
      'api_token_invalid',
      'authorization: The token is incomplete or mistyped. Copy it again.',
    ]);
    expect(reads()).toBe(1);
  });

  it('with an invented secret and a valid checksum is refused as unknown, even with the ID of a real token', async () => {
    const { verify, shown, tokens } = await calling();
    const id = shown.tokenId.slice(4);
    const forged = newApiToken(WORKSPACE_ID, (size) =>
      size === 16
        ? Buffer.from([...id].map((letter) => '0123456789abcdefghjkmnpqrstvwxyz'.indexOf(letter)))
        : randomBytes(size),
    );
    expect([...tokens.keys()]).toEqual([forged.tokenId]);
    expect(await detailOf(verify(forged.text))).toContain(
      'authorization: The token does not exist, or it was revoked.',
    );
  });

  it('is refused from the moment at which the token expires, with that reason', async () => {
    const { ports, text, shown } = await calling({ days: 1 });
    const at = (ms: number) =>
      detailOf(verifyApiToken({ ...ports, clock: () => new Date(Date.parse(shown.expiresAt) + ms) })(text));
    expect(await at(-1)).toMatchObject({ tokenId: shown.tokenId });
    expect(await at(0)).toEqual(['api_token_invalid', 'authorization: The token has expired.']);
  });

  it('carries neither the hash nor the expiry of the token', async () => {
    expect((await calling()).caller.token).toEqual({
      workspaceId: WORKSPACE_ID,
      tokenId: expect.any(String),
      name: 'Nightly export',
      role: 'viewer',
      siteIds: null,
      createdAt: NOW.toISOString(),
      createdBy: CALLER.sub,
    });
  });

  it.each([
    ['viewer', ['viewer']],
    ['auditor', ['viewer', 'auditor']],
    ['admin', ['viewer', 'admin']],
  ] as const)('with the role %s has the rights %j', async (role, expected) => {
    const { workspace } = await calling({ role: role as ApiTokenRole });
    const rights = ['viewer', 'auditor', 'admin', 'owner'] as const;
    const held = await Promise.all(rights.map(async (right) => [right, await workspace(right)] as const));
    expect(held.flatMap(([right, outcome]) => (outcome === 'done' ? [right] : []))).toEqual(expected);
    for (const [, outcome] of held.filter(([, each]) => each !== 'done'))
      expect(outcome).toEqual(['api_token_not_allowed', expect.stringMatching(/^role: /)]);
  });

  it('has at most the current rights of the creator, and is refused when the creator leaves', async () => {
    const { table, workspace, site } = await calling({ role: 'admin' });
    expect(await workspace('admin')).toBe('done');
    table.members.set(CALLER.sub, { ...aMember('viewer', CALLER.sub) });
    expect(await workspace('admin')).toEqual([
      'api_token_not_allowed',
      expect.stringContaining('rights of viewer'),
    ]);
    expect(await workspace('viewer')).toBe('done');
    table.members.delete(CALLER.sub);
    const gone = [
      'api_token_invalid',
      'authorization: The person who created the token is no longer a member of the workspace.',
    ];
    expect(await workspace('viewer')).toEqual(gone);
    expect(await site(SITE_ID, 'viewer')).toEqual(gone);
    table.members.set(CALLER.sub, { ...aMember('owner', CALLER.sub), addedAt: '2026-11-24T00:00:00.000Z' });
    expect(await workspace('viewer')).toEqual(gone);
  });

  it('reaches no other workspace, even if its creator is a member there', async () => {
    const { ports, caller } = await calling({ role: 'admin' });
    const other = 'zzzzzzzzzzzz' as WorkspaceId;
    const reach = (workspaceId: WorkspaceId) =>
      outcomeOf(authorizeWorkspace(ports.tenancy, caller, workspaceId, 'viewer'));
    expect(await reach(other)).toBe('workspace_not_found');
    const foreign = authorizeSite(ports.tenancy, caller, `${other}${'0'.repeat(12)}` as SiteId, 'viewer');
    expect(await outcomeOf(foreign)).toBe('site_not_found');
    expect(await outcomeOf(authorizeSite(ports.tenancy, caller, 'malformed' as SiteId, 'viewer'))).toBe(
      'site_not_found',
    );
  });

  it('with a token for certain sites reaches only these, and the workspace only in requests about one of them', async () => {
    const { workspace, site } = await calling({ siteIds: [SITE_ID] });
    const refused = ['api_token_not_allowed', `site_id: The token is restricted to these sites: ${SITE_ID}.`];
    expect(await site(SITE_ID, 'viewer')).toBe('done');
    expect(await site(OTHER_SITE_ID, 'viewer')).toEqual(refused);
    expect(await site(`${WORKSPACE_ID}${'z'.repeat(12)}`, 'viewer')).toEqual(refused);
    expect(await workspace('viewer')).toEqual(refused);
    expect(await workspace('viewer', OTHER_SITE_ID)).toEqual(refused);
    expect(await workspace('viewer', SITE_ID)).toBe('done');
  });

  it('is refused after the workspace is deleted', async () => {
    const { table, workspace } = await calling();
    const kept = table.workspaces.get(WORKSPACE_ID);
    table.workspaces.set(WORKSPACE_ID, { ...kept, deletedAt: NOW.toISOString() } as never);
    expect(await workspace('viewer')).toEqual(['workspace_not_found']);
  });

  it('never counts as a recent sign-in', async () => {
    const { caller } = await calling({ role: 'admin' });
    expect(() => requireRecentSignIn(caller)).toThrow('api_token_not_allowed');
  });

  it("reads the audit trail if the token is an auditor's and its creator is an owner", async () => {
    const audit = { listRows: async () => ({ items: [], next: undefined }) } as never;
    const outcomes = [];
    for (const role of ['viewer', 'admin', 'auditor'] as const) {
      const { ports, caller } = await calling({ role });
      const list = listAuditTrail({ ...ports, audit });
      outcomes.push(await outcomeOf(list(caller, WORKSPACE_ID, {}, { limit: 1, after: undefined })));
    }
    expect(outcomes).toEqual(['api_token_not_allowed', 'api_token_not_allowed', 'done']);
  });

  it('records events with the token and its name as the actor', async () => {
    const { ports, caller, shown } = await calling();
    const event = await ports.auditEvents.event(caller, 'site.changed', {
      workspaceId: WORKSPACE_ID,
      facts: { fields: 'name' },
    });
    expect(event).toMatchObject({
      actor: `token:${shown.tokenId}`,
      facts: { fields: 'name', token_name: 'Nightly export' },
    });
  });
});
