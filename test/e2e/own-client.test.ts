import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CANNED_OFFER } from '../../lambdas/domain/calls/canned-offer.ts';
import { asOwner, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { ROOT } from '../support/source-files.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { ORIGIN } from '../support/tenant.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ audited: false });
});
afterAll(async () => {
  await stack.close();
});

interface OwnClient {
  readonly openSession: (siteId: string, peer: unknown) => Promise<{ readonly session_id: string }>;
  readonly report: (session: unknown, events: readonly unknown[]) => Promise<{ readonly action: string }>;
}

/** The example of the document, as a page at ORIGIN runs it. */
const documentedClient = (): OwnClient => {
  const text = readFileSync(join(ROOT, 'docs/sessions.md'), 'utf8');
  const [, code = ''] = /## A client of your own\n[\s\S]*?```js\n([\s\S]*?)```/.exec(text) ?? [];
  const fromPage = (url: string, init: { readonly headers: Record<string, string> }) =>
    fetch(url.replace('https://voice.example', stack.url), {
      ...init,
      headers: { ...init.headers, origin: ORIGIN },
    });
  return new Function('fetch', `${code}; return { openSession, report };`)(fromPage) as OwnClient;
};

describe('the documented page client without the widget', () => {
  it('opens a session at OpenAI, and its reports are accepted and counted', async () => {
    const tenant = await makeKeyedTenant(stack);
    const { openSession, report } = documentedClient();
    const applied: unknown[] = [];
    const peer = {
      localDescription: { sdp: CANNED_OFFER },
      createOffer: async () => ({}),
      setLocalDescription: async () => undefined,
      setRemoteDescription: async (description: unknown) => void applied.push(description),
    };
    const session = await openSession(tenant.siteId, peer);
    expect(applied).toEqual([{ type: 'answer', sdp: expect.stringContaining('m=audio') }]);
    expect(await report(session, [{ type: 'connected' }])).toMatchObject({ action: 'continue' });
    expect(await report(session, [{ type: 'heartbeat' }])).toMatchObject({ action: 'continue' });
    const usage = {
      input_tokens: 10,
      output_tokens: 5,
      input_token_details: { text_tokens: 10, audio_tokens: 0 },
      output_token_details: { text_tokens: 0, audio_tokens: 5 },
    };
    await report(session, [{ type: 'usage', response_id: 'resp_1', usage }]);
    expect(await report(session, [{ type: 'ended', reason: 'hung_up' }])).toMatchObject({
      action: 'hang_up',
    });
    const path = `/v1/sites/${tenant.siteId}/sessions/${session.session_id}`;
    expect(await asOwner(stack, tenant, 'GET', path)).toMatchObject({
      state: 'ended',
      end_reason: 'hung_up',
      receipt: { tokens: { input_text: 10, output_audio: 5 } },
    });
  });
});
