import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { allowedHeaders } from '../../../lambdas/domain/tenancy/preflight-headers.ts';

const OWN = 'Content-Type, X-Spelo-Signature';

/** The comparison of the Fetch standard: names, whatever their case. */
const allows = (answer: string, name: string): boolean =>
  answer
    .split(',')
    .map((each) => each.trim().toLowerCase())
    .includes(name.toLowerCase());

describe('the headers that a preflight allows', () => {
  it.each([
    ['Sentry', 'content-type,sentry-trace,baggage'],
    ['W3C trace context', 'content-type,traceparent,tracestate'],
    [
      'Datadog',
      'content-type,x-datadog-origin,x-datadog-parent-id,x-datadog-sampling-priority,x-datadog-trace-id,traceparent,tracestate',
    ],
    ['New Relic', 'content-type,newrelic,traceparent,tracestate'],
    ['Zipkin', 'b3,content-type,x-b3-traceid,x-b3-spanid,x-b3-parentspanid,x-b3-sampled'],
    ['AWS X-Ray', 'content-type,x-amzn-trace-id'],
    ['Application Insights', 'content-type,request-id,request-context'],
    ['Elastic', 'content-type,elastic-apm-traceparent'],
    ['Uber', 'content-type,uber-trace-id'],
    ['Honeycomb', 'content-type,x-honeycomb-trace'],
    ['PostHog', 'content-type,x-posthog-session-id,x-posthog-window-id'],
    ['a name with an underscore', 'content-type,x_request_id'],
    ['names in capitals and with spaces', 'Content-Type, X-Custom-Trace , BAGGAGE'],
    ['the widget alone', 'content-type'],
  ])('include those of %s', (_, requested) => {
    const answer = allowedHeaders(requested);
    for (const name of requested.split(',')) expect(allows(answer, name.trim())).toBe(true);
  });

  it.each([undefined, '', ',', ' , ', 'content-type', 'X-SPELO-SIGNATURE, content-type'])(
    'are only the fixed ones for %j',
    (requested) => {
      expect(allowedHeaders(requested)).toBe(OWN);
    },
  );

  it.each([
    'x-evil\r\nset-cookie: a=b',
    'x-evil\nx-other',
    'x evil',
    'x-evil:1',
    '*',
    'x-\u0000',
    'x-é',
    '"x"',
    'x/y',
    'x'.repeat(65),
  ])('never include %j', (name) => {
    expect(allowedHeaders(`content-type,${name}`)).toBe(OWN);
  });

  it('include at most twenty names besides the fixed ones, each once', () => {
    const many = Array.from({ length: 500 }, (_, index) => `x-trace-${index}`);
    const answer = allowedHeaders([...many, ...many].join(','));
    expect(answer.split(', ')).toEqual([...OWN.split(', '), ...many.slice(0, 20)]);
  });

  it('include any valid header name that is requested, and nothing else', () => {
    const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
    fc.assert(
      fc.property(fc.array(token, { maxLength: 18 }), (names) => {
        const answer = allowedHeaders(names.join(', '));
        for (const name of names) expect(allows(answer, name)).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 6_000 }), (requested) => {
        const answer = allowedHeaders(requested);
        expect(answer).toMatch(/^Content-Type, X-Spelo-Signature(?:, [a-z0-9_-]{1,64}){0,20}$/);
      }),
    );
  });
});
