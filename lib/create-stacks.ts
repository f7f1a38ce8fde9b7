import { Annotations, type App, Tags, Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { ApiStack } from './api-stack.ts';
import { AuditStack } from './audit-stack.ts';
import { ChangesStack, otherRegions } from './changes-stack.ts';
import { signFunctions } from './code-signing.ts';
import { DashboardStack } from './dashboard-stack.ts';
import { DataStack } from './data-stack.ts';
import { EdgeStack } from './edge-stack.ts';
import { NetworkStack } from './network-stack.ts';
import { ObservabilityStack } from './observability-stack.ts';
import { placeholdersIn } from './placeholders.ts';
import { ReplicaStack } from './replica-stack.ts';
import { EDGE_REGION, type StageConfig } from './stage-config.ts';

/** The target account and region. With undefined fields, the templates contain none. */
export interface Target {
  readonly account: string | undefined;
  readonly region: string | undefined;
}

export interface Stacks {
  readonly data: DataStack;
  readonly api: ApiStack;
  readonly audit: AuditStack;
  readonly observability: ObservabilityStack;
  readonly edge: EdgeStack | undefined;
  readonly dashboard: DashboardStack | undefined;
  readonly network: NetworkStack | undefined;
  /** One for each stand-by region. */
  readonly replicas: readonly ReplicaStack[];
  /** One for each other region in which the stage's roles or keys can be changed. */
  readonly changes: readonly ChangesStack[];
}

/**
 * The stacks of one stage. Synthesis fails if a rule of AWS Solutions or of Serverless is violated without an acknowledged
 * reason.
 *
 * Stacks import what must not change under its readers: tables, keys, the sign-in, the API's id. CloudFormation refuses to
 * change or remove an export in use. Where that would block an upgrade, a stack reads an output instead, and its template
 * changes whenever that output may (docs/decisions/0048-references-between-stacks.md).
 */
export const createStacks = (app: App, config: StageConfig, target: Target): Stacks => {
  const region = config.region ?? target.region;
  const account = target.account === undefined ? {} : { account: target.account };
  const env = { ...account, ...(region === undefined ? {} : { region }) };
  const name = (stack: string): string => `spelo-byok-${config.stage}-${stack}`;

  const kept = { env, config, terminationProtection: config.deletionProtection };
  const data = new DataStack(app, name('data'), kept);
  const network = config.egress === undefined ? undefined : new NetworkStack(app, name('network'), kept);
  const place = network?.place;
  const api = new ApiStack(app, name('api'), {
    env,
    config,
    data,
    network: place,
    // CloudFront in another region reads the API's ID, and an import there cannot prevent the deletion of the API.
    terminationProtection: config.deletionProtection && config.edge !== undefined,
  });
  const audit = new AuditStack(app, name('audit'), { ...kept, data, network: place });
  const observability = new ObservabilityStack(app, name('observability'), { env, config, data, api, audit });
  const edge =
    config.edge === undefined
      ? undefined
      : new EdgeStack(app, name('edge'), {
          env: { ...account, region: EDGE_REGION },
          config,
          edge: config.edge,
          apiHost: api.host,
        });
  const dashboard =
    config.dashboard === undefined
      ? undefined
      : new DashboardStack(app, name('dashboard'), {
          env,
          config,
          dashboard: config.dashboard,
          data,
          api,
          audit,
        });
  const replicas = (config.multiRegion?.replicaRegions ?? []).map(
    (replicaRegion) =>
      new ReplicaStack(app, name(`replica-${replicaRegion}`), {
        ...kept,
        env: { ...account, region: replicaRegion },
        data,
      }),
  );
  // The CLI always sets the region. Templates that are synthesized without one work in any region.
  const changes = (region === undefined ? [] : otherRegions(config, region)).map(
    (otherRegion) =>
      new ChangesStack(app, name(`changes-${otherRegion}`), {
        ...kept,
        env: { ...account, region: otherRegion },
        dataStack: data.stackName,
        replicas: replicas.find((replica) => replica.region === otherRegion)?.keys,
      }),
  );

  if (config.codeSigningProfileVersionArn !== undefined)
    signFunctions(app, config.codeSigningProfileVersionArn);

  const tags = { product: 'spelo-byok', stage: config.stage, owner: config.owner };
  // Dashboards have no tags: they cost the same for every owner, and CloudFormation does not support their tags in
  // every region yet.
  for (const [key, value] of Object.entries(tags))
    Tags.of(app).add(key, value, { excludeResourceTypes: ['AWS::CloudWatch::Dashboard'] });
  if (!config.deletionProtection)
    Annotations.of(data).addWarningV2(
      'spelo-byok:deletion-protection',
      `Nothing protects the stage ${config.stage} from deletion. Set deletionProtection to true in cdk.json after the first deployment, and deploy again.`,
    );
  for (const { path, says } of placeholdersIn(config))
    Annotations.of(data).addWarningV2(
      `spelo-byok:placeholder:${path}`,
      `stages.${config.stage}.${path} ${says}. AWS would refuse it, or nobody could use it: replace it in cdk.json before you deploy.`,
    );
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  return { data, api, audit, observability, edge, dashboard, network, replicas, changes };
};
