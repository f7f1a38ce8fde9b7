import { userInfo } from 'node:os';
import { STSClient } from '@aws-sdk/client-sts';
import type { Caller } from '../../lambdas/domain/tenancy/workspace.ts';
import { accountOf } from './deploy/account.ts';
import { DeployStop } from './deploy/stop.ts';

/** The audit list finds an actor by the whole name, of at most 256 characters (lambdas/contract/audit.ts). */
const MAX_LENGTH = 200;

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** Printable ASCII. A name that is too long keeps its account and its end, which contains the person's name. */
export const shownIdentity = (identity: string): string => {
  const shown = identity.replace(/[^\x20-\x7e]/g, '?');
  return shown.length <= MAX_LENGTH ? shown : `${shown.slice(0, 97)}...${shown.slice(-100)}`;
};

/**
 * The person behind a command: `operator:` and the ARN of the credentials, with the name of the session. Tables on this machine
 * belong to a local server without STS, so there it is `operator:local:` and the user of the machine. It is the actor of the
 * command's audit events.
 *
 * Commands call this before anything else that reaches AWS. AWS requires no permission for it:
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 *
 * @throws Error with a sentence and a next step when the identity cannot be read
 */
export const operatorOf = async (settings: {
  readonly AWS_REGION: string;
  readonly AWS_ENDPOINT_URL_DYNAMODB?: string | undefined;
}): Promise<Caller> => {
  const { AWS_REGION: region, AWS_ENDPOINT_URL_DYNAMODB: tables } = settings;
  const isLocal =
    tables !== undefined &&
    LOOPBACK.includes(new URL(tables).hostname) &&
    process.env['AWS_ENDPOINT_URL_STS'] === undefined;
  const identity = isLocal ? `local:${userInfo().username}` : await callerArn(region);
  return { sub: `operator:${shownIdentity(identity)}`, sourceIp: '' };
};

const callerArn = async (region: string): Promise<string> => {
  try {
    return (await accountOf({ sts: () => new STSClient({ region }) }, region)).caller;
  } catch (error) {
    if (!(error instanceof DeployStop)) throw error;
    throw new Error(
      `Your AWS identity, which the audit trail records, cannot be read. ${error.message} Nothing was changed. ${error.next}`,
    );
  }
};

/**
 * True if the credentials are those of the break-glass role, whose events IAM restricts to a separate partition
 * (lib/item-uses.ts).
 */
export const isBreakGlass = ({ sub }: Caller): boolean =>
  /:assumed-role\/spelo-byok-[a-z0-9-]+-break-glass-[a-z]{2,3}(?:-[a-z]+)+-\d+\//.test(sub);
