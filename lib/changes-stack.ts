import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { AlarmTopic } from './constructs/alarm-topic.ts';
import { addDataRules, addWatchRules, addWriteRule, tablesOf } from './constructs/change-rules.ts';
import { addKeyRules, keysIn, regionOfKey, type WatchedKey } from './constructs/key-rules.ts';
import { addCloudFrontRule } from './constructs/page-rules.ts';
import { EDGE_REGION, type StageConfig, usesCloudFront } from './stage-config.ts';

export interface ChangesStackProps extends StackProps {
  readonly config: StageConfig;
  /** Name of the stack with the tables. */
  readonly dataStack: string;
  /** The stage's keys in this region, if it is a stand-by region. */
  readonly replicas: readonly WatchedKey[] | undefined;
}

/**
 * Only this region's EventBridge receives the calls of IAM and CloudFront:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html
 */
const GLOBAL_REGION = EDGE_REGION;

/** Regions other than the stage's where a call can weaken the protection of its keys. */
export const otherRegions = (config: StageConfig, own: string): readonly string[] => {
  const replicas = config.multiRegion?.replicaRegions ?? [];
  const retired = (config.retiredMasterKeyArns ?? []).map(regionOfKey);
  return [...new Set([GLOBAL_REGION, ...replicas, ...retired])].filter((region) => region !== own);
};

/**
 * Notices from a region other than the stage's: changes of roles and of CloudFront in us-east-1, of keys and tables in a stand-by region, and of
 * retired keys in their region. A rule receives only events of its region, and an alarm notifies only topics of its region, so
 * the stack has its own topic (docs/decisions/0109-notices-in-every-region.md).
 */
export class ChangesStack extends Stack {
  constructor(scope: Construct, id: string, { config, dataStack, replicas, ...props }: ChangesStackProps) {
    super(scope, id, { description: 'Spelo BYOK: notices of changes in another region', ...props });
    const { stage } = config;
    const topic = new AlarmTopic(this, 'Alarms', { stage, name: 'change-alarms', email: config.alarmEmail });
    const common = { stage, topic };
    addWatchRules(this, common);
    if (this.region === GLOBAL_REGION && usesCloudFront(config)) addCloudFrontRule(this, common);

    const groups = {
      Replicated: replicas ?? [],
      Retired: keysIn(this.region, config.retiredMasterKeyArns ?? []),
    };
    if (groups.Replicated.length + groups.Retired.length > 0) addKeyRules(this, { ...common, groups });
    if (replicas !== undefined) {
      addDataRules(this, { ...common, dataStack, evidence: [] });
      addWriteRule(this, { ...common, tables: tablesOf(this, dataStack) });
    }
    new CfnOutput(this, 'AlarmTopicArn', { value: topic.topicArn });
  }
}
