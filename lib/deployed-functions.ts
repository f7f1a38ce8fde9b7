import {
  detectorEnvironment,
  ENVIRONMENTS,
  hangupEnvironment,
  rotateOnRequestEnvironment,
  sweeperEnvironment,
} from '../lambdas/contract/environment.ts';

/** Every function that is deployed, with what it parses at start: behind the HTTP API, behind a stream, behind an event. */
export const DEPLOYED_FUNCTIONS = {
  ...ENVIRONMENTS,
  detector: detectorEnvironment,
  'rotate-on-request': rotateOnRequestEnvironment,
  hangup: hangupEnvironment,
  sweeper: sweeperEnvironment,
} as const;

export type DeployedFunctionName = keyof typeof DEPLOYED_FUNCTIONS;

const isDeployed = (name: string): name is DeployedFunctionName => name in DEPLOYED_FUNCTIONS;

export const DEPLOYED_FUNCTION_NAMES: readonly DeployedFunctionName[] =
  Object.keys(DEPLOYED_FUNCTIONS).filter(isDeployed);
