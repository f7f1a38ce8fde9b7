import { auditRowOf, s3Archive, s3Client } from '../../adapters/aws/s3-archive.ts';
import type { ArchiverEnvironment } from '../../contract/environment.ts';
import { auditArchiver } from '../../streams/audit-archiver.ts';
import type { StreamHandler } from '../../streams/audit-projector.ts';
import { metered, type World } from './world.ts';

/** Copies the audit trail to the archive. It can put objects and nothing else; it knows no key of the chain. */
export const archiverHandler = (
  environment: ArchiverEnvironment,
  { log, meter }: Pick<World, 'log' | 'meter'>,
): StreamHandler =>
  metered(
    auditArchiver({
      rowOf: auditRowOf,
      archive: s3Archive(s3Client(environment, meter), environment.ARCHIVE_BUCKET),
      log,
    }),
    meter,
  );
