import type { Demo } from './demo.ts';

/**
 * The first text for a newcomer: addresses, then commands to paste. `demoKey` works only with the stand-in.
 */
export const instructions = ({
  url,
  demo,
  demoKey,
  dataDir,
  dashboardReady,
}: {
  readonly url: string;
  readonly demo: Demo;
  readonly demoKey: string | undefined;
  readonly dataDir: string;
  /** False while it is being built, which takes seconds. */
  readonly dashboardReady: boolean;
}): string => `
Spelo BYOK listens on ${url}
  dashboard      ${url}/dashboard/  (sign in as demo-owner${dashboardReady ? '' : '; ready in a few seconds'})
  data           ${dataDir}/  (log: ${dataDir}/spelo.log)
  OpenAI         ${demoKey === undefined ? 'the real API: every mint counts' : 'a local stand-in'}
  owner token    ${demo.ownerToken}
  workspace      ${demo.workspaceId}
  site           ${demo.siteId}
  allowed origin ${demo.allowedOrigin}
  widget demo    ${url}/widget/demo  (needs a stored key: command 1)

Paste these commands in another terminal. Each start prints a new token. Ctrl-C stops the product.

export TOKEN='${demo.ownerToken}'

1. Store an OpenAI key${demoKey === undefined ? ' (replace the dots with yours)' : ' (a made-up one that the stand-in accepts)'}:
curl -sS -X PUT ${url}/v1/workspaces/${demo.workspaceId}/openai-key -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"api_key":"${demoKey ?? 'sk-...'}"}'

2. See it masked:
curl -sS ${url}/v1/workspaces/${demo.workspaceId}/openai-key -H "Authorization: Bearer $TOKEN"

3. Mint a client secret, as a page of your own does:
curl -sS -X POST ${url}/v1/${demo.siteId}/token -H 'Origin: ${demo.allowedOrigin}' -H 'Content-Type: application/json' -d '{}'

4. Test the key, as the dashboard's "Test voice" does:
curl -sS -X POST ${url}/v1/workspaces/${demo.workspaceId}/openai-key/test -H "Authorization: Bearer $TOKEN"

`;
