import { describe, expect, it } from '@jest/globals';
import { isSameText } from '../../../lambdas/domain/constant-time.ts';
import type { WorkspaceId } from '../../../lambdas/domain/identifiers.ts';
import {
  codeMail,
  codeText,
  DEFAULT_MAIL_EVENTS,
  isVerified,
  type MailAlerts,
  mailOf,
} from '../../../lambdas/domain/notices/mail-alerts.ts';
import { NOTICE_TYPES, type Notice, type NoticeType } from '../../../lambdas/domain/notices/notice.ts';

const aNotice = (facts: Partial<Notice> = {}): Notice & { readonly type: NoticeType } => ({
  eventId: 'evt_1',
  workspaceId: '0123456789ab',
  siteId: null,
  sessionId: null,
  at: '2026-11-23T12:00:00.000Z',
  listedAt: '2026-11-23T12:00:00.000Z',
  facts: {},
  ...facts,
  type: 'key.failing',
});

describe('a verification code', () => {
  it.each([
    ['00000000ffffffff', '00000000'],
    ['00000001ffffffff', '00000001'],
    // 4 294 967 295
    ['ffffffff00000000', '94967295'],
    // 100 000 000
    ['05f5e10000000000', '00000000'],
    ['05f5e0ff00000000', '99999999'],
  ])('is the first 32 bits of %s, modulo 100 000 000, as the eight digits %s', (derived, code) => {
    expect(codeText(Buffer.from(derived, 'hex'))).toBe(code);
  });

  it('is accepted only in the form in which it was sent', () => {
    expect(isSameText('01234567', '01234567')).toBe(true);
    for (const other of ['', '1234567', '001234567', '01234568', '0123456７', ' 1234567'])
      expect(isSameText('01234567', other)).toBe(false);
  });
});

describe('the address of mail alerts', () => {
  const mail: MailAlerts = {
    workspaceId: '0123456789ab' as WorkspaceId,
    address: 'owner@shop.example',
    verifiedAt: '2026-11-23T12:00:00.000Z',
    events: DEFAULT_MAIL_EVENTS,
    nonce: 'nonce',
    codeExpiresAt: '2026-11-23T12:30:00.000Z',
    triesLeft: 5,
  };

  it('receives mail only after verification, and only while the workspace still has this address', () => {
    expect(isVerified(mail, 'owner@shop.example')).toBe(true);
    expect(isVerified({ ...mail, verifiedAt: null }, 'owner@shop.example')).toBe(false);
    expect(isVerified(mail, 'Owner@shop.example')).toBe(false);
    expect(isVerified(mail, 'new@shop.example')).toBe(false);
    expect(isVerified(mail, null)).toBe(false);
  });

  it('receives every kind of notice except session ends, unless the workspace selects others', () => {
    expect([...DEFAULT_MAIL_EVENTS, 'session.ended'].sort()).toEqual([...NOTICE_TYPES].sort());
  });
});

describe('an alert by mail', () => {
  it('lists workspace, site, session, time and facts, one per line, and the reason for the mail', () => {
    const { subject, text } = mailOf(
      aNotice({ siteId: 'site-1', sessionId: 'ses_1', facts: { window_seconds: 60, kind: 'auth_failures' } }),
      'Harbour Books',
    );
    expect(subject).toBe('[Spelo] OpenAI refuses an OpenAI key');
    expect(text.split('\n').slice(0, -1)).toEqual([
      'OpenAI refuses an OpenAI key.',
      '',
      'workspace: Harbour Books (0123456789ab)',
      'site: site-1',
      'session: ses_1',
      'at: 2026-11-23T12:00:00.000Z',
      'window seconds: 60',
      'kind: auth_failures',
      '',
    ]);
    expect(text).toContain('this address was verified for alerts of the workspace');
  });

  it('omits the site and the session if the event has none', () => {
    expect(mailOf(aNotice(), 'Harbour Books').text).not.toMatch(/^(?:site|session): /m);
  });

  it('has a fixed subject for each kind, so that no text typed by a person becomes a header', () => {
    const hostile = 'Shop\r\nBcc: everybody@evil.example';
    const subjects = NOTICE_TYPES.map((type) => mailOf({ ...aNotice(), type }, hostile).subject);
    expect(new Set(subjects).size).toBe(NOTICE_TYPES.length);
    for (const subject of subjects) expect(subject).toMatch(/^\[Spelo\] [A-Z][A-Za-z ]+$/);
  });
});

describe('the mail with a verification code', () => {
  it('contains the code in the text and not in the subject, which lock screens show', () => {
    const { subject, text } = codeMail('01234567');
    expect(text.startsWith('01234567\n')).toBe(true);
    expect(text).toContain('expires after 30 minutes');
    expect(subject).not.toContain('01234567');
  });
});
