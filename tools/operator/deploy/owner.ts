import {
  AdminCreateUserCommand,
  AdminGetUserCommand,
  ListUsersCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import type { AwsClients } from './clients.ts';
import { awsErrorOf } from './stop.ts';

export type Invitation = 'invited' | 'invited again' | 'waiting' | 'there';

/** The same value as `tempPasswordValidity` of the pool in lib/constructs/sign-in-pool.ts. */
const INVITATION_MS = 3 * 24 * 60 * 60 * 1_000;

/** Whether anyone in the pool has signed in already. */
export const poolHasOwner = async (aws: AwsClients, region: string, userPoolId: string): Promise<boolean> => {
  const { Users = [] } = await aws
    .cognito(region)
    .send(new ListUsersCommand({ UserPoolId: userPoolId, Limit: 60 }));
  return Users.some(({ UserStatus }) => UserStatus === 'CONFIRMED');
};

/**
 * Invites a person by mail; Cognito generates the temporary password, and only the mail has it. An invitation that has
 * expired is sent again. Changes nothing for a person who has signed in.
 */
export const inviteOwner = async (
  aws: AwsClients,
  region: string,
  userPoolId: string,
  email: string,
): Promise<Invitation> => {
  const cognito = aws.cognito(region);
  const invite = (again: boolean) =>
    cognito.send(
      new AdminCreateUserCommand({
        UserPoolId: userPoolId,
        Username: email,
        // The default medium is SMS, which the pool does not have.
        DesiredDeliveryMediums: ['EMAIL'],
        ...(again
          ? { MessageAction: 'RESEND' }
          : {
              UserAttributes: [
                { Name: 'email', Value: email },
                // A password can be recovered only through a verified address.
                { Name: 'email_verified', Value: 'true' },
              ],
            }),
      }),
    );
  try {
    const { UserStatus, UserLastModifiedDate } = await cognito.send(
      new AdminGetUserCommand({ UserPoolId: userPoolId, Username: email }),
    );
    if (UserStatus !== 'FORCE_CHANGE_PASSWORD') return 'there';
    const age = Date.now() - (UserLastModifiedDate?.getTime() ?? 0);
    if (age < INVITATION_MS) return 'waiting';
    await invite(true);
    return 'invited again';
  } catch (error) {
    if (awsErrorOf(error).name !== 'UserNotFoundException') throw error;
    await invite(false);
    return 'invited';
  }
};
