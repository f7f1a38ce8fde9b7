import { dynamoDbAudit } from '../adapters/aws/audit/dynamodb-audit.ts';
import { kmsChainKeys } from '../adapters/aws/audit/kms-chain-keys.ts';
import { s3Client } from '../adapters/aws/audit/s3-archive.ts';
import { s3Checkpoints } from '../adapters/aws/audit/s3-checkpoints.ts';
import { s3ArchiveReader, s3Trail } from '../adapters/aws/audit/s3-evidence.ts';
import { s3EvidenceVersions } from '../adapters/aws/audit/s3-versions.ts';
import { dynamoDbClient, kmsClient } from '../adapters/aws/clients.ts';
import { kmsDerivationKeys } from '../adapters/aws/kms-derivation-keys.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { reconcileDay } from '../use-cases/audit/reconcile-day.ts';
import type { DifferenceAnnouncer } from '../use-cases/ports/audit.ts';
import { flushingMetrics, type Runtime } from './runtime.ts';
import type { ScheduledHandler } from './sweeper.ts';

/** Lambda ends a run after 15 minutes. The rest of the time is for the last portion and the checkpoint. */
const RUN_MS = 11 * 60_000;

/**
 * Compares CloudTrail with the audit trail, and the archive with the table. It reads evidence, and signs and stores its result,
 * but can change neither. It has no KMS permission on the master key.
 */
export const reconcileHandler = (
  environment: EnvironmentOf<'reconcile'>,
  { clock, monotonicMs, log, metrics }: Pick<Runtime, 'clock' | 'monotonicMs' | 'log' | 'metrics'>,
  announcer: DifferenceAnnouncer,
): ScheduledHandler => {
  const s3 = s3Client(environment, metrics);
  const kms = kmsClient(environment, metrics);
  return flushingMetrics(async () => {
    const startedAtMs = monotonicMs();
    const checkpoint = await reconcileDay({
      clock,
      trail: s3Trail(s3, environment.TRAIL_BUCKET, clock),
      archive: s3ArchiveReader(s3, environment.ARCHIVE_BUCKET),
      audit: dynamoDbAudit(dynamoDbClient(environment, metrics), environment.AUDIT_TABLE),
      chainKeys: kmsChainKeys(kmsDerivationKeys(kms, environment.AUDIT_KEY_ARN)),
      checkpoints: s3Checkpoints(s3, kms, {
        bucket: environment.ARCHIVE_BUCKET,
        checkpointsKeyArn: environment.CHECKPOINTS_KEY_ARN,
      }),
      announcer,
      evidence: {
        archive: s3EvidenceVersions(s3, environment.ARCHIVE_BUCKET, environment.EVIDENCE_DAYS),
        trail: s3EvidenceVersions(s3, environment.TRAIL_BUCKET, environment.EVIDENCE_DAYS),
      },
      masterKeyArns: [environment.MASTER_KEY_ARN, ...environment.RETIRED_MASTER_KEY_ARNS],
      isLate: () => monotonicMs() - startedAtMs > RUN_MS,
    })();
    if (checkpoint === undefined) return;
    const { from, to, complete, decrypts, rows, matched, counts } = checkpoint;
    const facts = { from, to, complete, decrypts, rows, matched, ...counts };
    if (Object.keys(counts).length === 0) log.info('records compared', facts);
    else log.error('records differ', facts);
    if (complete) metrics.recordReconciledDay();
  }, metrics);
};
