import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { KeyTarget } from '../../use-cases/keys/key-target.ts';
import type { reencryptOpenAiKey } from '../../use-cases/keys/reencrypt-openai-key.ts';
import { presentKey } from '../presenters/present-keys.ts';
import type { EndpointsOf } from './endpoint.ts';
import { siteKeyTarget, workspaceKeyTarget } from './path-ids.ts';

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
