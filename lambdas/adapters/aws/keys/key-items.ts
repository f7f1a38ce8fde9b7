import * as z from 'zod';
import type { KeyActivity, KeyVersionRecord } from '../../../domain/keys/stored-key.ts';
import { VERDICT_CODES, type Verdict } from '../../../domain/keys/verdict.ts';

export const verdictItem: z.ZodType<Verdict> = z.object({
  ok: z.boolean(),
  code: z.enum(VERDICT_CODES),
  message: z.string(),
  checkedAt: z.string(),
  latencyMs: z.number(),
});

export const keyVersionItem: z.ZodType<KeyVersionRecord> = z.object({
  version: z.number(),
  masked: z.string(),
  createdAt: z.string(),
  createdBy: z.string(),
  reason: z.enum(['stored', 'reencrypted']),
});

const atVersion = z.object({ version: z.number(), at: z.string() });

export const keyActivityItem: z.ZodType<KeyActivity> = z.object({
  used: atVersion.nullable().default(null),
  verified: atVersion.nullable().default(null),
  test: z.object({ version: z.number(), verdict: verdictItem }).nullable().default(null),
  unreadableVersion: z.number().nullable().default(null),
  unreadableAt: z.string().nullable().default(null),
  degraded: z.object({ version: z.number(), until: z.string() }).nullable().default(null),
});
