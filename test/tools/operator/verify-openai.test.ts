import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalOpenAi, startLocalOpenAi } from '../../../local/openai/server.ts';
import { type Observation, verifyOpenAi } from '../../../tools/operator/verify-openai/checks.ts';
import { mayHaveKey, openAiUnderTest } from '../../../tools/operator/verify-openai/openai.ts';
import { CALLS_PATH, SIDEBAND_PATH } from '../../support/openai-calls.ts';
import { runOperatorCommand } from '../../support/operator-command.ts';
import { fakeKey } from '../../support/tenant.ts';

let openAi: LocalOpenAi;
beforeAll(async () => {
  openAi = await startLocalOpenAi();
});
afterEach(() => openAi.clearFaults());
afterAll(() => openAi.close());

interface Verifying {
  readonly key?: string;
  readonly abandonedMs?: number;
  readonly revokeMs?: number;
  readonly onSeen?: (check: string) => void;
}

const verify = async ({ key = fakeKey(), abandonedMs = 20_000, revokeMs, onSeen }: Verifying = {}) => {
  const seen: Record<string, string> = {};
  const { ok } = await verifyOpenAi(
    openAiUnderTest(openAi.baseUrl, key),
    { model: 'gpt-realtime-2.1-mini', patienceMs: 20_000, abandonedMs, revokeMs },
    (observation: Observation) => {
      seen[observation.check] = observation.seen;
      onSeen?.(observation.check);
    },
  );
  return { ok, seen };
};

/** The command itself, with a key on its standard input. */
const run = async (key: string, ...args: readonly string[]) => {
  const { stdout: out, stderr: err, code } = await runOperatorCommand('verify-openai', args, {}, key);
  return { out, err, code };
};

describe('npm run verify-openai', () => {
  it('observes everything at the stand-in, and leaves no call behind', async () => {
    const { ok, seen } = await verify();
    expect(seen).toEqual({
      'create and hang up': expect.stringMatching(
        /^created with 201 in \d+ ms \(application\/sdp\); hung up with 200 in \d+ ms, then 404$/,
      ),
      'canned offer': expect.stringMatching(/^created with 201 in \d+ ms, hung up with 200$/),
      'page notices': expect.stringMatching(/^the page noticed after \d+ ms$/),
      'silent attach': expect.stringMatching(
        /^events before session\.update: none; session\.updated: after \d+ ms$/,
      ),
      'same usage':
        'usage on the sideband: yes, the same as on the page: yes; previous_item_id of the first item: null',
      'two sidebands':
        'both attached; session.updated of the second one seen by the first: yes, by itself: yes; first open, second open',
      'foreign update': 'session.update of a page accepted: yes, seen by the sideband: yes',
      'dead tab': expect.stringMatching(/^the sideband closed with 1000 after \d+ s; the hang-up then: 404$/),
      'barge-in':
        'turn detected: yes, responses without response.create: 0; a response that is spoken over ends as cancelled (turn_detected)',
      'revoked key': expect.stringMatching(/^not tried\. Run again with --revoke/),
    });
    expect(ok).toBe(true);
    expect(openAi.liveCalls).toEqual([]);
  });

  it('shows where OpenAI behaves differently', async () => {
    openAi.inject({ path: SIDEBAND_PATH, onlySecondSideband: true, status: 409 });
    openAi.inject({ path: CALLS_PATH, outlivesBrowser: true });
    const { ok, seen } = await verify({ abandonedMs: 3_000 });
    expect(seen['two sidebands']).toBe('the second one: The sideband was refused with 409.');
    expect(seen['dead tab']).toMatch(/^the sideband was still open after \d+ s; the hang-up then: 200$/);
    expect(ok).toBe(true);
    expect(openAi.liveCalls).toEqual([]);
  });

  it("keeps a call open until the operator's revocation of the key ends it", async () => {
    // After the check before, every live call is the one that is held open. A second lets it connect first.
    let ending: NodeJS.Timeout | undefined;
    const endCalls = () => {
      for (const { callId, createdAt } of openAi.calls)
        if (openAi.liveCalls.includes(callId) && Date.now() - createdAt > 1_000) openAi.dropCall(callId);
    };
    const { seen } = await verify({
      revokeMs: 60_000,
      onSeen: (check) => {
        if (check === 'barge-in') ending = setInterval(endCalls, 100);
      },
    });
    clearInterval(ending);
    expect(seen['revoked key']).toMatch(
      /^the (?:page|sideband) noticed an end after \d+ s; the hang-up then: 404$/,
    );
  });

  it.each([
    ['revoked', 'The creation was refused with 401 (code invalid_api_key).'],
    ['noquota', 'The creation was refused with 429 (code insufficient_quota).'],
  ])('stops for a key that cannot create calls: %s', async (suffix, reason) => {
    const key = fakeKey(suffix);
    const { ok, seen } = await verify({ key });
    expect(seen).toEqual({ 'create and hang up': `could not be observed: ${reason}` });
    expect(ok).toBe(false);
  });

  it('reads the key from standard input, and never prints it', async () => {
    const key = fakeKey('revoked');
    const { out, err, code } = await run(`${key}\n`, '--url', openAi.baseUrl);
    expect(out).toBe(
      'create and hang up could not be observed: The creation was refused with 401 (code invalid_api_key).\n',
    );
    expect([err, code]).toEqual(['', 1]);
  });

  it.each([
    ['no key', '', [], 'Standard input does not contain an OpenAI key. A standard key starts with "sk-".\n'],
    [
      'an admin key',
      `sk-admin-${'x'.repeat(40)}`,
      [],
      expect.stringContaining('does not contain an OpenAI key'),
    ],
    [
      'another host',
      'anything',
      ['--url', 'https://example.com/v1'],
      '--url must be an OpenAI host or this machine, because the key is sent there.\n',
    ],
  ])('refuses %s', async (_, key, args, message) => {
    const { out, err, code } = await run(key, ...args);
    expect({ out, err, code }).toEqual({ out: '', err: message, code: 2 });
  });

  it('sends a key only to OpenAI and to this machine', () => {
    const allowed = ['https://api.openai.com/v1', 'https://eu.api.openai.com/v1', 'http://127.0.0.1:1/v1'];
    const refused = [
      'http://api.openai.com/v1',
      'https://api.openai.com.example.com/v1',
      'https://evilapi.openai.com/v1',
      'https://api.openai.com@example.com/v1',
      'nothing',
    ];
    expect(allowed.filter(mayHaveKey)).toEqual(allowed);
    expect(refused.filter(mayHaveKey)).toEqual([]);
  });
});
