/** The KMS keys of a deployment, once, for the stacks and the local run. */
export const KMS_KEYS = {
  /** Wraps the data key of each sealed OpenAI key. */
  master: { alias: 'alias/spelo-byok/master', usage: 'ENCRYPT_DECRYPT', variable: 'MASTER_KEY_ARN' },
  /** Computes fingerprints of OpenAI keys. Only functions that seal may use it. */
  fingerprint: {
    alias: 'alias/spelo-byok/fingerprint',
    usage: 'GENERATE_VERIFY_MAC',
    variable: 'FINGERPRINT_KEY_ARN',
  },
  /** Root of the hashes and session secrets that are derived in memory. */
  derivation: {
    alias: 'alias/spelo-byok/derivation',
    usage: 'GENERATE_VERIFY_MAC',
    variable: 'DERIVATION_KEY_ARN',
  },
  /** Root of the MACs of key marks. Only functions that change keys or mint with them may use it. */
  marks: { alias: 'alias/spelo-byok/marks', usage: 'GENERATE_VERIFY_MAC', variable: 'MARKS_KEY_ARN' },
  /** Root of the keys of the audit chains. Only functions that append or verify may use it. */
  audit: { alias: 'alias/spelo-byok/audit', usage: 'GENERATE_VERIFY_MAC', variable: 'AUDIT_KEY_ARN' },
  /** Signs the results of the daily reconciliation. Only that function may sign. */
  checkpoints: {
    alias: 'alias/spelo-byok/checkpoints',
    usage: 'GENERATE_VERIFY_MAC',
    variable: 'CHECKPOINTS_KEY_ARN',
  },
} as const;

/** Keys of the encryption context in every use of the master key. IAM policies require all of them. */
export { ENCRYPTION_CONTEXT_KEYS } from '../domain/keys/sealed-key.ts';
