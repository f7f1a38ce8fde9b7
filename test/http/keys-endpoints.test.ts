import { describe, expect, it, test } from '@jest/globals';
import { maskedKey } from '../../lambdas/contract/keys.ts';
import { maskedViewOf } from '../../lambdas/domain/keys/stored-key.ts';
import { keysEndpoints } from '../../lambdas/http/endpoints/keys-endpoints.ts';
import { aSealedKey, CALLER } from '../use-cases/keys/key-fixture.ts';
import { NOW, SITE_ID, WORKSPACE_ID } from '../use-cases/sessions/token-fixture.ts';

const SITE = { scope: 'site', siteId: SITE_ID };
const WORKSPACE = { scope: 'workspace', workspaceId: WORKSPACE_ID };
const PATH = { siteId: SITE_ID, workspaceId: WORKSPACE_ID, sessionId: 'session' };

/** The endpoints on use cases that note their arguments, and what they noted. */
const endpoints = () => {
  const asked: unknown[][] = [];
  const answering =
    (name: string, answer: unknown) =>
    async (...given: unknown[]) => {
      asked.push([name, ...given]);
      return answer;
    };
  const key = maskedViewOf(aSealedKey('site'), undefined, NOW);
  const served = keysEndpoints({
    viewOpenAiKey: answering('view', key),
    storeOpenAiKey: answering('store', key),
    deleteOpenAiKey: answering('delete', 2),
    rollBackOpenAiKey: answering('rollBack', key),
    listKeyVersions: answering('versions', { items: [], next: undefined }),
    switchOpenAiKey: answering('switch', key),
    deleteWorkspace: answering('deleteWorkspace', 3),
    archiveSite: answering('archiveSite', 1),
    endSession: answering('endSession', true),
  } as never);
  const play = (route: keyof typeof served, more: object = {}) =>
    served[route]({ caller: CALLER, path: PATH, query: { limit: 5 }, ...more } as never);
  return { asked, play };
};

describe('a key route passes on the key that its path names', () => {
  test.each([
    ['viewSiteKey', {}, ['view', CALLER, SITE]],
    ['viewWorkspaceKey', {}, ['view', CALLER, WORKSPACE]],
    ['rollbackSiteKey', {}, ['rollBack', CALLER, SITE]],
    ['rollbackWorkspaceKey', {}, ['rollBack', CALLER, WORKSPACE]],
    ['suspendSiteKey', { live_calls: 'keep' }, ['switch', CALLER, SITE, 'suspended', 'keep']],
    ['suspendWorkspaceKey', { live_calls: 'end' }, ['switch', CALLER, WORKSPACE, 'suspended', 'end']],
    ['resumeSiteKey', {}, ['switch', CALLER, SITE, 'active', undefined]],
    ['resumeWorkspaceKey', {}, ['switch', CALLER, WORKSPACE, 'active', undefined]],
  ] as const)('%s', async (route, body, expected) => {
    const { asked, play } = endpoints();
    const data = await play(route, { body });
    expect(maskedKey.parse(data)).toEqual(data);
    expect(asked).toEqual([expected]);
  });

  test.each([
    ['putSiteKey', SITE],
    ['putWorkspaceKey', WORKSPACE],
  ] as const)('%s, with the confirmation of the caller', async (route, target) => {
    const { asked, play } = endpoints();
    const data = await play(route, { body: { api_key: 'pasted', confirm_unverified: true } });
    expect(maskedKey.parse(data)).toEqual(data);
    expect(asked).toEqual([['store', CALLER, target, 'pasted', { confirmUnverified: true }]]);
  });

  test.each([
    ['listSiteKeyVersions', SITE],
    ['listWorkspaceKeyVersions', WORKSPACE],
  ] as const)('%s', async (route, target) => {
    const { asked, play } = endpoints();
    await play(route);
    expect(asked).toEqual([['versions', CALLER, target, { limit: 5, after: undefined }]]);
  });
});

describe('a deletion returns the number of calls that it ends', () => {
  test.each([
    ['deleteSiteKey', {}, 2, ['delete', CALLER, SITE]],
    ['deleteWorkspaceKey', {}, 2, ['delete', CALLER, WORKSPACE]],
    ['deleteWorkspace', { confirm: 'Shop' }, 3, ['deleteWorkspace', CALLER, WORKSPACE_ID, 'Shop']],
    ['archiveSite', {}, 1, ['archiveSite', CALLER, SITE_ID]],
  ] as const)('%s', async (route, body, calls, expected) => {
    const { asked, play } = endpoints();
    expect(await play(route, { body })).toEqual({ deleted: true, calls_ending: calls });
    expect(asked).toEqual([expected]);
  });
});

it('a session is ended at the site in the path', async () => {
  const { asked, play } = endpoints();
  expect(await play('endSession')).toEqual({ session_id: 'session', ending: true });
  expect(asked).toEqual([['endSession', CALLER, SITE_ID, 'session']]);
});

it('a malformed ID in the path is reported as not found', async () => {
  const { asked, play } = endpoints();
  await expect(async () => play('viewSiteKey', { path: { siteId: 'x' } })).rejects.toMatchObject({
    code: 'site_not_found',
  });
  await expect(async () => play('viewWorkspaceKey', { path: {} })).rejects.toMatchObject({
    code: 'workspace_not_found',
  });
  expect(asked).toEqual([]);
});
