import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import * as z from 'zod';
import { budgetItem } from '../../lambdas/adapters/aws/budgets/budget-item.ts';
import { keyVersionItem } from '../../lambdas/adapters/aws/keys/key-items.ts';
import { webhookItem } from '../../lambdas/adapters/aws/notices/notice-items.ts';
import {
  apiTokenItem,
  formerInstructionsItem,
  invitationItem,
  memberItem,
  siteItem,
  workspaceItem,
} from '../../lambdas/adapters/aws/tenancy/tenancy-items.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { storedDataDocument } from '../../tools/developer/stored-data.ts';
import { ROOT } from '../support/source-files.ts';

const document = readFileSync(join(ROOT, 'docs/stored-data.md'), 'utf8');

it('docs/stored-data.md lists the items and times of the adapters (npm run docs:stored-data)', () => {
  expect(document).toBe(storedDataDocument());
});

it('docs/stored-data.md has a section for every table', () => {
  for (const name of Object.keys(TABLES)) expect(document).toContain(`## Table \`${name}\``);
});

it.each<[string, z.ZodType]>([
  ['`WORKSPACE#<workspace>`, `WORKSPACE`', workspaceItem],
  ['`WORKSPACE#<workspace>`, `MEMBER#<sub>`', memberItem],
  ['`WORKSPACE#<workspace>`, `INVITATION#<invitation>`', invitationItem],
  ['`WORKSPACE#<workspace>`, `SITE#<site>`', siteItem],
  ['`WORKSPACE#<workspace>`, `ARCHIVED_SITE#<site>`', siteItem],
  ['`WORKSPACE#<workspace>`, `INSTRUCTIONS#<site>#<time>`', formerInstructionsItem],
  ['`WORKSPACE#<workspace>`, `API_TOKEN#<token>`', apiTokenItem],
  ['`WEBHOOKS#<workspace>`, `<webhook>`', webhookItem],
  ['`<SCOPE>#<id>`, `VERSION#<number>`', keyVersionItem],
  ['`BUDGET#<workspace>`, `SITE#<site>`', budgetItem],
])('docs/stored-data.md names the personal data of %s', (item, schema) => {
  const attributes = JSON.stringify(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
  const person =
    document
      .split('\n')
      .find((line) => line.startsWith(`| ${item} |`))
      ?.split(' | ')[2] ?? '';
  const [bySub, byEmail] = [/"(sub|\w+By)":\{/.test(attributes), /"\w*[eE]mail":\{/.test(attributes)];
  expect([bySub, byEmail]).not.toEqual([false, false]);
  expect([/`sub`/.test(person) || !bySub, /email/.test(person) || !byEmail]).toEqual([true, true]);
});
