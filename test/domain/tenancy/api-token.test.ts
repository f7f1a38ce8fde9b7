import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { WorkspaceId } from '../../../lambdas/domain/identifiers.ts';
import {
  effectiveRole,
  isExpiredToken,
  tokenRoleSuffices,
} from '../../../lambdas/domain/tenancy/api-token.ts';
import {
  hashOfApiToken,
  isApiTokenId,
  newApiToken,
  parseApiToken,
} from '../../../lambdas/domain/tenancy/api-token-text.ts';
import { API_TOKEN_ROLES, ROLES } from '../../../lambdas/domain/tenancy/workspace.ts';

const WORKSPACE = '0123456789ab' as WorkspaceId;
const LETTERS = '0123456789abcdefghjkmnpqrstvwxyz';

describe('the text of an API token', () => {
  it('contains its workspace and its ID, and 260 random bits', () => {
    const { text, tokenId } = newApiToken(WORKSPACE, randomBytes);
    expect(parseApiToken(text)).toEqual({ workspaceId: WORKSPACE, tokenId });
    expect(isApiTokenId(tokenId)).toBe(true);
    expect(text).toMatch(/^spk_0123456789ab[0-9a-z]{74}$/);
    const texts = new Set(Array.from({ length: 200 }, () => newApiToken(WORKSPACE, randomBytes).text));
    expect(texts.size).toBe(200);
  });

  it('is refused if one character is changed, removed, added or swapped with the next', () => {
    const { text } = newApiToken(WORKSPACE, randomBytes);
    const wrong = [...text].flatMap((character, index) => {
      const [before, after] = [text.slice(0, index), text.slice(index + 1)];
      const other = LETTERS[(LETTERS.indexOf(character) + 1) % 32];
      const next = after[0] ?? '';
      return [
        `${before}${other}${after}`,
        `${before}${after}`,
        `${before}${character}${character}${after}`,
        ...(next === '' || next === character ? [] : [`${before}${next}${character}${after.slice(1)}`]),
      ];
    });
    expect(wrong.filter((candidate) => parseApiToken(candidate) !== undefined)).toEqual([]);
    expect(wrong.length).toBeGreaterThan(300);
  });

  it.each([
    '',
    'spk_',
    `${'spk_'}${'0'.repeat(86)}`,
    'sk-abc',
    `tok_${'0'.repeat(16)}`,
    `x${'0'.repeat(89)}`,
  ])('is not %j', (text) => {
    expect(parseApiToken(text)).toBeUndefined();
  });

  it('has a hash that reveals nothing and differs from the hash of another text', () => {
    const [first, second] = [
      newApiToken(WORKSPACE, randomBytes).text,
      newApiToken(WORKSPACE, randomBytes).text,
    ];
    expect(hashOfApiToken(first)).toMatch(/^[0-9a-f]{64}$/);
    expect(hashOfApiToken(first)).toBe(hashOfApiToken(first));
    expect(hashOfApiToken(first)).not.toBe(hashOfApiToken(second));
  });

  it('cannot be made without randomness', () => {
    expect(() => newApiToken(WORKSPACE, () => Buffer.alloc(3))).toThrow('randomness');
  });

  it.each(['tok_', 'tok_short', `tok_${'i'.repeat(16)}`, `TOK_${'0'.repeat(16)}`, ''])(
    'does not accept %j as a token ID',
    (id) => {
      expect(isApiTokenId(id)).toBe(false);
    },
  );
});

describe('the rights of an API token', () => {
  const createdAt = '2026-11-01T00:00:00.000Z';
  const before = '2026-10-01T00:00:00.000Z';

  it.each([
    ['viewer', ['viewer', 'viewer', 'viewer']],
    ['auditor', ['viewer', 'viewer', 'auditor']],
    ['admin', ['viewer', 'admin', 'admin']],
  ] as const)('with role %s, for a creator who is now viewer, admin or owner, are %j', (role, expected) => {
    expect(ROLES.map((held) => effectiveRole({ role, createdAt }, { role: held, addedAt: before }))).toEqual(
      expected,
    );
  });

  it('end when its creator leaves, and do not return when the creator joins again', () => {
    const token = { role: 'viewer', createdAt } as const;
    expect(effectiveRole(token, undefined)).toBeUndefined();
    expect(effectiveRole(token, { role: 'owner', addedAt: '2026-11-02T00:00:00.000Z' })).toBeUndefined();
    expect(effectiveRole(token, { role: 'owner', addedAt: createdAt })).toBe('viewer');
  });

  it('never include owner rights, and include the audit trail only for auditors', () => {
    const holders = (right: Parameters<typeof tokenRoleSuffices>[1]) =>
      API_TOKEN_ROLES.filter((role) => tokenRoleSuffices(role, right));
    expect(holders('owner')).toEqual([]);
    expect(holders('auditor')).toEqual(['auditor']);
    expect(holders('admin')).toEqual(['admin']);
    expect(holders('viewer')).toEqual(['viewer', 'auditor', 'admin']);
  });

  it('end at the moment at which the token expires', () => {
    const token = { expiresAt: '2026-11-30T12:00:00.000Z' };
    expect(isExpiredToken(token, new Date('2026-11-30T11:59:59.999Z'))).toBe(false);
    expect(isExpiredToken(token, new Date('2026-11-30T12:00:00.000Z'))).toBe(true);
  });
});
