import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import {
  CODE_TRIES,
  DEFAULT_MAIL_EVENTS,
  type MailAlerts,
} from '../../../lambdas/domain/notices/mail-alerts.ts';
import type { Role, Workspace } from '../../../lambdas/domain/tenancy/workspace.ts';
import { mailAlerts } from '../../../lambdas/use-cases/notices/mail-alerts.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { aMember, NOW, outcomeOf, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import {
  ADDRESS,
  aMailSetting,
  CALLER,
  CODE,
  codeOf,
  DOWN,
  inSeconds,
  random,
  theWorkspace,
  unverified,
} from './notice-fixture.ts';

type Ports = Parameters<typeof mailAlerts>[0];

const worldOf = ({
  mail = null as MailAlerts | null,
  workspace = theWorkspace(),
  role = 'admin' as Role,
  own = {} as Partial<Ports>,
}: {
  readonly mail?: MailAlerts | null;
  readonly workspace?: Workspace;
  readonly role?: Role;
  readonly own?: Partial<Ports>;
} = {}) => {
  const log: unknown[][] = [];
  const state = { mail: mail ?? undefined };
  const ports = strictPorts<Ports>({
    clock: () => NOW,
    random,
    tenancy: {
      readMembership: async () => ({ workspace, member: aMember(role) }),
      readSiteMembership: () => Promise.reject(new Error('not asked for a site')),
    },
    auditEvents: {
      event: async (_, type, { facts }) => ({ type, facts }) as unknown as AuditEvent,
    },
    limiter: {
      spend: async (subject, { perMinute }, at) => {
        log.push(['spend', subject, perMinute, at.toISOString()]);
        return { allowed: true };
      },
    },
    mail: {
      readMailAlerts: async () => state.mail,
      saveMailAlerts: async (after, before, event) => {
        log.push(['save', event]);
        if (before !== state.mail) throw new ConflictError();
        state.mail = after;
      },
    },
    codes: { codeOf },
    queue: { send: async (message) => void log.push(['queue', message]) },
    mailAvailable: true,
    ...own,
  });
  return { alerts: mailAlerts(ports), log, state };
};

const steps = (log: readonly unknown[][]) => log.map(([step]) => step);

describe('requesting a verification code', () => {
  it('stores the data that the code is derived from, and then queues the mail', async () => {
    const { alerts, log, state } = worldOf();
    const view = await alerts.sendCode(CALLER, WORKSPACE_ID);
    expect(state.mail).toEqual({
      workspaceId: WORKSPACE_ID,
      address: ADDRESS,
      verifiedAt: null,
      events: DEFAULT_MAIL_EVENTS,
      nonce: '07'.repeat(16),
      codeExpiresAt: inSeconds(1_800),
      triesLeft: CODE_TRIES,
    });
    expect(view).toMatchObject({ available: true, mail: state.mail });
    expect(log).toEqual([
      ['spend', `mail-code#${WORKSPACE_ID}`, 5, '2026-11-23T23:59:00.000Z'],
      ['save', { type: 'mail_alerts.changed', facts: { code: 'sent' } }],
      ['queue', { kind: 'mail_code', workspaceId: WORKSPACE_ID }],
    ]);
  });

  it('for another address keeps the selected kinds, and the new address is unverified', async () => {
    const { alerts, state } = worldOf({ mail: aMailSetting({ address: 'old@shop.example' }) });
    await alerts.sendCode(CALLER, WORKSPACE_ID);
    expect(state.mail).toMatchObject({ address: ADDRESS, verifiedAt: null, events: ['key.suspended'] });
  });

  it('for a verified address sends nothing and spends nothing', async () => {
    const { alerts, log } = worldOf({ mail: aMailSetting() });
    expect(await alerts.sendCode(CALLER, WORKSPACE_ID)).toMatchObject({ mail: aMailSetting() });
    expect(log).toEqual([]);
  });

  it('too often is refused until the day ends, and the previous code stays valid', async () => {
    const limiter = { spend: async () => ({ allowed: false as const, retryAfterSeconds: 60 }) };
    const { alerts, log, state } = worldOf({ mail: unverified(), own: { limiter } });
    const error = await alerts.sendCode(CALLER, WORKSPACE_ID).catch((thrown: unknown) => thrown);
    // 12:00:10 to midnight.
    expect(error).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 43_190 });
    expect(state.mail).toEqual(unverified());
    expect(log).toEqual([]);
  });

  it('without an address is refused', async () => {
    const { alerts, log } = worldOf({ workspace: theWorkspace({ alertEmail: null }) });
    expect(await outcomeOf(alerts.sendCode(CALLER, WORKSPACE_ID))).toBe('alert_email_missing');
    expect(log).toEqual([]);
  });

  it('fails if the queue fails, so that the person asks again', async () => {
    const { alerts } = worldOf({ own: { queue: { send: () => Promise.reject(DOWN) } } });
    expect(await outcomeOf(alerts.sendCode(CALLER, WORKSPACE_ID))).toBe(DOWN);
  });
});

