import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { openCall } from '../../use-cases/calls/open-call.ts';
import type { KeyTarget } from '../../use-cases/keys/key-target.ts';
import type { testOpenAiKey } from '../../use-cases/keys/test-openai-key.ts';
import type { answerPreflight } from '../../use-cases/sessions/answer-preflight.ts';
import type { mintToken } from '../../use-cases/sessions/mint-token.ts';
import { offerIn, presentCall, replacesIn } from '../call-endpoint.ts';
import { presentVerdict } from '../presenters/present-keys.ts';
import { presentToken } from '../presenters/present-token.ts';
import type { EndpointsOf } from './endpoint.ts';
import { siteIdIn, siteKeyTarget, workspaceKeyTarget } from './path-ids.ts';

/** Routes of the token function, the only one behind the API that decrypts for visitors. */
export const tokenEndpoints = (useCases: {
  readonly answerPreflight: ReturnType<typeof answerPreflight>;
  readonly mintToken: ReturnType<typeof mintToken>;
  readonly openCall: ReturnType<typeof openCall>;
  readonly testOpenAiKey: ReturnType<typeof testOpenAiKey>;
}): EndpointsOf<'token'> => {
  const testKey = async (caller: Caller, target: KeyTarget) =>
    presentVerdict(await useCases.testOpenAiKey(caller, target));

  return {
    allowTokenOrigin: async ({ path, origin, isPreflight, allowOrigin }) => {
      allowOrigin(await useCases.answerPreflight(siteIdIn(path), origin, isPreflight));
      return undefined;
    },
    mintToken: async ({ path, origin, sourceIp, body, allowOrigin, noteTier }) =>
      presentToken(
        await useCases.mintToken({
          siteId: siteIdIn(path),
          origin,
          sourceIp,
          visitorId: body.visitor_id,
          embedToken: body.embed_token,
          onOriginAllowed: allowOrigin,
          onTierKnown: noteTier,
        }),
      ),
    allowCallOrigin: async ({ path, origin, isPreflight, allowOrigin }) => {
      allowOrigin(await useCases.answerPreflight(siteIdIn(path), origin, isPreflight));
      return undefined;
    },
    openCall: async ({ path, origin, sourceIp, body, allowOrigin, noteTier }) =>
      presentCall(
        await useCases.openCall({
          siteId: siteIdIn(path),
          origin,
          sourceIp,
          visitorId: body.visitor_id,
          embedToken: body.embed_token,
          offer: offerIn(body),
          replaces: replacesIn(body),
          onOriginAllowed: allowOrigin,
          onTierKnown: noteTier,
        }),
      ),
    testSiteKey: ({ caller, path }) => testKey(caller, siteKeyTarget(path)),
    testWorkspaceKey: ({ caller, path }) => testKey(caller, workspaceKeyTarget(path)),
  };
};
