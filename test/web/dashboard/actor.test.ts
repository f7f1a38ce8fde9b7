import { describe, expect, it } from '@jest/globals';
import { actorIn, machineName } from '../../../web/dashboard/src/members/actor-names.ts';

const member = (sub: string, name: string | null, email: string | null) => ({
  sub,
  name,
  email,
  role: 'viewer' as const,
  added_at: '2026-11-30T00:00:00.000Z',
  added_by: sub,
});
const MEMBERS = [
  member('sub-ada', 'Ada Lovelace', 'ada@harbour.example'),
  member('sub-grace', 'Grace Hopper', null),
  member('sub-other', 'Grace Hopper', 'other@harbour.example'),
];

describe('the displayed name of an actor', () => {
  it.each([
    ['visitor', undefined, 'A visitor'],
    ['system:retire-models', undefined, 'Spelo (retire-models)'],
    ['token:tok_1', 'nightly report', 'API token nightly report'],
    ['token:tok_1', undefined, 'API token tok_1'],
    ['operator:arn:aws:iam::1:role/ops', undefined, 'Operator (arn:aws:iam::1:role/ops)'],
    ['sub-ada', undefined, undefined],
  ])('is in words for %s', (actor, tokenName, name) => {
    expect(machineName(actor, tokenName)).toBe(name);
  });
});

describe('the search for an actor', () => {
  it.each([
    [' ada lovelace ', 'sub-ada', false],
    ['ADA@harbour.example', 'sub-ada', false],
    ['sub-grace', 'sub-grace', false],
    ['visitor', 'visitor', false],
    ['other@harbour.example', 'sub-other', false],
    ['Grace Hopper', 'Grace Hopper', true],
    ['', '', false],
  ])('by "%s" looks for %s', (text, actor, isAmbiguous) => {
    expect(actorIn(text, MEMBERS)).toEqual({ actor, isAmbiguous });
  });
});
