import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, test } from '@jest/globals';
import { type SmokeTarget, type StepResult, smokeTest } from '../../../tools/operator/smoke/steps.ts';
import { expectSuccess } from '../../support/answers.ts';
import { putPlatformKey } from '../../support/platform-key.ts';
import { startTestStack } from '../../support/stack.ts';
import { fakeKey, makeTenant, ORIGIN, putSiteKey } from '../../support/tenant.ts';

const stack = await startTestStack({ audited: false });
const stranger = createServer((_, response) => response.end('<html>hello</html>'));
await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', () => resolve()));
const strangerUrl = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
afterAll(async () => {
  stranger.close();
  await stack.close();
});

const smoke = async (
  target: Partial<SmokeTarget>,
): Promise<{ readonly ok: boolean; readonly steps: readonly StepResult[] }> => {
  const steps: StepResult[] = [];
  const { ok } = await smokeTest(
    { url: stack.url, token: await stack.tokenFor('smoke'), site: undefined, origin: undefined, ...target },
    (result) => steps.push(result),
  );
  return { ok, steps };
};
const lastOf = (steps: readonly StepResult[]): string => steps.at(-1)?.says ?? '';

const keyed = await makeTenant(stack);
expectSuccess(await putSiteKey(stack, keyed, fakeKey()));
const keyless = await makeTenant(stack);

describe('the smoke test', () => {
  test('reports a missing platform key, and leaves no workspace behind', async () => {
    const { ok, steps } = await smoke({});
    expect(ok).toBe(false);
    expect(lastOf(steps)).toMatch(/^Missing platform key: .*npm run platform-key/);
    const left = await stack.call('GET', '/v1/workspaces', { as: 'smoke' });
    expect(expectSuccess(left).items).toEqual([]);
  });

  test('passes with the platform key, and leaves no workspace behind', async () => {
    await putPlatformKey(stack, fakeKey());
    const { ok, steps } = await smoke({});
    expect({ ok, steps: steps.map(({ step }) => step) }).toEqual({
      ok: true,
      steps: ['address', 'token', 'site', 'foreign page', 'preflight', 'mint', 'end'],
    });
    expect(steps.at(-2)?.says).toMatch(/^a client secret was minted in \d+ ms \(managed, gpt-realtime/);
    expect(JSON.stringify(steps)).not.toMatch(/ek_|eyJ/);
    const left = await stack.call('GET', '/v1/workspaces', { as: 'smoke' });
    expect(expectSuccess(left).items).toEqual([]);
  });

  test('names the required setting if it has neither a token nor a site', async () => {
    const { ok, steps } = await smoke({ token: undefined });
    expect({ ok, steps: steps.map((result) => [result.step, result.ok]) }).toEqual({
      ok: false,
      steps: [
        ['address', true],
        ['site', false],
      ],
    });
    expect(lastOf(steps)).toMatch(/Set TOKEN, or give --site and --origin/);
  });

  test('passes without a token on a site with a key', async () => {
    const { ok, steps } = await smoke({ token: undefined, site: keyed.siteId, origin: ORIGIN });
    expect({ ok, mint: steps.at(-2)?.says }).toEqual({
      ok: true,
      mint: expect.stringMatching(/\(byok, /),
    });
    expect(lastOf(steps)).toBe('the session has ended, and its slot is free');
  });

  test('ends its session, so that it passes twice in a row on a key with one slot', async () => {
    const single = await makeTenant(stack);
    expectSuccess(await putSiteKey(stack, single, fakeKey()));
    for (const _run of [1, 2]) {
      const { ok } = await smoke({ token: undefined, site: single.siteId, origin: ORIGIN });
      expect(ok).toBe(true);
    }
  });

  const cases: readonly (readonly [string, () => Partial<SmokeTarget>, RegExp])[] = [
    ['no server listens', () => ({ url: 'http://127.0.0.1:9' }), /^Wrong URL: nothing listens at/],
    [
      'another service answers',
      () => ({ url: strangerUrl }),
      /^Wrong URL: what answers .* is not this service/,
    ],
    ['the URL has a path', () => ({ url: `${stack.url}/v1` }), /^Wrong URL: .*without a path/],
    ['the token is invalid', () => ({ token: 'not-a-token' }), /^Wrong token: /],
    [
      'the origin is not registered',
      () => ({ site: keyed.siteId, origin: 'https://elsewhere.example' }),
      /^Origin not registered: the site does not list https:\/\/elsewhere\.example/,
    ],
    [
      'the site is unknown',
      () => ({ site: 'abcdefgh1234', origin: ORIGIN }),
      /^There is no site abcdefgh1234/,
    ],
    ['the site has no key', () => ({ site: keyless.siteId, origin: ORIGIN }), /^Key missing: /],
  ];
  test.each(cases)('names the cause when %s', async (_, target, sentence) => {
    const { ok, steps } = await smoke(target());
    expect(ok).toBe(false);
    expect(lastOf(steps)).toMatch(sentence);
    expect(steps.filter((step) => !step.ok)).toHaveLength(1);
  });

  test('names the cause when the token has expired', async () => {
    const expired = await stack.issuer.issue({ sub: 'smoke', expiresInSeconds: -60 });
    const { steps } = await smoke({ token: expired });
    expect(lastOf(steps)).toMatch(/^Wrong token: expired/);
  });
});

describe('the smoke test behind an edge', () => {
  test('names the mistake if it was given the URL of the API instead of the edge', async () => {
    const edged = await startTestStack({ audited: false, variables: { EDGE_PROOF_DIGESTS: '0'.repeat(64) } });
    try {
      const { steps } = await smoke({ url: edged.url });
      expect(lastOf(steps)).toMatch(/^Wrong URL: this is the API behind the edge/);
    } finally {
      await edged.close();
    }
  });
});
