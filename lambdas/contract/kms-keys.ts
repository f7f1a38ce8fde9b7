/** The KMS keys of a deployment, once, for the stacks and the local run. */
export const KMS_KEYS = {
  /** Wraps the data key of each sealed OpenAI key. */
  master: { alias: 'alias/spelo-byok/master', usage: 'ENCRYPT_DECRYPT', variable: 'MASTER_KEY_ARN' },
  /** Fingerprints of OpenAI keys; only what seals may use it. */
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
  /** Root of the MACs of key marks; only who changes keys and who mints with them may use it. */
  marks: { alias: 'alias/spelo-byok/marks', usage: 'GENERATE_VERIFY_MAC', variable: 'MARKS_KEY_ARN' },
  /** Root of the keys of the audit chains; only who appends and who verifies may use it. */
  audit: { alias: 'alias/spelo-byok/audit', usage: 'GENERATE_VERIFY_MAC', variable: 'AUDIT_KEY_ARN' },
  /** Signs the results of the daily reconciliation; only that function may sign. */
  checkpoints: {
    alias: 'alias/spelo-byok/checkpoints',
    usage: 'GENERATE_VERIFY_MAC',
    variable: 'CHECKPOINTS_KEY_ARN',
  },
} as const;

/** Names that every use of the master key carries; IAM policies require each of them to be present. */
export { ENCRYPTION_CONTEXT_KEYS } from '../domain/keys/sealed-key.ts';
