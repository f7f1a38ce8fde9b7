import { describe, expect, it } from '@jest/globals';
import type { MailAlerts } from '../../../lambdas/domain/notices/mail-alerts.ts';
import type { Workspace } from '../../../lambdas/domain/tenancy/workspace.ts';
import { sendByMail } from '../../../lambdas/use-cases/notices/send-by-mail.ts';
import { sendMailCode } from '../../../lambdas/use-cases/notices/send-mail-code.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { NOW, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import {
  ADDRESS,
  aDelivery,
  aMailSetting,
  CODE,
  codeOf,
  theWorkspace,
  unverified,
} from './notice-fixture.ts';

describe('a notice by mail', () => {
  const body = JSON.stringify({ subject: 'A subject', text: 'A text' });
  const mailed = async ({
    mail = aMailSetting() as MailAlerts | null,
    workspace = theWorkspace() as Workspace | null,
    answer = 'accepted' as 'accepted' | 'refused',
  } = {}) => {
    const mails: unknown[][] = [];
    const outcome = await sendByMail(
      strictPorts<Parameters<typeof sendByMail>[0]>({
        workspaces: { readWorkspace: async () => workspace ?? undefined },
        mailAlerts: { readMailAlerts: async () => mail ?? undefined },
        mailer: {
          send: async (...sent) => {
            mails.push(sent);
            return answer;
          },
        },
      }),
    )(aDelivery({ webhookId: 'mail', body }));
    return { outcome, mails };
  };

  it('goes to the verified address', async () => {
    expect(await mailed()).toEqual({
      outcome: { status: 200, failure: null },
      mails: [[ADDRESS, { subject: 'A subject', text: 'A text' }]],
    });
  });

  it.each([
    ['the address was changed meanwhile', { workspace: theWorkspace({ alertEmail: 'new@shop.example' }) }],
    ['the address is not verified', { mail: unverified() }],
    ['mail alerts are gone', { mail: null }],
    ['the workspace is deleted', { workspace: theWorkspace({ deletedAt: NOW.toISOString() }) }],
    ['the workspace is gone', { workspace: null }],
  ])('is not sent if %s', async (_, given) => {
    expect(await mailed(given)).toEqual({ outcome: 'gone', mails: [] });
  });

  it('fails if SES refuses it', async () => {
    const { outcome } = await mailed({ answer: 'refused' });
    expect(outcome).toEqual({ status: null, failure: 'mail_refused' });
  });
});

describe('the mail with a verification code', () => {
  const coded = async (mail: MailAlerts | undefined, answer: 'accepted' | 'refused' = 'accepted') => {
    const mails: [string, { readonly text: string }][] = [];
    const outcome = await sendMailCode(
      strictPorts<Parameters<typeof sendMailCode>[0]>({
        clock: () => NOW,
        mailAlerts: { readMailAlerts: async () => mail },
        codes: { codeOf },
        mailer: {
          send: async (...sent) => {
            mails.push(sent);
            return answer;
          },
        },
      }),
    )(WORKSPACE_ID);
    return { outcome, mails };
  };

  it('contains the current code, and goes to the address that the code verifies', async () => {
    const { outcome, mails } = await coded(unverified());
    expect(outcome).toBe('accepted');
    expect(mails.map(([address, { text }]) => [address, text.split('\n')[0]])).toEqual([[ADDRESS, CODE]]);
  });

  it('returns the refusal of the mailer', async () => {
    expect((await coded(unverified(), 'refused')).outcome).toBe('refused');
  });

  it.each([
    ['that nobody requested', undefined],
    ['that was entered already', aMailSetting()],
    ['that has expired', unverified({ codeExpiresAt: NOW.toISOString() })],
  ])('is not sent for a code %s', async (_, mail) => {
    expect(await coded(mail)).toEqual({ outcome: 'expired', mails: [] });
  });
});
