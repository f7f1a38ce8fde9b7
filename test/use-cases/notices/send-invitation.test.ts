import { describe, expect, it } from '@jest/globals';
import type { Invitation } from '../../../lambdas/domain/tenancy/invitation.ts';
import type { Workspace } from '../../../lambdas/domain/tenancy/workspace.ts';
import { sendInvitation } from '../../../lambdas/use-cases/notices/send-invitation.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { aWorkspace, NOW, WORKSPACE_ID } from '../sessions/token-fixture.ts';

const ID = `inv_${WORKSPACE_ID}${'0'.repeat(24)}`;
const INVITATION: Invitation = {
  workspaceId: WORKSPACE_ID,
  invitationId: ID,
  role: 'admin',
  email: 'ada@customer.example',
  invitedSub: null,
  invitedAt: NOW.toISOString(),
  invitedBy: 'owner',
  expiresAt: new Date(NOW.getTime() + 60_000).toISOString(),
  nonce: 'n',
};

const mailed = async ({
  invitation = INVITATION as Invitation | null,
  workspace = aWorkspace({ name: 'Harbour Books' }) as Workspace | null,
  dashboardUrl = '',
} = {}) => {
  const mails: [string, { readonly subject: string; readonly text: string }][] = [];
  const outcome = await sendInvitation(
    strictPorts<Parameters<typeof sendInvitation>[0]>({
      clock: () => NOW,
      workspaces: { readWorkspace: async () => workspace ?? undefined },
      invitations: { readInvitation: async () => invitation ?? undefined },
      secrets: { secretOf: async () => 'secret' },
      mailer: {
        send: async (...mail) => {
          mails.push(mail);
          return 'accepted';
        },
      },
      dashboardUrl,
    }),
  )(WORKSPACE_ID, ID);
  return { outcome, mails };
};

describe('the mail with an invitation', () => {
  it('contains the workspace, the role and the code', async () => {
    const { outcome, mails } = await mailed();
    expect(outcome).toBe('accepted');
    const [[address, { subject, text }] = ['', { subject: '', text: '' }]] = mails;
    expect(address).toBe('ada@customer.example');
    expect(subject).toBe('[Spelo] Invitation to a workspace');
    expect(text).toContain('"Harbour Books" as admin');
    expect(text).toContain(`\n${ID}.secret\n`);
  });

  it('contains a link if the dashboard address is known, with the code after the #', async () => {
    const { mails } = await mailed({ dashboardUrl: 'https://voice.example/dashboard/' });
    expect(mails[0]?.[1].text).toContain(`https://voice.example/dashboard/invitation#${ID}.secret`);
  });

  it.each([
    ['that was withdrawn', { invitation: null }],
    ['by user ID', { invitation: { ...INVITATION, email: null, invitedSub: 'ada' } }],
    ['that has expired', { invitation: { ...INVITATION, expiresAt: NOW.toISOString() } }],
    ['to a workspace that is gone', { workspace: null }],
    ['to a deleted workspace', { workspace: aWorkspace({ deletedAt: NOW.toISOString() }) }],
  ])('is not sent for an invitation %s', async (_, given) => {
    expect(await mailed(given)).toEqual({ outcome: 'expired', mails: [] });
  });
});
