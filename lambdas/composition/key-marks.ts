import { type KeyMarks, keyMarks } from '../adapters/aws/keys/key-marks.ts';
import { kmsDerivationKeys } from '../adapters/aws/kms-derivation-keys.ts';
import type { Log } from '../telemetry/log.ts';

/** The marks of keys under the KMS key `marks`. A key that does not match its mark is logged. */
export const keyMarksOf = (
  environment: { readonly MARKS_KEY_ARN: string },
  kms: Parameters<typeof kmsDerivationKeys>[0],
  log: Log,
): KeyMarks =>
  keyMarks(kmsDerivationKeys(kms, environment.MARKS_KEY_ARN), ({ scope, scopeId, workspaceId }) =>
    log.error('key does not match its mark', {
      key_scope: scope,
      key_scope_id: scopeId,
      workspace_id: workspaceId,
    }),
  );
