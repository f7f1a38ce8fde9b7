import { BrokerError } from '../../domain/broker-error.ts';
import { type Caller, type Role, roleSuffices } from '../../domain/tenancy/workspace.ts';

/**
 * Refuses a caller whose sign-in is older than the deployment allows for a change that outlives a stolen token: another key,
 * another origin, another person or program with rights. An API token never counts as a sign-in.
 */
export const requireRecentSignIn = ({ signInIsOld, token }: Caller): void => {
  if (token !== undefined)
    throw new BrokerError('api_token_not_allowed', {
      details: [
        { path: 'authorization', message: 'Only a person who signed in recently can make this change.' },
      ],
    });
  if (signInIsOld === true) throw new BrokerError('recent_sign_in_required');
};

/** Refuses such a caller if `role` is more than the person holds. A viewer can change nothing and needs no sign-in. */
export const requireRecentSignInToRaise = (caller: Caller, role: Role, held: Role = 'viewer'): void => {
  if (!roleSuffices(held, role)) requireRecentSignIn(caller);
};
