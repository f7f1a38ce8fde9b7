import type { Caller } from '../domain/workspace.ts';
import type { KeyTarget } from '../use-cases/key-target.ts';
import type { reencryptOpenAiKey } from '../use-cases/reencrypt-openai-key.ts';
import type { EndpointsOf } from './endpoint.ts';
import { siteKeyTarget, workspaceKeyTarget } from './path-ids.ts';
import { presentKey } from './presenters.ts';

/** Routes of the one function that may both open and seal. */
export const rotateEndpoints = (useCases: {
  readonly reencryptOpenAiKey: ReturnType<typeof reencryptOpenAiKey>;
}): EndpointsOf<'rotate'> => {
  const rotate = async (caller: Caller, target: KeyTarget) =>
    presentKey(await useCases.reencryptOpenAiKey(caller, target));
  return {
    rotateSiteKey: ({ caller, path }) => rotate(caller, siteKeyTarget(path)),
    rotateWorkspaceKey: ({ caller, path }) => rotate(caller, workspaceKeyTarget(path)),
  };
};
