import * as z from 'zod';
import { VERDICT_CODES } from '../domain/keys/verdict.ts';
import { timestamp } from './common.ts';

export const putOpenAiKeyRequest = z
  .strictObject({
    api_key: z
      .string()
      .max(4_096)
      .describe('An OpenAI API key. Accepted with surrounding white space; never shown again.'),
  })
  .meta({ id: 'PutOpenAiKeyRequest' });

export const verdict = z
  .object({
    ok: z.boolean(),
    code: z.enum(VERDICT_CODES),
    message: z.string(),
    latency_ms: z.int().describe('Milliseconds that OpenAI took.'),
    checked_at: timestamp,
  })
  .meta({ id: 'Verdict' });

export const maskedKey = z
  .object({
    scope: z.enum(['site', 'workspace']),
    masked: z.string().describe('`sk-proj-...AbCd`'),
    version: z.int(),
    state: z
      .enum(['active', 'unverified', 'degraded', 'suspended', 'needs_reentry'])
      .describe('`degraded`: several visitors lately failed with it after a good mint; see the errors.'),
    created_at: timestamp,
    created_by: z.string(),
    last_used_at: timestamp.nullable(),
    last_verified_at: timestamp.nullable(),
    verdict,
  })
  .meta({ id: 'OpenAiKey' });

export const keyVersion = z
  .object({
    version: z.int(),
    masked: z.string(),
    state: z.enum(['current', 'retained', 'shredded']),
    reason: z.enum(['stored', 'reencrypted']),
    created_at: timestamp,
    created_by: z.string(),
    retained_until: timestamp.nullable().describe('Until when a rollback can go back to it.'),
  })
  .meta({ id: 'KeyVersion' });
