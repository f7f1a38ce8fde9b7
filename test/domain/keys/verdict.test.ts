import { describe, expect, it } from '@jest/globals';
import {
  damagedVerdict,
  provesNothingAboutKey,
  VERDICT_CODES,
  verdictOnFailure,
  verdictOnSuccess,
} from '../../../lambdas/domain/keys/verdict.ts';
import { OPENAI_FAILURES, OpenAiFailure } from '../../../lambdas/domain/openai-failure.ts';

const MODEL = 'gpt-realtime-2.1-mini';
const SHUTDOWN = '2027-01-20';
const listed = (shutdownDate: string | undefined, id = MODEL) => [
  { id: 'gpt-other', shutdownDate: '2020-01-01' },
  { id, shutdownDate },
];
const DAY_MS = 86_400_000;
const daysBefore = (days: number, ms = 0): Date =>
  new Date(Date.parse(`${SHUTDOWN}T00:00:00Z`) - days * DAY_MS - ms);

describe('the verdict on a key that minted', () => {
  it('is ok when the model has no shutdown date', () => {
    expect(verdictOnSuccess(MODEL, listed(undefined), new Date('2026-11-23T00:00:00Z'), 87)).toEqual({
      ok: true,
      code: 'ok',
      message: 'The key works.',
      checkedAt: '2026-11-23T00:00:00.000Z',
      latencyMs: 87,
    });
  });

  it('warns from exactly 90 days before the shutdown', () => {
    expect(verdictOnSuccess(MODEL, listed(SHUTDOWN), daysBefore(90, 1), 1).code).toBe('ok');
    expect(verdictOnSuccess(MODEL, listed(SHUTDOWN), daysBefore(90), 1).code).toBe('model_retiring');
    expect(verdictOnSuccess(MODEL, listed(SHUTDOWN), daysBefore(1), 1).code).toBe('model_retiring');
    expect(verdictOnSuccess(MODEL, listed(SHUTDOWN), daysBefore(-1), 1).code).toBe('model_retiring');
  });

  it('is still good while the model is retiring, and names the model and the date', () => {
    const verdict = verdictOnSuccess(MODEL, listed(SHUTDOWN), daysBefore(30), 1);
    expect(verdict.ok).toBe(true);
    expect(verdict.message).toContain(MODEL);
    expect(verdict.message).toContain(SHUTDOWN);
  });

  it('is ok if the models could not be listed, or the list lacks this model', () => {
    expect(verdictOnSuccess(MODEL, undefined, daysBefore(1), 1).code).toBe('ok');
    expect(verdictOnSuccess(MODEL, [], daysBefore(1), 1).code).toBe('ok');
    expect(verdictOnSuccess(MODEL, listed(SHUTDOWN, `${MODEL}-2026`), daysBefore(1), 1).code).toBe('ok');
  });

  it('is ok if the shutdown date cannot be read', () => {
    expect(verdictOnSuccess(MODEL, listed('soon'), daysBefore(1), 1).code).toBe('ok');
  });
});

describe('the verdict on a key that could not mint', () => {
  it.each(OPENAI_FAILURES)('names %s and the next step', (name) => {
    const verdict = verdictOnFailure(new OpenAiFailure(name), new Date('2026-11-23T00:00:00Z'), 87);
    expect(verdict).toMatchObject({
      ok: false,
      code: name,
      checkedAt: '2026-11-23T00:00:00.000Z',
      latencyMs: 87,
    });
    expect(verdict.message).toMatch(/^[A-Z].{20,}\.$/s);
  });

  it('names the missing permission', () => {
    const failure = new OpenAiFailure('missing_permission', { subject: 'api.model.request' });
    expect(verdictOnFailure(failure, new Date(0), 1).message).toContain('Missing: api.model.request.');
  });
});

describe('a key whose check failed', () => {
  it('may be stored only if the failure proves nothing about the key', () => {
    const storable = OPENAI_FAILURES.filter((name) => provesNothingAboutKey(new OpenAiFailure(name)));
    expect(storable).toEqual([
      'rate_limited',
      'request_refused',
      'upstream_error',
      'unreadable_answer',
      'unreachable',
      'timeout',
    ]);
  });
});

describe('the verdict on a damaged record', () => {
  it('is not valid, and tells the owner to store the key again', () => {
    const verdict = damagedVerdict('2026-11-23T00:00:00.000Z');
    expect(verdict).toMatchObject({
      ok: false,
      code: 'record_damaged',
      checkedAt: '2026-11-23T00:00:00.000Z',
    });
    expect(verdict.message).toContain('Store the key again');
  });
});

describe('the verdict codes', () => {
  it('are the OpenAI failures and four of our own, each once', () => {
    expect(new Set(VERDICT_CODES).size).toBe(VERDICT_CODES.length);
    expect(VERDICT_CODES.filter((code) => !(OPENAI_FAILURES as readonly string[]).includes(code))).toEqual([
      'ok',
      'some_sites_fail',
      'model_retiring',
      'record_damaged',
    ]);
  });
});
