import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PROBLEMS } from '../../lambdas/contract/problems.ts';
import { AUDIT_ROUTES } from '../../lambdas/contract/routes/audit.ts';
import { EVENTS_ROUTES } from '../../lambdas/contract/routes/events.ts';
import { KEYS_ROUTES } from '../../lambdas/contract/routes/keys.ts';
import { MANAGE_ROUTES } from '../../lambdas/contract/routes/manage.ts';
import { ROTATE_ROUTES } from '../../lambdas/contract/routes/rotate.ts';
import { TOKEN_ROUTES } from '../../lambdas/contract/routes/token.ts';
import { USAGE_ROUTES } from '../../lambdas/contract/routes/usage.ts';
import {
  commonRefusals,
  type FunctionName,
  ROUTES,
  type Route,
  routeKeyOf,
} from '../../lambdas/contract/routes.ts';
import { SERVICE_VERSION } from '../../lambdas/contract/version.ts';
import { BROKER_ERROR_CODES } from '../../lambdas/domain/broker-error.ts';
import { openApiDocument } from '../../tools/developer/openapi-document.ts';
import { ROOT } from '../support/source-files.ts';

const routes: readonly (readonly [string, Route])[] = Object.entries(ROUTES);
const OF_FUNCTION: Readonly<Record<FunctionName, Readonly<Record<string, Route>>>> = {
  token: TOKEN_ROUTES,
  events: EVENTS_ROUTES,
  keys: KEYS_ROUTES,
  rotate: ROTATE_ROUTES,
  audit: AUDIT_ROUTES,
  manage: MANAGE_ROUTES,
  usage: USAGE_ROUTES,
};
const checkedIn = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8'));

describe('docs/openapi.json', () => {
  it('is what the route table generates (npm run openapi)', () => {
    expect(checkedIn).toEqual(JSON.parse(JSON.stringify(openApiDocument())));
  });

  it('names exactly the routes in the table', () => {
    const named = Object.entries(checkedIn.paths as Record<string, object>).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(named.sort()).toEqual(routes.map(([, route]) => routeKeyOf(route)).sort());
  });

  it.each(routes)('lists every status that %s can answer', (id, route) => {
    const operation = checkedIn.paths[route.path][route.method.toLowerCase()];
    const refusals = [...route.refusals, ...commonRefusals(route)];
    const statuses = [route.status, ...refusals.map((name) => PROBLEMS[name].status)];
    expect(operation.operationId).toBe(id);
    expect(Object.keys(operation.responses).sort()).toEqual([...new Set(statuses.map(String))].sort());
  });
});

describe('the problem catalogue', () => {
  it('has exactly one entry for each refusal', () => {
    expect(Object.keys(PROBLEMS).sort()).toEqual([...BROKER_ERROR_CODES].sort());
  });

  it.each(Object.entries(PROBLEMS))('has a next step in one sentence for %s', (_name, problem) => {
    expect(problem.code).toMatch(/^[a-z_]+$/);
    expect(problem.message).toMatch(/^[A-Z].*\.$/);
  });

  it('gives each 429 and 503 a wait', () => {
    const without = Object.values(PROBLEMS).filter(
      (problem) => [429, 503].includes(problem.status) && !('retryAfterSeconds' in problem),
    );
    expect(without).toEqual([]);
  });
});

describe('the route table', () => {
  it.each(Object.entries(OF_FUNCTION))(
    'has exactly the routes that the function %s loads and serves',
    (name, table) => {
      expect(table).toEqual(Object.fromEntries(routes.filter(([, { servedBy }]) => servedBy === name)));
      expect(Object.keys(table).length).toBeGreaterThan(0);
    },
  );

  it('has no two routes with the same key', () => {
    const keys = routes.map(([, route]) => routeKeyOf(route));
    expect(new Set(keys).size).toBe(keys.length);
  });

  it.each(routes.filter(([, { body }]) => body !== undefined))(
    'refuses unknown fields for %s',
    (_id, route) => {
      const parsed = route.body?.safeParse({ planted: 1 });
      expect(parsed?.error?.issues.map(({ code }) => code)).toContain('unrecognized_keys');
    },
  );
});

describe('the version of the service', () => {
  it('is the version in package.json', () => {
    expect(SERVICE_VERSION).toBe(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version);
  });
});
