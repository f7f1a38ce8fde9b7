import * as z from 'zod';
import { DEGRADING_FAILURES, type KeyHealth } from '../../../domain/keys/key-health.ts';

export const keyHealthItem: z.ZodType<KeyHealth> = z.object({
  version: z.number(),
  reports: z.array(z.object({ ipHash: z.string(), failure: z.enum(DEGRADING_FAILURES), atMs: z.number() })),
  workedAtMs: z.number().nullable(),
  revision: z.number(),
});
