import { CrossStackReferences, ReferenceStrength, Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { ApiStack } from './api-stack.ts';
import type { AuditStack } from './audit-stack.ts';
import { DashboardSite, type DashboardSiteProps } from './constructs/dashboard-site.ts';
import { addBucketRule, addFileRule } from './constructs/page-rules.ts';
import type { DataStack } from './data-stack.ts';
import { signInPrefix } from './sign-in-prefix.ts';
import type { Dashboard, StageConfig } from './stage-config.ts';

export interface DashboardStackProps extends StackProps {
  readonly config: StageConfig;
  readonly dashboard: Dashboard;
  readonly data: DataStack;
  readonly api: ApiStack;
  readonly audit: AuditStack;
}

/** The operator's dashboard and the widget's files. It has no state: a command uploads its files. */
export class DashboardStack extends Stack {
  constructor(scope: Construct, id: string, props: DashboardStackProps) {
    const { config, dashboard, data, api, audit, ...rest } = props;
    super(scope, id, { description: 'Spelo BYOK: dashboard and widget', ...rest });
    // The value that it reads is in a separate output, which cannot be an import. The sign-in and the API's id cannot
    // change: other stacks import both.
    CrossStackReferences.of(this).consume(ReferenceStrength.WEAK);
    const { bucketName } = new DashboardSite(this, 'Dashboard', {
      // Behind an edge, the API can only be reached through the edge.
      apiUrl:
        config.edge === undefined || config.domain === undefined
          ? `https://${api.host}`
          : `https://${config.domain.name}`,
      domain: dashboard.domain,
      ...this.#signIn(config, dashboard, data),
    });
    const watched = { stage: config.stage, topic: audit.topic, bucketName };
    addFileRule(this, { ...watched, logRetention: config.logRetentionDays });
    addBucketRule(this, watched);
  }

  #signIn(
    { signIn, stage }: StageConfig,
    { clientId, signInOrigins, scope = 'openid' }: Dashboard,
    data: DataStack,
  ): Pick<DashboardSiteProps, 'oidc' | 'signInOrigins'> {
    if ('cognito' in signIn)
      return {
        oidc: { issuer: data.signIn.issuer, client_id: data.signIn.audience, scope, audience: null },
        signInOrigins: [
          `https://cognito-idp.${this.region}.${this.urlSuffix}`,
          `https://${signInPrefix(stage, signIn.cognito, this.account)}.auth.${this.region}.amazoncognito.com`,
        ],
      };
    if (clientId === undefined) throw new Error('The stage has no client for the dashboard.');
    return {
      oidc: { issuer: signIn.issuer, client_id: clientId, scope, audience: signIn.audience },
      signInOrigins: [new URL(signIn.issuer).origin, ...(signInOrigins ?? [])],
    };
  }
}
