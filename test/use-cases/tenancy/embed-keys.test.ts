import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import type { EmbedKey } from '../../../lambdas/domain/sessions/embed-token.ts';
import type { Role, Site } from '../../../lambdas/domain/tenancy/workspace.ts';
import {
  type EmbedKeyPorts,
  type NewEmbedKey,
  removeEmbedKey,
  storeEmbedKey,
} from '../../../lambdas/use-cases/tenancy/embed-keys.ts';
import { strictPort } from '../../support/strict-port.ts';
import { aMember, aSite, lost, NOW, outcomeOf, SITE_ID } from '../sessions/token-fixture.ts';
import { CALLER, eventOf, OTHER_SITE_ID, tenancyWith } from './tenancy-fixture.ts';

const POINT = { x: 'x', y: 'y' };
const KEY_ID = `emb_${'07'.repeat(12)}`;
const STORED: EmbedKey = {
  algorithm: 'HS256',
  keyId: 'emb_old',
  publicKey: null,
  createdAt: '2026-11-01T00:00:00.000Z',
  createdBy: 'owner',
};
const HMAC: NewEmbedKey = { algorithm: 'HS256', publicKeyPem: undefined };
const EC: NewEmbedKey = { algorithm: 'ES256', publicKeyPem: 'a public key' };

const worldOf = ({ site = aSite() as Site, role = 'admin' as Role } = {}) => {
  const { table, ports } = tenancyWith({ sites: [site], members: [aMember(role, CALLER.sub)] });
  const all: EmbedKeyPorts = {
    ...ports,
    embedSecrets: strictPort('embedSecrets', {
      embedSecret: async (siteId, keyId) => `secret of ${keyId} of ${siteId}`,
    }),
    publicKeys: strictPort('publicKeys', {
      parsePublicKey: async (pem) => (pem === 'a public key' ? POINT : undefined),
    }),
  };
  return { table, ports: all };
};

describe('storing an embed key', () => {
  it('with HS256 makes the secret, returns it once, and does not store it', async () => {
    const { table, ports } = worldOf();
    const { key, secret } = await storeEmbedKey(ports)(CALLER, SITE_ID, HMAC);
    expect(key).toEqual({
      algorithm: 'HS256',
      keyId: KEY_ID,
      publicKey: null,
      createdAt: NOW.toISOString(),
      createdBy: CALLER.sub,
    });
    expect(secret).toBe(`secret of ${KEY_ID} of ${SITE_ID}`);
    expect(table.sites.get(SITE_ID)?.embedKey).toEqual(key);
    expect(JSON.stringify([...table.sites.values(), ...table.trail])).not.toContain('secret of');
  });

  it('requires a recent sign-in, because its holder admits visitors', async () => {
    const { table, ports } = worldOf();
    const run = storeEmbedKey(ports)({ ...CALLER, signInIsOld: true }, SITE_ID, HMAC);
    expect(await outcomeOf(run)).toBe('recent_sign_in_required');
    expect(table.trail).toEqual([]);
  });

  it('with ES256 stores the point of the public key, and returns no secret', async () => {
    const { table, ports } = worldOf();
    const { secret } = await storeEmbedKey(ports)(CALLER, SITE_ID, EC);
    expect(secret).toBeNull();
    expect(table.sites.get(SITE_ID)?.embedKey).toMatchObject({ algorithm: 'ES256', publicKey: POINT });
  });

  it('replaces the previous key, with an event that names the new one', async () => {
    const { table, ports } = worldOf({ site: aSite({ embedKey: STORED }) });
    await storeEmbedKey(ports)(CALLER, SITE_ID, EC);
    expect(table.sites.get(SITE_ID)?.embedKey?.keyId).toBe(KEY_ID);
    expect(table.trail).toEqual([
      eventOf('embed_key.stored', { siteId: SITE_ID, facts: { algorithm: 'ES256', key_id: KEY_ID } }),
    ]);
  });

  it.each<[string, NewEmbedKey, RegExp]>([
    ['HS256 with a public key', { ...HMAC, publicKeyPem: 'a public key' }, /takes no public key/],
    ['ES256 without one', { ...EC, publicKeyPem: undefined }, /P-256 public key in PEM form/],
    ['ES256 with a private key', { ...EC, publicKeyPem: 'PRIVATE 1234' }, /Never send a private key/],
  ])('refuses %s, and keeps the previous key', async (_, key, message) => {
    const { table, ports } = worldOf({ site: aSite({ embedKey: STORED }) });
    const error = await storeEmbedKey(ports)(CALLER, SITE_ID, key).catch((thrown: unknown) => thrown);
    if (!(error instanceof BrokerError)) throw error;
    expect(error).toMatchObject({
      code: 'invalid_request',
      details: [{ path: 'public_key', message: expect.stringMatching(message) }],
    });
    expect(JSON.stringify(error.details)).not.toContain('1234');
    expect(table.sites.get(SITE_ID)?.embedKey).toEqual(STORED);
    expect(table.trail).toEqual([]);
  });

  it('returns no secret after a conflict', async () => {
    const { ports } = worldOf();
    const tenancy = { ...ports.tenancy, changeSite: lost };
    const run = storeEmbedKey({ ...ports, tenancy })(CALLER, SITE_ID, HMAC);
    expect(await outcomeOf(run)).toBe('version_conflict');
  });
});

describe('removing the embed key of a site', () => {
  it('removes the key, with an event that names it', async () => {
    const { table, ports } = worldOf({ site: aSite({ embedKey: STORED }) });
    await removeEmbedKey(ports)(CALLER, SITE_ID);
    expect(table.sites.get(SITE_ID)?.embedKey).toBeNull();
    expect(table.trail).toEqual([
      eventOf('embed_key.removed', {
        siteId: SITE_ID,
        facts: { algorithm: 'HS256', key_id: 'emb_old' },
      }),
    ]);
  });

  it('returns embed_key_not_found if none is stored, without an event', async () => {
    const { table, ports } = worldOf();
    expect(await outcomeOf(removeEmbedKey(ports)(CALLER, SITE_ID))).toBe('embed_key_not_found');
    expect(table.trail).toEqual([]);
  });

  it('fails after a conflict', async () => {
    const { ports } = worldOf({ site: aSite({ embedKey: STORED }) });
    const tenancy = { ...ports.tenancy, changeSite: lost };
    expect(await outcomeOf(removeEmbedKey({ ...ports, tenancy })(CALLER, SITE_ID))).toBe('version_conflict');
  });
});

describe.each([
  ['storing', (ports: EmbedKeyPorts, siteId: Site['siteId']) => storeEmbedKey(ports)(CALLER, siteId, EC)],
  ['removing', (ports: EmbedKeyPorts, siteId: Site['siteId']) => removeEmbedKey(ports)(CALLER, siteId)],
])('%s an embed key', (_, act) => {
  it('requires an admin', async () => {
    const { table, ports } = worldOf({ site: aSite({ embedKey: STORED }), role: 'viewer' });
    expect(await outcomeOf(act(ports, SITE_ID))).toBe('forbidden');
    expect(table.trail).toEqual([]);
  });

  it('returns site_not_found for an unknown site', async () => {
    expect(await outcomeOf(act(worldOf().ports, OTHER_SITE_ID))).toBe('site_not_found');
  });
});
