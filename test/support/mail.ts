import { expectSuccess } from './answers.ts';
import type { TestStack } from './stack.ts';
import type { Tenant } from './tenant.ts';

/** An address of one workspace. */
export const addressOf = ({ workspaceId }: Tenant): string => `ops-${workspaceId}@customer.example`;

export const mailsTo = (stack: TestStack, address: string) =>
  stack.ses.mails.filter(({ to }) => to.includes(address));

/** Has a code mailed and returns it. */
export const mailedCode = async (stack: TestStack, tenant: Tenant, address: string): Promise<string> => {
  const path = `/v1/workspaces/${tenant.workspaceId}/mail-alerts/code`;
  expectSuccess(await stack.call('POST', path, { as: tenant.owner }), 202);
  await stack.notices.drain();
  const code = /^\d{8}$/m.exec(mailsTo(stack, address).at(-1)?.text ?? '')?.[0];
  if (code === undefined) throw new Error('No code was mailed.');
  return code;
};

/** Sets the address of the workspace and verifies it. */
export const verifyMail = async (stack: TestStack, tenant: Tenant): Promise<string> => {
  const address = addressOf(tenant);
  const as = tenant.owner;
  const workspace = `/v1/workspaces/${tenant.workspaceId}`;
  expectSuccess(await stack.call('PATCH', workspace, { as, body: { alert_email: address } }));
  const code = await mailedCode(stack, tenant, address);
  expectSuccess(await stack.call('POST', `${workspace}/mail-alerts/confirm`, { as, body: { code } }));
  return address;
};