describe('entering a verification code', () => {
  const entered = async (code: string, given: Parameters<typeof worldOf>[0] = { mail: unverified() }) => {
    const world = worldOf(given);
    return { ...world, outcome: await outcomeOf(world.alerts.confirm(CALLER, WORKSPACE_ID, code)) };
  };

  it('verifies the address, records an audit event, and uses the code up', async () => {
    const { outcome, state, log } = await entered(CODE);
    expect(outcome).toBe('done');
    expect(state.mail).toEqual({ ...unverified(), verifiedAt: NOW.toISOString(), triesLeft: 0 });
    expect(log).toEqual([['save', { type: 'mail_alerts.verified', facts: undefined }]]);
  });

  it('that is wrong costs one try and records an audit event', async () => {
    const { outcome, state, log } = await entered('999999');
    expect(outcome).toBe('mail_code_wrong');
    expect(state.mail).toEqual(unverified({ triesLeft: CODE_TRIES - 1 }));
    expect(log).toEqual([['save', { type: 'mail_alerts.changed', facts: { code: 'wrong' } }]]);
  });

  it.each<[string, Parameters<typeof worldOf>[0]]>([
    ['after the last try', { mail: unverified({ triesLeft: 0 }) }],
    ['when it has expired', { mail: unverified({ codeExpiresAt: NOW.toISOString() }) }],
    [
      'that went to another address',
      { mail: unverified(), workspace: theWorkspace({ alertEmail: 'new@shop.example' }) },
    ],
    ['that was never sent', { mail: null }],
  ])('%s is refused as wrong, even if it is right, and writes nothing', async (_, given) => {
    const { outcome, log } = await entered(CODE, given);
    expect(outcome).toBe('mail_code_wrong');
    expect(log).toEqual([]);
  });

  it('for a verified address changes nothing', async () => {
    const { outcome, log } = await entered('999999', { mail: aMailSetting() });
    expect(outcome).toBe('done');
    expect(log).toEqual([]);
  });

  it.each([CODE, '999999'])(
    'at the same time as another guess is refused as a conflict (%s)',
    async (code) => {
      const conflict = {
        readMailAlerts: async () => unverified(),
        saveMailAlerts: () => Promise.reject(new ConflictError()),
      };
      const { outcome } = await entered(code, { own: { mail: conflict } });
      expect(outcome).toBe('version_conflict');
    },
  );
});

describe('selecting the kinds of mail', () => {
  it('replaces the kinds, with an event that names them', async () => {
    const { alerts, log, state } = worldOf({ mail: aMailSetting() });
    await alerts.change(CALLER, WORKSPACE_ID, ['key.failing', 'session.ended']);
    expect(state.mail).toEqual(aMailSetting({ events: ['key.failing', 'session.ended'] }));
    expect(log).toEqual([
      ['save', { type: 'mail_alerts.changed', facts: { events: 'key.failing,session.ended' } }],
    ]);
  });

  it.each([
    ['was never entered', { mail: null }],
    ['is not verified', { mail: unverified() }],
    [
      'was changed since',
      { mail: aMailSetting(), workspace: theWorkspace({ alertEmail: 'new@shop.example' }) },
    ],
  ])('is refused if the address %s', async (_, given) => {
    const { alerts, log } = worldOf(given);
    expect(await outcomeOf(alerts.change(CALLER, WORKSPACE_ID, []))).toBe('alert_email_missing');
    expect(log).toEqual([]);
  });
});

describe('mail alerts', () => {
  const actions: readonly [string, (alerts: ReturnType<typeof mailAlerts>) => Promise<unknown>][] = [
    ['sendCode', (alerts) => alerts.sendCode(CALLER, WORKSPACE_ID)],
    ['confirm', (alerts) => alerts.confirm(CALLER, WORKSPACE_ID, CODE)],
    ['change', (alerts) => alerts.change(CALLER, WORKSPACE_ID, [])],
  ];

  it.each(actions)('refuse %s in a deployment without mail', async (_, act) => {
    const { alerts, log } = worldOf({ mail: unverified(), own: { mailAvailable: false } });
    expect(await outcomeOf(act(alerts))).toBe('mail_unavailable');
    expect(log).toEqual([]);
  });

  it('can be read in a deployment without mail, and are shown as unavailable', async () => {
    const { alerts } = worldOf({ own: { mailAvailable: false } });
    expect(await alerts.read(CALLER, WORKSPACE_ID)).toEqual({
      available: false,
      workspace: theWorkspace(),
      mail: undefined,
    });
  });

  it.each([
    ...actions,
    ['read', (alerts: ReturnType<typeof mailAlerts>) => alerts.read(CALLER, WORKSPACE_ID)] as const,
  ])('refuse %s to everyone except admins', async (_, act) => {
    const { alerts, log } = worldOf({ mail: unverified(), role: 'viewer' });
    expect(await outcomeOf(act(alerts))).toBe('forbidden');
    expect(steps(log)).toEqual([]);
  });
});
