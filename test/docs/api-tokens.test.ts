import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createApiTokenRequest } from '../../lambdas/contract/api-tokens.ts';
import { ROUTES, type Route } from '../../lambdas/contract/routes.ts';
import {
  DEFAULT_API_TOKEN_DAYS,
  MAX_API_TOKEN_DAYS,
  MAX_API_TOKEN_SITES,
  MAX_API_TOKENS,
} from '../../lambdas/domain/tenancy/api-token.ts';
import { ROOT } from '../support/source-files.ts';

const FILE = join(ROOT, 'docs/api-tokens.md');
const BLOCK = /(<!-- generated:api-token-routes -->\n)[\s\S]*?(<!-- \/generated:api-token-routes -->)/;

const routes = Object.values<Route>(ROUTES).flatMap(({ method, path, apiTokens }) =>
  apiTokens === undefined ? [] : [`| \`${method} ${path}\` | ${apiTokens} |`],
);

describe('docs/api-tokens.md', () => {
  it('lists the routes that accept API tokens (UPDATE_DOCS=1 npm test -- test/docs/api-tokens)', () => {
    const table = ['| Route | Role |', '|---|---|', ...routes].join('\n');
    const text = readFileSync(FILE, 'utf8');
    expect(text).toMatch(BLOCK);
    const current = text.replace(BLOCK, (_, before, after) => `${before}${table}\n${after}`);
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(FILE, current);
    expect(readFileSync(FILE, 'utf8')).toBe(current);
  });

  it('creates its token with a valid request, and describes each field of the request', () => {
    const text = readFileSync(FILE, 'utf8');
    const body: unknown = JSON.parse(/-d '(\{.*?\})'/.exec(text)?.[1] ?? 'null');
    expect(createApiTokenRequest.parse(body)).toEqual({ ...Object(body), site_ids: null });
    const fields = Object.keys(createApiTokenRequest.shape);
    expect(fields.filter((field) => !text.includes(`| \`${field}\` | `))).toEqual([]);
  });

  it('uses only routes that accept the role of the token that it creates', () => {
    const text = readFileSync(FILE, 'utf8');
    const paths = [...text.matchAll(/"\$URL(\/v1\/[^"?]*)[^"]*" -H "Authorization: Bearer \$SPELO_TOKEN"/g)];
    expect(paths.length).toBeGreaterThan(1);
    for (const [, path = ''] of paths)
      expect(routes).toContain(`| \`GET ${path.replace('$WORKSPACE', '{workspaceId}')}\` | viewer |`);
  });

  it('states the limits in the code', () => {
    const text = readFileSync(FILE, 'utf8');
    expect(text).toContain(`| 1 to ${MAX_API_TOKEN_DAYS} days, ${DEFAULT_API_TOKEN_DAYS} by default;`);
    expect(text).toContain(`| Tokens of a workspace | ${MAX_API_TOKENS},`);
    expect(text).toContain(`| Sites of a token | ${MAX_API_TOKEN_SITES} |`);
  });
});
