import { afterAll, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { tablesAt } from '../support/key-tables.ts';
import { asOwner, changeWorkspace, makeKeyedTenant, suspendWorkspaceKey } from '../support/keyed-tenant.ts';
import { addressOf, mailedCode, mailsTo, verifyMail } from '../support/mail.ts';
import { startTestStack } from '../support/stack.ts';
import { makeTenant, type Tenant } from '../support/tenant.ts';

const HOUR_MS = 3_600_000;
const stack = await startTestStack({ audited: false });
const tables = tablesAt(stack.dynamoDb.endpoint);
afterAll(async () => {
  tables.close();
  await stack.close();
});

const mailOf = ({ workspaceId }: Tenant, rest = ''): string =>
  `/v1/workspaces/${workspaceId}/mail-alerts${rest}`;
const confirm = (tenant: Tenant, code: string) =>
  stack.call('POST', mailOf(tenant, '/confirm'), { as: tenant.owner, body: { code } });
const settle = async (): Promise<void> => {
  await stack.streams.drain();
  await stack.notices.drain();
};
const deliveries = async (tenant: Tenant) =>
  (await asOwner(stack, tenant, 'GET', `/v1/workspaces/${tenant.workspaceId}/deliveries`)).items;
const resume = (tenant: Tenant) =>
  asOwner(stack, tenant, 'POST', `/v1/workspaces/${tenant.workspaceId}/openai-key/resume`);

describe('an address that is not verified', () => {
  it('receives no mail', async () => {
    const tenant = await makeKeyedTenant(stack, { alert_email: 'stranger@elsewhere.example' });
    await suspendWorkspaceKey(stack, tenant);
    await settle();
    expect(mailsTo(stack, 'stranger@elsewhere.example')).toEqual([]);
    expect(await asOwner(stack, tenant, 'GET', mailOf(tenant))).toMatchObject({
      available: true,
      address: 'stranger@elsewhere.example',
      verified: false,
    });
  });

  it('is verified by the code that was mailed to it, which is stored nowhere', async () => {
    const tenant = await makeTenant(stack);
    const address = addressOf(tenant);
    await changeWorkspace(stack, tenant, { alert_email: address });
    const code = await mailedCode(stack, tenant, address);
    const stored = JSON.stringify([await tables.scan('tenancy'), await tables.scan('limits')]);
    expect(`${stored}${stack.logs.join('\n')}`).not.toContain(code);
    expect(expectSuccess(await confirm(tenant, code))).toMatchObject({ address, verified: true });
    expect(mailsTo(stack, address)).toMatchObject([{ from: 'alerts@spelo.example', to: [address] }]);
  });

  it('is not verified by a wrong code, and after five wrong codes not by the right one', async () => {
    const tenant = await makeTenant(stack);
    await changeWorkspace(stack, tenant, { alert_email: addressOf(tenant) });
    const code = await mailedCode(stack, tenant, addressOf(tenant));
    const wrong = code === '00000000' ? '00000001' : '00000000';
    for (let tried = 0; tried < 5; tried++)
      expectRefusal(await confirm(tenant, wrong), 409, 'mail_code_wrong');
    expectRefusal(await confirm(tenant, code), 409, 'mail_code_wrong');
  });

  it('is not verified by a code that has expired, was replaced, or was sent to another address', async () => {
    const tenant = await makeTenant(stack);
    await changeWorkspace(stack, tenant, { alert_email: addressOf(tenant) });
    const late = await mailedCode(stack, tenant, addressOf(tenant));
    stack.advance(HOUR_MS / 2);
    expectRefusal(await confirm(tenant, late), 409, 'mail_code_wrong');
    const replaced = await mailedCode(stack, tenant, addressOf(tenant));
    const code = await mailedCode(stack, tenant, addressOf(tenant));
    expect(replaced).not.toBe(code);
    expectRefusal(await confirm(tenant, replaced), 409, 'mail_code_wrong');
    await changeWorkspace(stack, tenant, { alert_email: 'victim@elsewhere.example' });
    expectRefusal(await confirm(tenant, code), 409, 'mail_code_wrong');
  });

  it('receives at most five codes a day', async () => {
    const tenant = await makeTenant(stack);
    await changeWorkspace(stack, tenant, { alert_email: addressOf(tenant) });
    for (let sent = 0; sent < 5; sent++) await mailedCode(stack, tenant, addressOf(tenant));
    const answer = await stack.call('POST', mailOf(tenant, '/code'), { as: tenant.owner });
    expectRefusal(answer, 429, 'rate_limited');
    await stack.notices.drain();
    expect(mailsTo(stack, addressOf(tenant))).toHaveLength(5);
  });
});

describe('a verified address', () => {
  it('receives a notice once, without the key', async () => {
    const tenant = await makeKeyedTenant(stack);
    const address = await verifyMail(stack, tenant);
    stack.sqs.viewOf('notices').duplicateNext(4);
    await suspendWorkspaceKey(stack, tenant);
    await settle();
    stack.advance(61_000);
    await stack.notices.drain();
    const mails = mailsTo(stack, address).slice(1);
    expect(mails).toEqual([
      expect.objectContaining({ subject: '[Spelo] An OpenAI key was suspended', to: [address] }),
    ]);
    expect(mails[0]?.text).toContain(`Shop (${tenant.workspaceId})`);
    expect(JSON.stringify(mails)).not.toContain(tenant.key);
    expect(await deliveries(tenant)).toMatchObject([
      { channel: 'mail', webhook_id: null, type: 'key.suspended', state: 'delivered' },
    ]);
  });

  it('receives no kind of notice that is turned off, and nothing after the address changes', async () => {
    const tenant = await makeKeyedTenant(stack);
    const address = await verifyMail(stack, tenant);
    await asOwner(stack, tenant, 'PATCH', mailOf(tenant), { events: ['anomaly.detected'] });
    await suspendWorkspaceKey(stack, tenant);
    await settle();
    expect(mailsTo(stack, address)).toHaveLength(1);
    await resume(tenant);
    await asOwner(stack, tenant, 'PATCH', mailOf(tenant), { events: ['key.suspended'] });
    await changeWorkspace(stack, tenant, { alert_email: 'other@elsewhere.example' });
    await suspendWorkspaceKey(stack, tenant);
    await settle();
    expect(mailsTo(stack, address)).toHaveLength(1);
    expect(mailsTo(stack, 'other@elsewhere.example')).toEqual([]);
  });

  it('receives the notice later if SES fails at first, and not again if SES refuses the address', async () => {
    const tenant = await makeKeyedTenant(stack);
    const address = await verifyMail(stack, tenant);
    // The SDK tries twice.
    stack.ses.failNext(2);
    await suspendWorkspaceKey(stack, tenant);
    await settle();
    expect(mailsTo(stack, address)).toHaveLength(1);
    stack.advance(90_000);
    await stack.notices.drain();
    expect(mailsTo(stack, address)).toHaveLength(2);

    await resume(tenant);
    stack.ses.refuse(address);
    await suspendWorkspaceKey(stack, tenant);
    await settle();
    const [newest] = await deliveries(tenant);
    expect(newest).toMatchObject({ state: 'failed', attempts: 1, last_failure: 'mail_refused' });
  });
});

describe('a deployment without a mail sender', () => {
  it('does not offer mail', async () => {
    const silent = await startTestStack({ variables: { MAIL_SENDER: '' }, audited: false });
    const tenant = await makeTenant(silent, { alert_email: 'ops@customer.example' });
    const as = tenant.owner;
    expect(expectSuccess(await silent.call('GET', mailOf(tenant), { as }))).toMatchObject({
      available: false,
      verified: false,
    });
    expectRefusal(await silent.call('POST', mailOf(tenant, '/code'), { as }), 409, 'mail_unavailable');
    await silent.close();
  });
});
