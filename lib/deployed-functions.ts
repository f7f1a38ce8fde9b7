import { type DeployedFunctionName, ENVIRONMENTS } from '../lambdas/contract/environment.ts';

const isDeployed = (name: string): name is DeployedFunctionName => name in ENVIRONMENTS;

export const DEPLOYED_FUNCTION_NAMES: readonly DeployedFunctionName[] =
  Object.keys(ENVIRONMENTS).filter(isDeployed);
