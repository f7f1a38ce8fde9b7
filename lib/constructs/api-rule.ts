import type { Construct } from 'constructs';
import type { CommonProps } from './change-rules.ts';
import { byHand, calls } from './cloudtrail-calls.ts';
import { NoticeRule } from './notice-rule.ts';

/**
 * Notices of changes of the API: a route with another target function exposes every request to that function, including the
 * OpenAI keys that people store.
 */
export const addApiRule = (
  scope: Construct,
  { apiId, ...props }: CommonProps & { readonly apiId: string },
): void => {
  new NoticeRule(scope, 'ApiChanged', {
    ...props,
    runbook: 'The API was changed',
    description: 'changes of routes, integrations and authorizers of the API',
    impact: 'another function may receive requests, and with them the OpenAI keys that people store.',
    because: 'each call counts; outside of an announced deployment, there are none.',
    eventPatterns: {
      '': calls(
        'apigateway',
        ['Create', 'Update', 'Delete', 'Reimport'].flatMap((verb) =>
          ['Integration', 'Route', 'Authorizer', 'Api', 'Stage'].map((noun) => `${verb}${noun}`),
        ),
        { ...byHand, requestParameters: { apiId: [apiId] } },
      ),
    },
  });
};
