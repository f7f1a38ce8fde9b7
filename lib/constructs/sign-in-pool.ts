import {
  AccountRecovery,
  CfnManagedLoginBranding,
  FeaturePlan,
  ManagedLoginVersion,
  Mfa,
  OAuthScope,
  UserPool,
  UserPoolClient,
  UserPoolDomain,
} from 'aws-cdk-lib/aws-cognito';
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { CognitoPool } from '../stage-config.ts';

export interface SignInPoolProps extends CognitoPool {
  readonly stage: string;
  /** Unique across all of AWS. */
  readonly domainPrefix: string;
  readonly deletionProtection: boolean;
}

/**
 * People who manage workspaces, for an operator without an identity provider. Nobody can sign up: a person who can sign
 * in can create a workspace, so an administrator invites each by mail, and each adds an authenticator app. Outlives
 * every deployment: membership of a workspace depends on the `sub` of this pool.
 */
export class SignInPool extends Construct {
  readonly issuer: string;
  /** Cognito's access tokens contain it as `client_id`, which API Gateway and the functions accept as an audience. */
  readonly audience: string;
  readonly userPoolId: string;
  readonly signInUrl: string;

  constructor(scope: Construct, id: string, props: SignInPoolProps) {
    super(scope, id);
    const { stage, deletionProtection, domainPrefix, callbackUrls } = props;
    const pool = new UserPool(this, 'Pool', {
      userPoolName: `spelo-byok-${stage}`,
      selfSignUpEnabled: false,
      signInAliases: { email: true },
      signInCaseSensitive: false,
      mfa: Mfa.REQUIRED,
      mfaSecondFactor: { otp: true, sms: false },
      passwordPolicy: {
        minLength: 14,
        requireLowercase: true,
        requireUppercase: true,
        requireDigits: true,
        requireSymbols: true,
        tempPasswordValidity: Duration.days(3),
      },
      accountRecovery: AccountRecovery.EMAIL_ONLY,
      featurePlan: FeaturePlan.ESSENTIALS,
      deletionProtection,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    Validations.of(pool).acknowledge({
      id: 'AwsSolutions-COG8',
      reason:
        'Threat protection takes the plan Plus, priced per user. Nobody signs up here and everybody has a second factor.',
    });
    const client = new UserPoolClient(this, 'Client', {
      userPool: pool,
      userPoolClientName: 'dashboard',
      // A browser cannot keep a secret, so it uses the authorization code flow with PKCE.
      generateSecret: false,
      authFlows: {},
      oAuth: {
        flows: { authorizationCodeGrant: true },
        scopes: [OAuthScope.OPENID, OAuthScope.EMAIL],
        callbackUrls: [...callbackUrls],
        logoutUrls: [...callbackUrls],
      },
      preventUserExistenceErrors: true,
      enableTokenRevocation: true,
      accessTokenValidity: Duration.hours(1),
      idTokenValidity: Duration.hours(1),
      refreshTokenValidity: Duration.days(1),
    });
    const domain = new UserPoolDomain(this, 'Domain', {
      userPool: pool,
      cognitoDomain: { domainPrefix },
      // The classic page ignores `prompt=login`, and so the API's request for a recent sign-in:
      // https://docs.aws.amazon.com/cognito/latest/developerguide/authorization-endpoint.html
      managedLoginVersion: ManagedLoginVersion.NEWER_MANAGED_LOGIN,
    });
    // Managed login needs a style for each client.
    new CfnManagedLoginBranding(this, 'Branding', {
      userPoolId: pool.userPoolId,
      clientId: client.userPoolClientId,
      useCognitoProvidedValues: true,
    });

    this.issuer = pool.userPoolProviderUrl;
    this.audience = client.userPoolClientId;
    this.userPoolId = pool.userPoolId;
    this.signInUrl = domain.baseUrl();
  }
}
