import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Webhook } from '../../../lambdas/domain/notices/webhook.ts';
import { sendToWebhook } from '../../../lambdas/use-cases/notices/send-to-webhook.ts';
import type { PostResult } from '../../../lambdas/use-cases/ports/notices.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { NOW, NOW_SECONDS } from '../sessions/token-fixture.ts';
import { aDelivery, aWebhook, inSeconds } from './notice-fixture.ts';

const posted = async (webhook: Webhook | undefined, result: PostResult = { status: 200, failure: null }) => {
  const posts: unknown[][] = [];
  const outcome = await sendToWebhook(
    strictPorts<Parameters<typeof sendToWebhook>[0]>({
      webhooks: { readWebhook: async () => webhook },
      secrets: { secretOf: async (_, version) => Buffer.from(`secret ${version}`) },
      poster: {
        post: async (...post) => {
          posts.push(post);
          return result;
        },
      },
    }),
  )(aDelivery(), NOW);
  return { outcome, posts };
};

const signature = (version: number): string => {
  const { noticeId, body } = aDelivery();
  const text = `${noticeId}.${NOW_SECONDS}.${body}`;
  return `v1,${createHmac('sha256', `secret ${version}`).update(text).digest('base64')}`;
};

describe('an attempt of a webhook delivery', () => {
  it('posts the stored body, signed with the current secret', async () => {
    const { outcome, posts } = await posted(aWebhook({ secretVersion: 3 }));
    expect(outcome).toEqual({ status: 200, failure: null });
    const { noticeId, body } = aDelivery();
    expect(posts).toEqual([
      [
        'https://hooks.example/spelo',
        {
          'webhook-id': noticeId,
          'webhook-timestamp': String(NOW_SECONDS),
          'webhook-signature': signature(3),
        },
        body,
      ],
    ]);
  });

  it.each([
    ['carries the signatures of both secrets during the overlap', 1, `${signature(3)} ${signature(2)}`],
    ['carries only the signature of the new secret after the overlap', 0, signature(3)],
  ])('%s', async (_, seconds, expected) => {
    const webhook = aWebhook({ secretVersion: 3, previousSecretUntil: inSeconds(seconds) });
    expect((await posted(webhook)).posts).toMatchObject([
      [webhook.url, { 'webhook-signature': expected }, aDelivery().body],
    ]);
  });

  it.each([
    ['removed', undefined],
    ['switched off', aWebhook({ enabled: false })],
  ])('posts nothing to a webhook that was %s', async (_, webhook) => {
    expect(await posted(webhook)).toEqual({ outcome: 'gone', posts: [] });
  });

  it('returns the failure of the post', async () => {
    const failed = { status: null, failure: 'private_address' } as const;
    expect((await posted(aWebhook(), failed)).outcome).toEqual(failed);
  });
});
