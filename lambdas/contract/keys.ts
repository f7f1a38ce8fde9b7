import * as z from 'zod';
import { VERDICT_CODES } from '../domain/keys/verdict.ts';
import { siteIdSchema, timestamp } from './common.ts';

export const putOpenAiKeyRequest = z
  .strictObject({
    api_key: z.string().max(4_096).describe('An OpenAI API key. It is never shown again.'),
    confirm_unverified: z
      .boolean()
      .default(false)
      .describe('Replace the current key even if OpenAI cannot be reached to check the new one.'),
  })
  .meta({ id: 'PutOpenAiKeyRequest' });

export const verdict = z
  .object({
    ok: z.boolean(),
    code: z.enum(VERDICT_CODES),
    message: z.string(),
    latency_ms: z.int().describe('Response time of OpenAI, milliseconds.'),
    checked_at: timestamp,
    sites: z
      .array(
        z.object({
          site_id: siteIdSchema,
          name: z.string(),
          ok: z.boolean().nullable().describe('null: not checked'),
          code: z.enum([...VERDICT_CODES, 'not_checked']),
          message: z.string(),
        }),
      )
      .optional()
      .describe(
        'Which sites a workspace key serves, where they differ. Only in the answer to storing and testing.',
      ),
  })
  .meta({ id: 'Verdict' });

export const maskedKey = z
  .object({
    scope: z.enum(['site', 'workspace']),
    masked: z.string().describe('`sk-proj-...AbCd`'),
    version: z.int(),
    state: z
      .enum(['active', 'unverified', 'degraded', 'suspended', 'needs_reentry'])
      .describe(
        '`degraded`: several visitors recently failed with this key after a successful mint. See the errors.',
      ),
    created_at: timestamp,
    created_by: z.string(),
    last_used_at: timestamp
      .nullable()
      .describe('To the minute, and some seconds late. null: not used since it was stored.'),
    last_verified_at: timestamp.nullable(),
    verdict,
  })
  .meta({ id: 'OpenAiKey' });

export const listedKey = maskedKey
  .extend({ site_id: siteIdSchema.nullable().describe('null: the key of the workspace.') })
  .meta({ id: 'ListedKey' });

export const keyVersion = z
  .object({
    version: z.int(),
    masked: z.string(),
    state: z.enum(['current', 'retained', 'shredded']),
    reason: z.enum(['stored', 'reencrypted']),
    created_at: timestamp,
    created_by: z.string(),
    retained_until: timestamp.nullable().describe('A rollback to this version is possible until then.'),
  })
  .meta({ id: 'KeyVersion' });
