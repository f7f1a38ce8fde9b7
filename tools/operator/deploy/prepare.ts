import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { parseStageConfig, type StageConfig } from '../../../lib/stage-config.ts';
import { type Account, accountOf, regionOf } from './account.ts';
import { type PlannedStack, readAssembly } from './assembly.ts';
import { regionsToBootstrap } from './bootstrap.ts';
import type { Programs } from './cdk.ts';
import {
  checkCaller,
  checkCodeSigning,
  checkConcurrency,
  checkDashboard,
  checkPlaceholders,
  checkSignInPrefix,
  checkTrails,
  type Finding,
} from './checks.ts';
import type { AwsClients } from './clients.ts';
import { keptResources, type StackResource, type StackState, stackState } from './stack-state.ts';
import { checkStacks } from './stacks.ts';
import { DeployStop } from './stop.ts';

/**
 * Everything that is known before the first change. It is read from AWS and from the sources, never from a file of an earlier run.
 */
export interface Prepared {
  readonly config: StageConfig;
  readonly account: Account;
  /** Folder of the synthesized app. */
  readonly assembly: string;
  readonly planned: readonly PlannedStack[];
  readonly states: readonly StackState[];
  readonly bootstrap: readonly string[];
  readonly leftOver: readonly StackResource[];
  readonly findings: readonly Finding[];
}

const cdkJson = z.object({ context: z.object({ stages: z.unknown() }) });

export const configOf = (stage: string, file: URL | string): StageConfig =>
  parseStageConfig(stage, cdkJson.parse(JSON.parse(readFileSync(file, 'utf8'))).context.stages);

/** Environment of the programs: they work in the region that was checked. */
export const environmentOf = ({ region }: Account): Readonly<Record<string, string>> => ({
  AWS_REGION: region,
  AWS_DEFAULT_REGION: region,
});

/** Folders of synthesized apps. The process removes them when it ends. */
const assemblies = new Set<string>();

const removeAssemblies = (): void => {
  for (const folder of assemblies) rmSync(folder, { recursive: true, force: true });
  assemblies.clear();
};

const newAssembly = (): string => {
  if (assemblies.size === 0) {
    process.once('exit', removeAssemblies);
    process.once('SIGINT', () => process.exit(130));
    process.once('SIGTERM', () => process.exit(143));
  }
  const folder = mkdtempSync(join(tmpdir(), 'spelo-byok-deploy-'));
  assemblies.add(folder);
  return folder;
};

const synthesize = async (
  stage: string,
  account: Account,
  { cdk }: Programs,
  bundled: boolean,
): Promise<string> => {
  const folder = newAssembly();
  const status = await cdk(
    // `list` creates the same templates without the code of the functions, in a few seconds.
    [...(bundled ? ['synth', '--quiet'] : ['list']), '-c', `stage=${stage}`, '--output', folder],
    environmentOf(account),
  );
  if (status !== 0)
    throw new DeployStop(
      'The templates could not be synthesized.',
      'Correct the settings named above, then run the command again.',
    );
  return folder;
};

/**
 * Checks settings, account, quotas and stacks, and synthesizes the app. Changes nothing in AWS.
 */
export const prepare = async (
  stage: string,
  config: StageConfig,
  aws: AwsClients,
  programs: Programs,
  { bundled }: { readonly bundled: boolean },
): Promise<Prepared> => {
  const account = await accountOf(aws, await regionOf(config));
  const assembly = await synthesize(stage, account, programs, bundled);
  const planned = readAssembly(assembly, account.region);
  const states = await Promise.all(
    planned.map(({ name, region }) => stackState(aws.cloudFormation(region), name, region)),
  );
  const stateOf = (stack: string): StackState | undefined =>
    states.find(({ name }) => name === `spelo-byok-${stage}-${stack}`);
  const findings = [
    ...checkPlaceholders(config),
    ...checkCodeSigning(config),
    ...checkCaller(config, account),
    ...(await checkConcurrency(aws, config, account)),
    ...(await checkTrails(aws, account, stateOf('audit'))),
    ...(await checkSignInPrefix(aws, config, account, stateOf('data'))),
    ...(await checkStacks(aws, states)),
    ...checkDashboard(config),
  ];
  const bootstrap = await regionsToBootstrap(
    aws,
    planned.map(({ region }) => region),
  );
  const isNew = states.every(({ condition }) => condition === 'absent');
  const leftOver = isNew
    ? await keptResources(
        aws.cloudFormation(account.region),
        planned.map(({ name }) => name),
      )
    : [];
  return { config, account, assembly, planned, states, bootstrap, leftOver, findings };
};
