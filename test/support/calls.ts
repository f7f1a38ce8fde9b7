import { CANNED_OFFER } from '../../lambdas/domain/calls/canned-offer.ts';
import { expectSuccess } from './answers.ts';
import type { TestAnswer, TestStack } from './stack.ts';
import { type Caller, ORIGIN, type Tenant } from './tenant.ts';

/** The session's fields of a call's answer. */
export interface OpenedCall {
  readonly session_id: string;
  readonly signing_secret: string;
  readonly sdp: string;
}

/** The canned offer with audio and a data channel, as browsers make it. */
export const DATA_CHANNEL_OFFER = `${CANNED_OFFER.trimEnd()}\r\n${[
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'c=IN IP4 0.0.0.0',
  ...CANNED_OFFER.split(/\r?\n/).filter((line) => /^a=(?:ice-ufrag|ice-pwd|fingerprint|setup):/.test(line)),
  'a=mid:1',
  'a=sctp-port:5000',
].join('\r\n')}\r\n`;

export const openCall = (
  stack: Caller,
  tenant: Pick<Tenant, 'siteId'>,
  body: Readonly<Record<string, unknown>> = {},
  origin = ORIGIN,
): Promise<TestAnswer> =>
  stack.call('POST', `/v1/${tenant.siteId}/calls`, { origin, body: { sdp: CANNED_OFFER, ...body } });

/** Opens a call that continues. The test ends if this fails. */
export const openedCall = async (
  stack: Caller,
  tenant: Pick<Tenant, 'siteId'>,
  body?: Readonly<Record<string, unknown>>,
): Promise<OpenedCall> => expectSuccess(await openCall(stack, tenant, body), 201);

/** One session of the site, as its owner sees it. */
export const sessionOf = async (
  stack: TestStack,
  tenant: Tenant,
  { session_id }: Pick<OpenedCall, 'session_id'>,
) =>
  expectSuccess(
    await stack.call('GET', `/v1/sites/${tenant.siteId}/sessions/${session_id}`, { as: tenant.owner }),
  );

/** Slots that are taken now, of all keys of the workspace. */
export const slotsTaken = async (stack: TestStack, tenant: Tenant): Promise<number> => {
  const { keys } = expectSuccess(
    await stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/concurrency`, { as: tenant.owner }),
  );
  return keys.reduce((sum: number, { active }: { active: number }) => sum + active, 0);
};

/** IDs of the sessions that are live now. */
export const liveSessions = async (stack: TestStack, tenant: Tenant): Promise<readonly string[]> => {
  const { items } = expectSuccess(
    await stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/live`, { as: tenant.owner }),
  );
  return items.map(({ session_id }: OpenedCall) => session_id);
};
