import { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import { CrossStackReferences, ReferenceStrength, Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { ApiStack } from './api-stack.ts';
import type { AuditStack } from './audit-stack.ts';
import { addApiRule } from './constructs/api-rule.ts';
import type { DataStack } from './data-stack.ts';
import { addServiceAlarms } from './observability/alarms.ts';
import { ServiceDashboard } from './observability/dashboard.ts';
import type { StageConfig } from './stage-config.ts';

export interface ObservabilityStackProps extends StackProps {
  readonly config: StageConfig;
  readonly data: DataStack;
  readonly api: ApiStack;
  readonly audit: AuditStack;
}

/**
 * The operator's dashboard, and alarms on problems that visitors and owners notice. Alarms on the evidence itself are
 * in the audit stack, next to the resources that they watch, and go to the same topic. It has no state and can be
 * recreated.
 */
export class ObservabilityStack extends Stack {
  constructor(scope: Construct, id: string, { config, data, api, audit, ...props }: ObservabilityStackProps) {
    super(scope, id, { description: 'Spelo BYOK: dashboard and alarms', ...props });
    const { stage } = config;
    // Resources that it shows change with releases, which an import would forbid. It still imports the API and the topic, so
    // that neither stack can be deleted and deployed again under other names while this one shows the old names.
    CrossStackReferences.of(this).consume(ReferenceStrength.WEAK);
    CrossStackReferences.of(audit.topic).produce(ReferenceStrength.STRONG);
    const apiId = Stack.consumeReference(api.apiId, ReferenceStrength.STRONG);
    addServiceAlarms(this, {
      stage,
      topic: audit.topic,
      apiId,
      apiFunctions: api.functionNames,
      opening: ['token', 'rotate', 'rotate-on-request'],
      mintTables: (['tenancy', 'keys', 'sessions', 'limits', 'usage'] as const).map(
        (name) => data.tables[name].tableName,
      ),
      reserved: config.reservedConcurrency !== undefined,
      edge: config.edge !== undefined,
    });
    addApiRule(this, { stage, topic: audit.topic, apiId });
    new ServiceDashboard(this, 'Dashboard', {
      stage,
      apiId,
      alarms: [this, audit].flatMap(({ node }) => node.findAll()).filter((found) => found instanceof Alarm),
      tables: data.tables,
      deadLetterQueues: audit.deadLetterQueues,
      logGroupNames: [...api.logGroupNames, ...audit.logGroupNames],
      firewall: config.edge?.waf === true,
    });
  }
}
