import { describe, expect, it } from '@jest/globals';
import { sessionOf } from '../../../lambdas/adapters/openai/session-config.ts';
import { functionTools } from '../../../lambdas/contract/function-tools.ts';
import { DEFAULT_VOICE_SETTINGS } from '../../../lambdas/domain/tenancy/workspace.ts';
import { SessionSchema } from '../../../local/openai/session-schema.ts';

describe('the session configuration for OpenAI', () => {
  it("is valid by OpenAI's schema for every function that the contract accepts", () => {
    const accepted = functionTools.parse([
      {
        name: 'get_order',
        description: 'Looks an order up.',
        parameters: { type: 'object', required: ['id'] },
      },
      { name: 'open_cart' },
    ]);
    const tools = accepted.map((tool) => ({ ...tool, parameters: JSON.stringify(tool.parameters) }));
    const session = SessionSchema.parse(sessionOf({ ...DEFAULT_VOICE_SETTINGS, tools }));
    expect(session.tools).toEqual([
      { type: 'function', ...accepted[0] },
      { type: 'function', name: 'open_cart', parameters: { type: 'object', properties: {} } },
    ]);
  });

  it('contains no functions if the site has none, whatever the page requests', () => {
    expect(sessionOf(DEFAULT_VOICE_SETTINGS).tools).toEqual([]);
  });
});
