import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import { buildClient } from '../../web/client/build.ts';
import { startTestStack } from '../support/stack.ts';
import { makeTenant } from '../support/tenant.ts';

const stack = await startTestStack({ audited: false });
const folder = mkdtempSync(join(tmpdir(), 'spelo-client-'));
buildClient(folder);
const { createClient, SpeloError } = await import(join(folder, 'index.js'));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await stack.close();
});

const clientOf = (owner: string | undefined) =>
  createClient({
    baseUrl: `${stack.url}/`,
    accessToken: owner === undefined ? undefined : () => stack.tokenFor(owner),
  });

/** The errors of `tsc` in a file alongside the client; empty if it has none. */
const typecheck = async (code: string): Promise<string> => {
  const file = join(folder, 'page.mts');
  writeFileSync(file, code);
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--ignoreConfig'];
  return promisify(execFile)(process.execPath, ['node_modules/typescript/bin/tsc', ...options, file]).then(
    () => '',
    (error: { readonly stdout: string }) => error.stdout,
  );
};

describe('the packed API client', () => {
  it('changes and reads a site with the path, body and query of the contract', async () => {
    const tenant = await makeTenant(stack);
    const client = clientOf(tenant.owner);
    const tools = [{ name: 'get_order', description: '', parameters: { type: 'object', required: ['id'] } }];
    const path = { siteId: tenant.siteId };
    await client.call('changeSite', { path, body: { tools } });
    expect(await client.call('readSite', { path })).toMatchObject({ site_id: tenant.siteId, tools });
    const page = await client.call('listSites', {
      path: { workspaceId: tenant.workspaceId },
      query: { limit: 1, cursor: undefined },
    });
    expect(page.items).toHaveLength(1);
  });

  it('throws the error of the API with its code, details and request ID', async () => {
    const tenant = await makeTenant(stack);
    const refusal = clientOf(tenant.owner).call('changeSite', {
      path: { siteId: tenant.siteId },
      body: { name: '' },
    });
    await expect(refusal).rejects.toBeInstanceOf(SpeloError);
    await expect(refusal).rejects.toMatchObject({
      status: 400,
      code: 'invalid_request',
      requestId: expect.any(String),
      details: [{ path: 'name', message: expect.any(String) }],
    });
  });

  it('needs no token for public routes, and reports a missing token for all others', async () => {
    const client = clientOf(undefined);
    expect(await client.call('health')).toMatchObject({ status: 'ok' });
    await expect(client.call('listWorkspaces')).rejects.toMatchObject({ status: 401, code: 'unauthorized' });
  });

  it('reports an API that cannot be reached', async () => {
    const client = createClient({ baseUrl: 'http://127.0.0.1:9' });
    await expect(client.call('health')).rejects.toMatchObject({ status: 0, code: 'unreachable' });
  });

  it('has types that reject a missing path and an unknown field', async () => {
    const start = `import { createClient } from './index.js';
      const client = createClient({ baseUrl: 'https://voice.example' });`;
    expect(
      await typecheck(`${start}
        const site = await client.call('readSite', { path: { siteId: 'a' } });
        const name: string | undefined = site.tools[0]?.name;
        await client.call('health');
        await client.call('changeSite', { path: { siteId: 'a' }, body: { name: name ?? 'Shop' } });`),
    ).toBe('');
    expect(await typecheck(`${start} await client.call('readSite');`)).toContain('error TS2554');
    expect(
      await typecheck(
        `${start} await client.call('changeSite', { path: { siteId: 'a' }, body: { nam: '' } });`,
      ),
    ).toContain("'nam' does not exist");
  });
});
