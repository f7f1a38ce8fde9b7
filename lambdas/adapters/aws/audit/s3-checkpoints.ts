import { createHash } from 'node:crypto';
import { GenerateMacCommand, type KMSClient } from '@aws-sdk/client-kms';
import type { S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod';
import type { Checkpoint } from '../../../domain/audit/checkpoint.ts';
import { isSameBytes } from '../../../domain/constant-time.ts';
import { DependencyUnavailableError } from '../../../domain/dependency.ts';
import type { Checkpoints } from '../../../use-cases/ports/audit.ts';
import { callAws } from '../aws-calls.ts';
import { putNew } from './s3-archive.ts';
import { keysBelow, readText } from './s3-evidence.ts';

const FOLDER = 'reconciliations/';
const PURPOSE = 'spelo-byok/reconciliation/v1';

const decryptCall = z.object({
  requestId: z.string(),
  eventId: z.string(),
  at: z.string(),
  keyArns: z.array(z.string()),
  encryptionContext: z.record(z.string(), z.string()),
  errorCode: z.string().optional(),
  principal: z.string().optional(),
});

const row = z.object({
  workspaceId: z.string(),
  sequence: z.number(),
  type: z.string(),
  at: z.string(),
  siteId: z.string().nullable(),
  sessionId: z.string().nullable(),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});

const records = z.object({ decrypts: z.array(decryptCall), rows: z.array(row) });

/** Its fields are checked one by one although it is signed: an older version of this code may have written it. */
const checkpointFields = z.object({
  at: z.string(),
  begun: z.string(),
  from: z.string(),
  to: z.string(),
  complete: z.boolean(),
  decrypts: z.number(),
  rows: z.number(),
  matched: z.number(),
  counts: z.record(z.string(), z.number()),
  findings: z.array(z.looseObject({ kind: z.string(), at: z.string() })),
  chains: z.record(
    z.string(),
    z.object({ sequence: z.number(), hash: z.string(), previousHash: z.string() }),
  ),
  trail: z.object({ since: z.string(), read: z.array(z.string()) }),
  carried: records,
  unjudged: records,
  comparedUpTo: z.string().nullable(),
  // Checkpoints of older versions have neither field.
  swept: z.record(z.string(), z.string()).default({}),
  changed: z.array(z.string()).default([]),
});

const signatureFields = z.object({ mac: z.string() });

/** `20261130T030004123Z`, which sorts by time. */
const nameOf = (at: string): string => `${FOLDER}${at.replace(/[-:.]/g, '')}.ndjson`;

/**
 * Checkpoints in the bucket of the archive, which locks them. An object has two lines of JSON: the checkpoint, and its signature, the
 * HMAC of a KMS key that no other function may use. It covers the name of the object as well, so a copy under another name is not valid.
 * KMS takes 4,096 bytes, so the checkpoint goes in as its SHA-256: https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateMac.html
 */
export const s3Checkpoints = (
  s3: S3Client,
  kms: KMSClient,
  { bucket, checkpointsKeyArn }: { readonly bucket: string; readonly checkpointsKeyArn: string },
): Checkpoints => {
  const macOf = async (name: string, text: string): Promise<Buffer> => {
    const digest = createHash('sha256').update(text, 'utf8').digest('hex');
    const { Mac } = await callAws('kms', 'GenerateMac', () =>
      kms.send(
        new GenerateMacCommand({
          KeyId: checkpointsKeyArn,
          MacAlgorithm: 'HMAC_SHA_256',
          Message: Buffer.from(`${PURPOSE}\n${name}\n${digest}`, 'utf8'),
        }),
      ),
    );
    if (Mac === undefined) throw new DependencyUnavailableError('kms', 'GenerateMac', 'EmptyAnswer');
    return Buffer.from(Mac);
  };

  const read = async (name: string): Promise<Checkpoint | undefined> => {
    const [text = '', signature = ''] = (await readText(s3, bucket, name)).split('\n');
    const claimed = signatureFields.safeParse(parseJson(signature));
    if (!claimed.success) return undefined;
    if (!isSameBytes(Buffer.from(claimed.data.mac, 'base64'), await macOf(name, text))) return undefined;
    return checkpointFields.parse(parseJson(text)) as Checkpoint;
  };

  return {
    latest: async () => {
      const names: string[] = [];
      for await (const name of keysBelow(s3, bucket, FOLDER)) names.push(name);
      const invalid: string[] = [];
      for (const name of names.reverse()) {
        const checkpoint = await read(name);
        if (checkpoint !== undefined) return { checkpoint, invalid };
        invalid.push(name);
      }
      return { checkpoint: undefined, invalid };
    },
    save: async (checkpoint) => {
      const name = nameOf(checkpoint.at);
      const text = JSON.stringify(checkpoint);
      const mac = (await macOf(name, text)).toString('base64');
      // If the name is taken, an earlier attempt whose answer was lost wrote this checkpoint. Any other content has no valid
      // signature, and the next run reports it.
      await putNew(s3, {
        Bucket: bucket,
        Key: name,
        Body: `${text}\n${JSON.stringify({ mac, algorithm: 'HMAC_SHA_256', key: checkpointsKeyArn })}\n`,
      });
    },
  };
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
