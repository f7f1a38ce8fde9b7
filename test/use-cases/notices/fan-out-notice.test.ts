import { describe, expect, it } from '@jest/globals';
import type { Delivery } from '../../../lambdas/domain/notices/delivery.ts';
import type { MailAlerts } from '../../../lambdas/domain/notices/mail-alerts.ts';
import type { Notice } from '../../../lambdas/domain/notices/notice.ts';
import type { Webhook } from '../../../lambdas/domain/notices/webhook.ts';
import type { RecordedSession } from '../../../lambdas/domain/sessions/recorded-session.ts';
import type { Workspace } from '../../../lambdas/domain/tenancy/workspace.ts';
import { type FanOutPorts, fanOutNotice } from '../../../lambdas/use-cases/notices/fan-out-notice.ts';
import { noticeBody } from '../../../lambdas/use-cases/notices/notice-body.ts';
import type { SessionReader } from '../../../lambdas/use-cases/ports/sessions.ts';
import { strictPort, strictPorts } from '../../support/strict-port.ts';
import { aCallSession, SESSION_ID } from '../calls/call-fixture.ts';
import { NOW, outcomeOf, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { aMailSetting, aNotice, aWebhook, DOWN, theWorkspace } from './notice-fixture.ts';

const other = aWebhook({ webhookId: `whk_${'b'.repeat(20)}` });

/** One notice; how many deliveries were queued, the log of deliveries, and every step. */
const fannedOut = async ({
  notice = aNotice(),
  webhooks = [aWebhook()] as readonly Webhook[],
  mail = null as MailAlerts | null,
  mailAvailable = true,
  workspace = theWorkspace() as Workspace | null,
  /** The state of each delivery in the log. */
  known = null as Partial<Delivery> | null,
  bodyOf = (async () => 'a body') as FanOutPorts['bodyOf'],
  own = {} as Partial<FanOutPorts>,
} = {}) => {
  const added: Delivery[] = [];
  const queued: unknown[] = [];
  const result = await fanOutNotice(
    strictPorts<FanOutPorts>({
      clock: () => NOW,
      workspaces: { readWorkspace: async () => workspace ?? undefined },
      webhooks: { listWebhooks: async () => webhooks },
      mailAlerts: { readMailAlerts: async () => mail ?? undefined },
      mailAvailable,
      deliveries: {
        addDelivery: async (delivery) => {
          added.push(delivery);
          return known === null;
        },
        readDelivery: async () =>
          known === null || known.state === 'skipped'
            ? undefined
            : ({ ...added.at(-1), ...known } as Delivery),
      },
      queue: { send: async (message) => void queued.push(message) },
      bodyOf,
      ...own,
    }),
  )(notice).catch((error: unknown) => error);
  return { result, added, queued };
};

describe('a notice', () => {
  it('becomes one delivery for each subscribed webhook, with the same notice ID', async () => {
    const webhooks = [
      aWebhook({ events: ['key.suspended'] }),
      other,
      aWebhook({ events: ['session.ended'] }),
      aWebhook({ enabled: false }),
    ];
    const { result, added, queued } = await fannedOut({ webhooks });
    expect(result).toBe(2);
    expect(added.map(({ webhookId }) => webhookId)).toEqual([aWebhook().webhookId, other.webhookId]);
    expect(new Set(added.map(({ noticeId }) => noticeId)).size).toBe(1);
    expect(new Set(added.map(({ deliveryId }) => deliveryId)).size).toBe(2);
    expect(queued).toEqual(
      added.map(({ deliveryId }) => ({ kind: 'delivery', workspaceId: WORKSPACE_ID, deliveryId })),
    );
  });

  it('starts as a delivery that is due at once', async () => {
    const { added } = await fannedOut();
    expect(added).toMatchObject([
      { state: 'pending', attempts: 0, dueAtMs: NOW.getTime(), claimedUntilMs: 0, body: 'a body' },
    ]);
  });

  it('is mailed with its own text to a verified address', async () => {
    const { result, added } = await fannedOut({ webhooks: [], mail: aMailSetting() });
    expect(result).toBe(1);
    expect(added).toMatchObject([{ webhookId: 'mail' }]);
    const { subject, text } = JSON.parse(added[0]?.body ?? '');
    expect(subject).toBe('[Spelo] An OpenAI key was suspended');
    expect(text).toContain(`workspace: Shop (${WORKSPACE_ID})`);
  });

  it.each([
    ['the address was not verified', { mail: aMailSetting({ verifiedAt: null }) }],
    [
      'the workspace has another address now',
      { workspace: theWorkspace({ alertEmail: 'new@shop.example' }) },
    ],
    ['this kind is not mailed', { mail: aMailSetting({ events: ['session.ended'] }) }],
    ['the deployment sends no mail', { mailAvailable: false }],
  ])('is sent to the webhooks but not mailed if %s', async (_, given) => {
    const { result, added } = await fannedOut({ mail: aMailSetting(), ...given });
    expect(result).toBe(1);
    expect(added.map(({ webhookId }) => webhookId)).toEqual([aWebhook().webhookId]);
  });

  it.each([
    ['no webhook subscribes to it', { webhooks: [aWebhook({ events: [] })] }],
    ['its workspace is deleted', { workspace: theWorkspace({ deletedAt: NOW.toISOString() }) }],
    ['its workspace is gone', { workspace: null }],
    ['its subject is no longer stored', { bodyOf: async () => undefined }],
    ['it is a test, which has its own delivery', { notice: aNotice({ type: 'webhook.test' }) }],
    ['it belongs to the platform', { notice: aNotice({ workspaceId: 'platform' }) }],
  ])('makes no delivery if %s', async (_, given) => {
    expect(await fannedOut(given)).toEqual({ result: 0, added: [], queued: [] });
  });

  it('makes no webhook body if there is only mail', async () => {
    const bodyOf = () => Promise.reject(new Error('asked for a body'));
    expect((await fannedOut({ webhooks: [], mail: aMailSetting(), bodyOf })).result).toBe(1);
  });
});

describe('a notice that arrives again', () => {
  it('is queued again if it was stored but possibly not queued', async () => {
    const { result, queued } = await fannedOut({ known: { state: 'pending', attempts: 0 } });
    expect(result).toBe(1);
    expect(queued).toHaveLength(1);
  });

  it.each<[string, Partial<Delivery>]>([
    ['was attempted', { state: 'pending', attempts: 1 }],
    ['was delivered', { state: 'delivered', attempts: 0 }],
    ['was removed meanwhile', { state: 'skipped' }],
  ])('adds nothing if its delivery %s', async (_, known) => {
    const { result, queued } = await fannedOut({ known });
    expect(result).toBe(0);
    expect(queued).toEqual([]);
  });

  it('is queued after a failure of the queue, because the first run failed', async () => {
    const queue = { send: () => Promise.reject(DOWN) };
    expect((await fannedOut({ own: { queue } })).result).toBe(DOWN);
  });
});

describe('the body of a notice', () => {
  const recorded = {
    ...aCallSession(),
    state: 'issued',
    sessionId: SESSION_ID,
  } as unknown as RecordedSession;
  const ENDED = aNotice({ type: 'session.ended', sessionId: SESSION_ID });

  const bodyOf = (notice: Notice, session: RecordedSession | null = recorded) => {
    const asked: unknown[] = [];
    const sessions = strictPort('sessions', {
      readSession: async (...place: unknown[]) => {
        asked.push(place);
        return session ?? undefined;
      },
      readSessionUsage: async () => new Map(),
    } as unknown as SessionReader);
    const run = noticeBody({
      sessions,
      present: ({ type }, ended) => `${type} of ${ended?.session.sessionId}`,
    })(notice);
    return { run, asked };
  };

  it('about an ended session contains its receipt, read in its own workspace', async () => {
    const { run, asked } = bodyOf(ENDED);
    expect(await run).toBe(`session.ended of ${SESSION_ID}`);
    expect(asked).toEqual([[{ siteId: SITE_ID, workspaceId: WORKSPACE_ID }, SESSION_ID]]);
  });

  it('about anything else is made from the notice alone', async () => {
    const { run, asked } = bodyOf(aNotice());
    expect(await run).toBe('key.suspended of undefined');
    expect(asked).toEqual([]);
  });

  it('is missing if the session is no longer stored', async () => {
    expect(await bodyOf(ENDED, null).run).toBeUndefined();
  });

  it.each([
    ['no site', { siteId: null }],
    ['no session', { sessionId: null }],
    ['text that is not a site ID', { siteId: '../x' }],
    ['text that is not a session ID', { sessionId: 'ses_1' }],
  ])('is missing if the notice has %s, and nothing is read', async (_, facts) => {
    const { run, asked } = bodyOf({ ...ENDED, ...facts });
    expect(await run).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('fails if the session cannot be read', async () => {
    const sessions = { readSession: () => Promise.reject(DOWN) } as unknown as SessionReader;
    expect(await outcomeOf(noticeBody({ sessions, present: () => '' })(ENDED))).toBe(DOWN);
  });
});
