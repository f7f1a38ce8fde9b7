import { expect, test } from '@jest/globals';
import { administrator, isAllowed, rolePrincipals, sealedKeyContext, stranger } from './iam.ts';
import { matrix, SENSITIVE } from './iam-matrix.ts';

const OPENING = ['token', 'rotate', 'rotate-on-request', 'hangup', 'watch'];

test('each sensitive action is allowed only to these roles, and to no administrator or stranger', () => {
  expect(matrix).toEqual({
    'opens a key of a site': OPENING,
    'opens the key of the platform': ['token', 'hangup', 'watch'],
    'seals a key of a site': ['keys', 'rotate', 'rotate-on-request'],
    're-wraps a key': ['RewrapOperator'],
    'MAC of fingerprints': ['keys', 'rotate', 'rotate-on-request', 'PlatformKeyOperator'],
    'MAC of visitors and sessions': ['token', 'events', 'keys', 'rotate', 'manage', 'notices'],
    'MAC of marks': [
      'token',
      'keys',
      'rotate',
      'detector',
      'rotate-on-request',
      'PlatformKeyOperator',
      'RewrapOperator',
      'RestoreOperator',
      'MarkKeysOperator',
    ],
    'MAC of audit chains': ['audit', 'projector', 'reconcile', 'VerifyArchiveOperator'],
    'signs a checkpoint': ['reconcile'],
    'reads whole keys': [
      'token',
      'keys',
      'rotate',
      'detector',
      'rotate-on-request',
      'hangup',
      'watch',
      'RewrapOperator',
      'RestoreOperator',
      'MarkKeysOperator',
      'administrator',
    ],
    'writes keys': ['keys', 'rotate', 'detector', 'rotate-on-request', 'RewrapOperator', 'RestoreOperator'],
    'writes marks': [
      'keys',
      'rotate',
      'detector',
      'rotate-on-request',
      'RewrapOperator',
      'RestoreOperator',
      'MarkKeysOperator',
    ],
    'writes workspaces and sites': ['keys', 'manage', 'retire-models', 'SetPlanOperator', 'RestoreOperator'],
    'stops voice': ['StopOperator', 'RestoreOperator', 'BreakGlassOperator'],
    'writes sessions': [
      'token',
      'events',
      'keys',
      'rotate',
      'rotate-on-request',
      'sweeper',
      'hangup',
      'RestoreOperator',
      'administrator',
    ],
    'writes limits': ['token', 'events', 'keys', 'hangup', 'administrator'],
    'writes usage': [
      'token',
      'events',
      'sweeper',
      'hangup',
      'watch',
      'RebuildUsageOperator',
      'RestoreOperator',
      'administrator',
    ],
    'puts or overwrites audit rows': ['projector', 'RestoreOperator'],
    'updates or deletes audit rows': [],
    'puts a new object into the archive': ['archiver', 'administrator'],
    'puts a new checkpoint': ['reconcile', 'administrator'],
    'overwrites an object of the archive or a checkpoint': [],
    'removes evidence': ['administrator'],
    'puts into the trail': [],
    'changes a key policy': ['administrator'],
    'grants a use of a key': [],
    'invokes token': ['administrator'],
    'invokes watch': ['token', 'sweeper', 'watch', 'administrator'],
  });
});

const [opening] = SENSITIVE['opens a key of a site'] ?? [];

test.each(OPENING)('credentials of %s outside of its function open no key', (name) => {
  const principal = rolePrincipals.find((each) => each.name === name);
  if (principal === undefined || opening === undefined) throw new Error(`There is no role ${name}.`);
  expect(isAllowed(principal, opening)).toBe(true);
  expect(isAllowed({ ...principal, context: {} }, opening)).toBe(false);
});

test.each(OPENING)('the role %s opens no key if a name is missing in the encryption context', (name) => {
  const principal = rolePrincipals.find((each) => each.name === name);
  if (principal === undefined || opening === undefined) throw new Error(`There is no role ${name}.`);
  for (const missing of Object.keys(sealedKeyContext('site'))) {
    const { [missing]: _, ...context } = sealedKeyContext('site');
    expect(isAllowed(principal, { ...opening, context })).toBe(false);
  }
});

test('a stranger can perform no sensitive action, and a role with every IAM permission still opens no key', () => {
  for (const call of Object.values(SENSITIVE).flat()) expect(isAllowed(stranger, call)).toBe(false);
  const events = rolePrincipals.find(({ name }) => name === 'events');
  if (events === undefined || opening === undefined) throw new Error('There is no role events.');
  expect(isAllowed({ ...events, rules: administrator.rules }, opening)).toBe(false);
});
