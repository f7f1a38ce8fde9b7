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
  /** Whether retired master keys are meant too, whose records are yet to be re-wrapped. */
  readonly retiredToo?: true;
}

const tenantKeys = encryptionContextOfScope('site', 'workspace');
const platformKey = encryptionContextOfScope('platform');

const mac = (role: RoleName): KeyUse => ({ role, action: 'GenerateMac', conditions: hmacSha256 });

/**
 * Who uses which key, and for what. Written twice into the templates: as the key's policy and as the role's, because a
 * use needs both consents. The two roles of rotation, `rotate` behind a route and `rotate-on-request` behind the
 * detector's events, are the ones that both open and seal; the platform's own key is sealed by an operator only, and
 * neither a route nor an event reaches it. `detector` is not here: it can switch a key off, and open none.
 */
export const KEY_USES: Readonly<Record<KmsKeyName, readonly KeyUse[]>> = {
  master: [
    { role: 'token', action: 'Decrypt', conditions: wholeEncryptionContext, retiredToo: true },
    // Ends calls on keys of every scope, the platform's included.
    { role: 'hangup', action: 'Decrypt', conditions: wholeEncryptionContext, retiredToo: true },
    // Attaches to calls on keys of every scope, the platform's included.
    { role: 'watch', action: 'Decrypt', conditions: wholeEncryptionContext, retiredToo: true },
    { role: 'keys', action: 'GenerateDataKey', conditions: tenantKeys },
    { role: 'rotate', action: 'Decrypt', conditions: tenantKeys, retiredToo: true },
    { role: 'rotate', action: 'GenerateDataKey', conditions: tenantKeys },
    { role: 'rotate-on-request', action: 'Decrypt', conditions: tenantKeys, retiredToo: true },
    { role: 'rotate-on-request', action: 'GenerateDataKey', conditions: tenantKeys },
    { role: 'platform-key', action: 'GenerateDataKey', conditions: platformKey },
    // Both contexts of a ReEncrypt are judged: the source's by ReEncryptFrom, the destination's by ReEncryptTo.
    { role: 'rewrap', action: 'ReEncryptFrom', conditions: wholeEncryptionContext, retiredToo: true },
    { role: 'rewrap', action: 'ReEncryptTo', conditions: wholeEncryptionContext },
  ],
  fingerprint: [mac('keys'), mac('rotate'), mac('rotate-on-request'), mac('platform-key')],
  derivation: [mac('token'), mac('events'), mac('keys'), mac('rotate'), mac('manage'), mac('notices')],
  // Who mints with keys, changes them or looks for changes past the product.
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
  // The role that checks the archive can compute hashes of rows and write none.
  audit: [mac('audit'), mac('projector'), mac('reconcile'), mac('verify-archive')],
  checkpoints: [mac('reconcile')],
};
