import type { Conditions } from 'aws-cdk-lib/aws-iam';
import type { KMS_KEYS } from '../lambdas/contract/kms-keys.ts';
import { encryptionContextOfScope, hmacSha256, wholeEncryptionContext } from './conditions.ts';
import type { RoleName } from './role-names.ts';

export type KmsKeyName = keyof typeof KMS_KEYS;

export interface KeyUse {
  readonly role: RoleName;
  readonly action:
    | 'Decrypt'
    | 'GenerateDataKey'
    | 'GenerateMac'
    | 'VerifyMac'
    | 'ReEncryptFrom'
    | 'ReEncryptTo';
  readonly conditions: Conditions;
  /** True if retired master keys are included, whose records are not re-wrapped yet. */
  readonly retiredToo?: true;
}

const tenantKeys = encryptionContextOfScope('site', 'workspace');
const platformKey = encryptionContextOfScope('platform');

const mac = (role: RoleName): KeyUse => ({ role, action: 'GenerateMac', conditions: hmacSha256 });

/**
 * The roles that use each KMS key, and the purpose. The templates contain this twice, in the key's policy and in the
 * role's, because a use needs both. The two roles of rotation, `rotate` behind a route and `rotate-on-request` behind
 * the detector's events, are the ones that both open and seal; the platform's own key is sealed by an operator only,
 * and neither a route nor an event reaches it. `detector` is not here: it can switch a key off, and open none.
 */
export const KEY_USES: Readonly<Record<KmsKeyName, readonly KeyUse[]>> = {
  master: [
    { role: 'token', action: 'Decrypt', conditions: wholeEncryptionContext, retiredToo: true },
    // Ends calls on keys of every scope, including the platform's.
    { role: 'hangup', action: 'Decrypt', conditions: wholeEncryptionContext, retiredToo: true },
    // Attaches to calls on keys of every scope, including the platform's.
    { role: 'watch', action: 'Decrypt', conditions: wholeEncryptionContext, retiredToo: true },
    { role: 'keys', action: 'GenerateDataKey', conditions: tenantKeys },
    { role: 'rotate', action: 'Decrypt', conditions: tenantKeys, retiredToo: true },
    { role: 'rotate', action: 'GenerateDataKey', conditions: tenantKeys },
    { role: 'rotate-on-request', action: 'Decrypt', conditions: tenantKeys, retiredToo: true },
    { role: 'rotate-on-request', action: 'GenerateDataKey', conditions: tenantKeys },
    { role: 'platform-key', action: 'GenerateDataKey', conditions: platformKey },
    // A ReEncrypt needs permission for both contexts: the source's with ReEncryptFrom, the destination's with
    // ReEncryptTo.
    { role: 'rewrap', action: 'ReEncryptFrom', conditions: wholeEncryptionContext, retiredToo: true },
    { role: 'rewrap', action: 'ReEncryptTo', conditions: wholeEncryptionContext },
  ],
  fingerprint: [mac('keys'), mac('rotate'), mac('rotate-on-request'), mac('platform-key')],
  derivation: [mac('token'), mac('events'), mac('keys'), mac('rotate'), mac('manage'), mac('notices')],
  // Roles that mint with keys, change them, or look for changes that the product did not make.
  marks: [
    mac('token'),
    mac('keys'),
    mac('rotate'),
    mac('rotate-on-request'),
    mac('detector'),
    mac('platform-key'),
    mac('rewrap'),
    mac('restore'),
    mac('mark-keys'),
  ],
  // The role that checks the archive can compute row hashes but write none.
  audit: [mac('audit'), mac('projector'), mac('reconcile'), mac('verify-archive')],
  checkpoints: [mac('reconcile')],
};
