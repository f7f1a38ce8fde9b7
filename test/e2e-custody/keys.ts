import { expectSuccess } from '../support/answers.ts';
import { mintRequests, openAiOf } from '../support/openai.ts';
import type { TestAnswer, TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, type Tenant } from '../support/tenant.ts';
import { type Item, type RawTables, textOf } from './tables.ts';
import { keyPath, type Scope } from './trail.ts';

export const SCOPES: readonly Scope[] = ['site', 'workspace'];

export interface Version {
  readonly version: number;
  readonly masked: string;
  readonly state: 'current' | 'retained' | 'shredded';
  readonly reason: 'stored' | 'reencrypted';
  readonly created_at: string;
  readonly created_by: string;
  readonly retained_until: string | null;
}

/** The key of one scope of a tenant, and what its owner does with it. */
export const keyOf = (on: TestStack, tenant: Tenant, scope: Scope, as = tenant.owner) => {
  const path = keyPath(scope, tenant);
  const post = (verb: string) => (): Promise<TestAnswer> => on.call('POST', `${path}/${verb}`, { as });
  return {
    put: (key: string, more: object = {}) => on.call('PUT', path, { as, body: { api_key: key, ...more } }),
    view: () => on.call('GET', path, { as }),
    remove: () => on.call('DELETE', path, { as }),
    rotate: post('rotate'),
    rollBack: post('rollback'),
    suspend: post('suspend'),
    resume: post('resume'),
    page: (query: string) => on.call('GET', `${path}/versions?${query}`, { as }),
    versions: async (): Promise<readonly Version[]> =>
      expectSuccess(await on.call('GET', `${path}/versions`, { as })).items,
    /** `1 shredded, 2 current`, oldest first. */
    history: async (): Promise<string> => {
      const { items } = expectSuccess(await on.call('GET', `${path}/versions`, { as }));
      return items
        .map(({ version, state }: Version) => `${version} ${state}`)
        .reverse()
        .join(', ');
    },
  };
};

const pkOf = (scope: Scope, { siteId, workspaceId }: Tenant): string =>
  scope === 'site' ? `SITE#${siteId}` : `WORKSPACE#${workspaceId}`;

export const keyItems = (tables: RawTables, scope: Scope, tenant: Tenant): Promise<readonly Item[]> =>
  tables.partition('keys', pkOf(scope, tenant));

export const retainedIn = (items: readonly Item[]): readonly Item[] =>
  items.filter(({ sk }) => String(sk).startsWith('RETAINED#'));

/** The ciphertext and the wrapped data key of the current version, as textOf shows them. */
export const cipherTextsOf = async (tables: RawTables, scope: Scope, tenant: Tenant): Promise<string[]> => {
  const head = (await keyItems(tables, scope, tenant)).find(({ sk }) => sk === 'KEY');
  const sealed = head?.['sealed'] as { ciphertext: Uint8Array; wrappedDataKey: Uint8Array } | undefined;
  if (sealed === undefined) throw new Error('There is no key.');
  return [sealed.ciphertext, sealed.wrappedDataKey].map((bytes) => Buffer.from(bytes).toString('base64'));
};

export const isInKeys = async (tables: RawTables, texts: readonly string[]): Promise<boolean> => {
  const everything = textOf(await tables.scan('keys'));
  return texts.some((text) => everything.includes(text));
};

/** Mints once; the fingerprint of the OpenAI key that paid for it. */
export const mintedWith = async (on: TestStack, tenant: Tenant): Promise<string | undefined> => {
  openAiOf(on).clearRequests();
  expectSuccess(await mint(on, tenant));
  return mintRequests(on).at(-1)?.keyFingerprint;
};

/** A customer that has stored its first key at `scope`. */
export const withKey = async (on: TestStack, scope: Scope, key = fakeKey()) => {
  const tenant = await makeTenant(on, { openai_tier: 5 });
  const at = keyOf(on, tenant, scope);
  expectSuccess(await at.put(key));
  return { tenant, at, key };
};
