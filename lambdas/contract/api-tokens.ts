import * as z from 'zod';
import { mayHoldSecret } from '../domain/secret-shape.ts';
import {
  DEFAULT_API_TOKEN_DAYS,
  MAX_API_TOKEN_DAYS,
  MAX_API_TOKEN_SITES,
} from '../domain/tenancy/api-token.ts';
import { API_TOKEN_ROLES } from '../domain/tenancy/workspace.ts';
import { siteIdSchema, timestamp } from './common.ts';

/** Schemas of API tokens. */

export const apiTokenIdSchema = z
  .string()
  .meta({ id: 'ApiTokenId', description: 'ID of an API token, `tok_…`. Not secret.' });

/** Only unambiguous characters, because the audit trail shows the name with every action of the token. */
const apiTokenName = z
  .string()
  .trim()
  .min(1)
  .max(50)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9 ._-]*$/,
    'Use letters A to Z, digits, spaces, full stops, hyphens and underscores.',
  )
  .refine((name) => !mayHoldSecret(name), 'Must not contain a key or a token.');

const role = z.enum(API_TOKEN_ROLES);

export const createApiTokenRequest = z
  .strictObject({
    name: apiTokenName,
    role: role.describe(
      '`viewer` reads. `auditor` also reads the audit trail. `admin` can also make the changes that docs/api-tokens.md lists.',
    ),
    site_ids: z
      .array(siteIdSchema)
      .min(1)
      .max(MAX_API_TOKEN_SITES)
      .transform((ids) => [...new Set(ids)])
      .nullable()
      .default(null)
      .describe('The sites that the token can access. null: the whole workspace.'),
    expires_in_days: z.int().min(1).max(MAX_API_TOKEN_DAYS).default(DEFAULT_API_TOKEN_DAYS),
  })
  .refine((body) => body.role !== 'auditor' || body.site_ids === null, {
    path: ['site_ids'],
    message:
      'An auditor reads the audit trail of the whole workspace, so its token cannot be restricted to sites.',
  })
  .meta({ id: 'CreateApiTokenRequest' });

const apiTokenFields = {
  token_id: apiTokenIdSchema,
  name: z.string(),
  role,
  site_ids: z.array(z.string()).nullable(),
  created_at: timestamp,
  created_by: z.string(),
  expires_at: timestamp,
  expired: z.boolean(),
  last_used_at: timestamp.nullable().describe('To the hour. null: never used.'),
  effective_role: role
    .nullable()
    .describe(
      'The rights that the token has now. They are never more than those of the person who created it. null: that person is no longer a member, so the token is refused.',
    ),
};

export const apiToken = z.object(apiTokenFields).meta({ id: 'ApiToken' });

export const apiTokens = z.object({ items: z.array(apiToken) }).meta({ id: 'ApiTokens' });

export const createdApiToken = z
  .object({
    ...apiTokenFields,
    token: z.string().describe('`spk_…`. Shown in this answer only; create another token if it is lost.'),
  })
  .meta({ id: 'CreatedApiToken' });
