import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import { MAX_WEBHOOKS } from '../../../lambdas/domain/notices/webhook-limit.ts';
import { changeWebhook } from '../../../lambdas/use-cases/notices/change-webhook.ts';
import { createWebhook } from '../../../lambdas/use-cases/notices/create-webhook.ts';
import type { ManageNoticesPorts } from '../../../lambdas/use-cases/notices/manage-ports.ts';
import { removeWebhook } from '../../../lambdas/use-cases/notices/remove-webhook.ts';
import { rotateWebhookSecret } from '../../../lambdas/use-cases/notices/rotate-webhook-secret.ts';
import { sendTestNotice } from '../../../lambdas/use-cases/notices/send-test-notice.ts';
import { NOW, outcomeOf, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { aWebhook, CALLER, DOWN, inSeconds, WEBHOOK_ID, webhookWorld } from './notice-fixture.ts';

const URL_TEXT = 'https://hooks.example/spelo';
const secretText = (version: number, webhookId = WEBHOOK_ID): string =>
  `whsec_${Buffer.from(`${webhookId} ${version}`).toString('base64')}`;
const eventOf = (type: string, facts: object) => ({ by: 'admin', type, workspaceId: WORKSPACE_ID, facts });

const bodyOf = () => 'a test';
const create = (ports: ManageNoticesPorts, url = URL_TEXT) =>
  createWebhook(ports)(CALLER, WORKSPACE_ID, { url, events: ['key.suspended'] });

/** Each action on a webhook that is there, by its name. */
const ACTIONS: readonly [string, (ports: ManageNoticesPorts, webhookId: string) => Promise<unknown>][] = [
  ['changing', (ports, id) => changeWebhook(ports)(CALLER, WORKSPACE_ID, id, { enabled: false })],
  ['removing', (ports, id) => removeWebhook(ports)(CALLER, WORKSPACE_ID, id)],
  ['rotating the secret of', (ports, id) => rotateWebhookSecret(ports)(CALLER, WORKSPACE_ID, id)],
  ['trying out', (ports, id) => sendTestNotice({ ...ports, bodyOf })(CALLER, WORKSPACE_ID, id)],
];

describe('creating a webhook', () => {
  it('writes the webhook with its audit event, and returns the secret once', async () => {
    const { ports, log } = webhookWorld();
    const { webhook, secret } = await create(ports, 'https://HOOKS.example/spelo#part');
    expect(webhook).toEqual({
      ...aWebhook(),
      webhookId: expect.stringMatching(/^whk_[0-9a-f]{20}$/),
      events: ['key.suspended'],
      createdAt: NOW.toISOString(),
      createdBy: 'admin',
    });
    expect(secret).toBe(secretText(1, webhook.webhookId));
    const facts = { webhook_id: webhook.webhookId, host: 'hooks.example' };
    expect(log).toEqual([['create', webhook, eventOf('webhook.created', facts)]]);
  });

  it('records only the host in the audit trail, because a path or a query can contain a token', async () => {
    const { ports, log } = webhookWorld();
    await create(ports, 'https://hooks.example/services/T0/a-token?key=b-token');
    expect(JSON.stringify(log[0]?.[2])).not.toMatch(/token/);
  });

  it.each([
    ['no URL', 'hooks.example'],
    ['not encrypted', 'http://hooks.example/'],
    ['with a password', 'https://user:word@hooks.example/'],
    ['of a private address', 'https://10.0.0.1/'],
    ['too long', `https://hooks.example/${'x'.repeat(500)}`],
  ])('refuses an address that is %s, and names the fault', async (_, url) => {
    const { ports, log } = webhookWorld();
    const error = await create(ports, url).catch((thrown: unknown) => thrown);
    if (!(error instanceof BrokerError)) throw error;
    expect(error.code).toBe('invalid_request');
    expect(error.details).toMatchObject([{ path: 'url', message: expect.stringMatching(/^Must .+\.$/) }]);
    expect(log).toEqual([]);
  });

  it.each([
    [MAX_WEBHOOKS - 1, 'done'],
    [MAX_WEBHOOKS, 'webhook_limit_reached'],
  ])('besides %i others ends as %s', async (count, outcome) => {
    const { ports } = webhookWorld({ webhooks: Array.from({ length: count }, () => aWebhook()) });
    expect(await outcomeOf(create(ports))).toBe(outcome);
  });

  it('returns no secret if the webhook could not be written', async () => {
    const { ports } = webhookWorld();
    for (const [failure, outcome] of [
      [new ConflictError(), 'version_conflict'],
      [DOWN, DOWN],
    ] as const) {
      const webhooks = { ...ports.webhooks, createWebhook: () => Promise.reject(failure) };
      expect(await outcomeOf(create({ ...ports, webhooks }))).toBe(outcome);
    }
  });

  it('requires an admin', async () => {
    const { ports, log } = webhookWorld({ role: 'viewer' });
    expect(await outcomeOf(create(ports))).toBe('forbidden');
    expect(log).toEqual([]);
  });
});

describe('changing a webhook', () => {
  it('keeps the fields that are not named, and lists the changed ones in the event', async () => {
    const before = aWebhook({ events: ['key.suspended'] });
    const { ports, log } = webhookWorld({ webhooks: [before] });
    const after = await changeWebhook(ports)(CALLER, WORKSPACE_ID, WEBHOOK_ID, {
      url: 'https://other.example',
      enabled: false,
    });
    expect(after).toEqual({ ...before, url: 'https://other.example/', enabled: false });
    const facts = { webhook_id: WEBHOOK_ID, fields: 'enabled,url', host: 'other.example' };
    expect(log).toEqual([['save', after, before, eventOf('webhook.changed', facts)]]);
  });

  it('refuses an address that creation would refuse', async () => {
    const { ports, log } = webhookWorld();
    const change = changeWebhook(ports)(CALLER, WORKSPACE_ID, WEBHOOK_ID, { url: 'https://10.1.1.1/' });
    expect(await outcomeOf(change)).toBe('invalid_request');
    expect(log).toEqual([]);
  });
});

describe('rotating the secret of a webhook', () => {
  it('returns the next secret, and keeps the previous one valid for a day', async () => {
    const before = aWebhook({ secretVersion: 4 });
    const { ports, log } = webhookWorld({ webhooks: [before] });
    const { webhook, secret } = await rotateWebhookSecret(ports)(CALLER, WORKSPACE_ID, WEBHOOK_ID);
    expect(webhook).toEqual({ ...before, secretVersion: 5, previousSecretUntil: inSeconds(86_400) });
    expect(secret).toBe(secretText(5));
    const facts = { webhook_id: WEBHOOK_ID, version: 5 };
    expect(log).toEqual([['save', webhook, before, eventOf('webhook.secret_rotated', facts)]]);
  });
});

describe('removing a webhook', () => {
  it('records an event with its ID and its host', async () => {
    const { ports, log } = webhookWorld();
    await removeWebhook(ports)(CALLER, WORKSPACE_ID, WEBHOOK_ID);
    const facts = { webhook_id: WEBHOOK_ID, host: 'hooks.example' };
    expect(log).toEqual([['remove', aWebhook(), eventOf('webhook.removed', facts)]]);
  });
});

describe('testing a webhook', () => {
  it('stores a delivery of a test notice, and then queues it', async () => {
    const { ports, log, kept } = webhookWorld({ webhooks: [aWebhook({ events: [] })] });
    const delivery = await sendTestNotice({ ...ports, bodyOf })(CALLER, WORKSPACE_ID, WEBHOOK_ID);
    const { deliveryId } = delivery;
    expect(delivery).toMatchObject({ type: 'webhook.test', body: 'a test', state: 'pending', attempts: 0 });
    expect(kept.get(deliveryId)).toEqual(delivery);
    expect(log).toEqual([
      ['add', deliveryId],
      ['queue', { kind: 'delivery', workspaceId: WORKSPACE_ID, deliveryId }],
    ]);
  });
});

describe.each(ACTIONS)('%s a webhook', (_, act) => {
  it.each([
    ['of another workspace', { webhooks: [aWebhook({ workspaceId: 'ba9876543210' as never })] }, WEBHOOK_ID],
    ['that is gone', { webhooks: [] }, WEBHOOK_ID],
    ['by a text that is no id', {}, '../whk'],
  ])('%s is refused as not found', async (_name, world, webhookId) => {
    const { ports, log } = webhookWorld(world);
    expect(await outcomeOf(act(ports, webhookId))).toBe('webhook_not_found');
    expect(log).toEqual([]);
  });

  it('requires an admin', async () => {
    const { ports, log } = webhookWorld({ role: 'viewer' });
    expect(await outcomeOf(act(ports, WEBHOOK_ID))).toBe('forbidden');
    expect(log).toEqual([]);
  });
});

describe.each(ACTIONS.slice(0, 3))('%s a webhook', (_, act) => {
  it.each([
    ['another person was first', new ConflictError(), 'version_conflict'],
    ['the store is down', DOWN, DOWN],
  ])('fails if %s', async (_name, failure, outcome) => {
    const { ports } = webhookWorld();
    const failing = () => Promise.reject(failure);
    const webhooks = { ...ports.webhooks, saveWebhook: failing, removeWebhook: failing };
    expect(await outcomeOf(act({ ...ports, webhooks }, WEBHOOK_ID))).toBe(outcome);
  });
});
