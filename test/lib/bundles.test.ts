import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { DEPLOYED_FUNCTIONS } from '../../lib/deployed-functions.ts';
import { exampleApp } from './synthesized.ts';

/** What the functions read at start. Nothing is called: the addresses lead nowhere. */
const environment = {
  STAGE: 'dev',
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'none',
  AWS_SECRET_ACCESS_KEY: 'none',
  AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:9',
  AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:9',
  TENANCY_TABLE: 'tenancy',
  KEYS_TABLE: 'keys',
  SESSIONS_TABLE: 'sessions',
  LIMITS_TABLE: 'limits',
  USAGE_TABLE: 'usage',
  AUDIT_TABLE: 'audit',
  ARCHIVE_BUCKET: 'archive',
  OIDC_ISSUER: 'https://issuer.example.com/',
  OIDC_AUDIENCE: 'spelo-byok',
  MASTER_KEY_ARN: 'arn:aws:kms:eu-central-1:111122223333:key/master',
  DERIVATION_KEY_ARN: 'arn:aws:kms:eu-central-1:111122223333:key/derivation',
  FINGERPRINT_KEY_ARN: 'arn:aws:kms:eu-central-1:111122223333:key/fingerprint',
  AUDIT_KEY_ARN: 'arn:aws:kms:eu-central-1:111122223333:key/audit',
};

test('each bundle starts on its own, away from node_modules, and exports one handler', () => {
  // The assembly is written to the folder for temporary files: an import that was left out of a bundle fails there.
  const { directory } = exampleApp({ bundled: true }).app.synth();
  const bundles = readdirSync(directory).filter((name) => name.startsWith('asset.'));
  expect(bundles).toHaveLength(Object.keys(DEPLOYED_FUNCTIONS).length);
  for (const bundle of bundles) {
    const script = `
      const module = await import(${JSON.stringify(join(directory, bundle, 'index.mjs'))});
      process.stdout.write(Object.entries(module).map(([name, value]) => name + ' ' + typeof value).join());
      process.exit();
    `;
    const started = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
      env: environment,
    });
    expect(started).toBe('handler function');
  }
});
