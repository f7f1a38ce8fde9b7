import type { AwsClients } from './clients.ts';
import { stackState } from './stack-state.ts';

/** The bootstrap that the CDK of this project needs: the version in its templates' rule "CheckBootstrapVersion". */
const NEEDED_VERSION = 6;
const BOOTSTRAP_STACK = 'CDKToolkit';

/** Regions without a CDK bootstrap, or with one that is too old. */
export const regionsToBootstrap = async (
  aws: AwsClients,
  regions: readonly string[],
): Promise<readonly string[]> => {
  const missing: string[] = [];
  for (const region of [...new Set(regions)]) {
    const { condition, outputs } = await stackState(aws.cloudFormation(region), BOOTSTRAP_STACK, region);
    if (condition !== 'deployed' || Number(outputs['BootstrapVersion'] ?? 0) < NEEDED_VERSION)
      missing.push(region);
  }
  return missing;
};
