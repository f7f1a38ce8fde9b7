import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { apiPage, type OpenApi } from '../../tools/developer/api-page.ts';
import { ROOT } from '../support/source-files.ts';

const openApi: OpenApi = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8'));
const page = apiPage(openApi);

describe('the HTTP API page (npm run docs:api)', () => {
  it('has a section for every operation and every schema', () => {
    const ids = [
      ...Object.values(openApi.paths).flatMap((methods) =>
        Object.values(methods).map(({ operationId }) => operationId),
      ),
      ...Object.keys(openApi.components.schemas).map((name) => `schema-${name}`),
    ];
    expect(ids.length).toBeGreaterThan(60);
    expect(ids.filter((id) => !page.includes(`<section id="${id}">`))).toEqual([]);
  });

  it('links only to its own existing sections', () => {
    const targets = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id = '']) => id);
    expect(targets.filter((id) => !page.includes(`id="${id}"`))).toEqual([]);
  });

  it('loads nothing and runs no script', () => {
    expect(page).not.toMatch(/<script|src=|href="(?!#)|@import|url\(/);
  });

  it('escapes all text of the document', () => {
    const summary = '<img src=x> & "quoted"';
    const operation = { operationId: 'x', summary, responses: { 200: { description: 'Success' } } };
    const hostile = apiPage({
      ...openApi,
      paths: { '/<b>': { get: operation } },
      components: { schemas: {} },
    });
    expect(hostile).toContain('&lt;img src=x&gt; &amp; &quot;quoted&quot;');
    expect(hostile).not.toMatch(/<img|<b>\b.*<\/h2>/);
  });
});
