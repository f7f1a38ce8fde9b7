import type { Caller } from '../domain/workspace.ts';
import type { answerPreflight } from '../use-cases/answer-preflight.ts';
import type { KeyTarget } from '../use-cases/key-target.ts';
import type { mintToken } from '../use-cases/mint-token.ts';
import type { testOpenAiKey } from '../use-cases/test-openai-key.ts';
import type { EndpointsOf } from './endpoint.ts';
import { siteIdIn, siteKeyTarget, workspaceKeyTarget } from './path-ids.ts';
import { presentToken, presentVerdict } from './presenters.ts';

/** Routes of the one function that can decrypt. */
export const tokenEndpoints = (useCases: {
  readonly answerPreflight: ReturnType<typeof answerPreflight>;
  readonly mintToken: ReturnType<typeof mintToken>;
  readonly testOpenAiKey: ReturnType<typeof testOpenAiKey>;
}): EndpointsOf<'token'> => {
  const testKey = async (caller: Caller, target: KeyTarget) =>
    presentVerdict(await useCases.testOpenAiKey(caller, target));

  return {
    allowTokenOrigin: async ({ path, origin, allowOrigin }) => {
      allowOrigin(await useCases.answerPreflight(siteIdIn(path), origin));
      return undefined;
    },
    mintToken: async ({ path, origin, sourceIp, body, allowOrigin, noteTier }) =>
      presentToken(
        await useCases.mintToken({
          siteId: siteIdIn(path),
          origin,
          sourceIp,
          visitorId: body.visitor_id,
          onOriginAllowed: allowOrigin,
          onTierKnown: noteTier,
        }),
      ),
    testSiteKey: ({ caller, path }) => testKey(caller, siteKeyTarget(path)),
    testWorkspaceKey: ({ caller, path }) => testKey(caller, workspaceKeyTarget(path)),
  };
};
