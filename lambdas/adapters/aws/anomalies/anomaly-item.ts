import * as z from 'zod';
import type { AnomalyRecord } from '../../../domain/anomalies/anomaly-record.ts';
import type { AnomalyState } from '../../../domain/anomalies/anomaly-state.ts';
import { ANOMALY_KINDS } from '../../../domain/anomalies/incident.ts';
import { ANOMALY_RESPONSES } from '../../../domain/tenancy/workspace.ts';
import { workspaceId } from '../ids.ts';

const counts = z.array(z.tuple([z.number(), z.number()]));
const numbers = z.array(z.number());
const marks = z.array(z.string());

const state = z
  .object({
    firstHour: z.number().optional(),
    hour: z.number(),
    seen: marks,
    buckets: counts,
    hourCount: z.number(),
    unlearned: numbers,
    means: numbers,
    visits: numbers,
    noise: z.number(),
    addresses: marks,
    newOrigins: marks,
    knownOrigins: marks,
    daySessions: z.number(),
    dayCostSeconds: z.number(),
    days: z.array(z.tuple([z.number(), z.number(), z.number(), z.number()])),
    authRun: z.number(),
    deniedAt: z.number(),
    refused: counts,
    refusedMean: z.number(),
    silentUntil: z.partialRecord(z.enum(ANOMALY_KINDS), z.number()),
  })
  .transform(({ firstHour, ...rest }): AnomalyState => ({ firstHour, ...rest }));

const keyInUse = z.object({
  scope: z.enum(['site', 'workspace', 'platform']),
  scopeId: z.string(),
  version: z.number(),
});

const incident = z.object({
  incidentId: z.string(),
  workspaceId,
  siteId: z.string().nullable(),
  kind: z.enum(ANOMALY_KINDS),
  at: z.string(),
  observed: z.number(),
  expected: z.number(),
  threshold: z.number(),
  windowSeconds: z.number(),
  response: z.enum(ANOMALY_RESPONSES),
  keys: z.array(keyInUse),
});

/** The item of one watched subject. */
export const anomalyRecordItem: z.ZodType<AnomalyRecord> = z.object({
  revision: z.number(),
  state,
  keys: z.array(keyInUse),
  pending: z.array(incident),
});
