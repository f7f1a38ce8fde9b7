import { auditRowOf } from '../adapters/aws/audit/audit-row-of-record.ts';
import { s3Archive, s3Client } from '../adapters/aws/audit/s3-archive.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { HEARTBEAT_CHAIN } from '../domain/audit/heartbeat.ts';
import { auditArchiver } from '../streams/audit-archiver.ts';
import type { StreamHandler } from '../streams/stream-handler.ts';
import { flushingMetrics, type Runtime } from './runtime.ts';

/** Copies the audit trail to the archive. It can only put objects, and has no key of the chain. */
export const archiverHandler = (
  environment: EnvironmentOf<'archiver'>,
  { log, metrics }: Pick<Runtime, 'log' | 'metrics'>,
): StreamHandler => {
  const archive = s3Archive(s3Client(environment, metrics), environment.ARCHIVE_BUCKET);
  return flushingMetrics(
    auditArchiver({
      rowOf: auditRowOf,
      archive: {
        put: async (name, lines) => {
          await archive.put(name, lines);
          if (name.startsWith(`audit/${HEARTBEAT_CHAIN}/`)) metrics.recordHeartbeat();
        },
      },
      log,
    }),
    metrics,
  );
};
