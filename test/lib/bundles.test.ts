import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { ENVIRONMENTS } from '../../lambdas/contract/environment.ts';
import { readAssembly } from '../../local/bundled/assembly.ts';

/**
 * Where `cdk synth` has written the bundles of this state of the sources: SYNTHESIZED names the folder, as CI does after
 * `npm run synth`. Without it the test bundles by itself.
 */
let synthesized = process.env['SYNTHESIZED'];
const assembly = async (): Promise<string> => {
  if (synthesized === undefined) {
    const { liveExampleApp } = await import('./example-app.ts');
    synthesized = liveExampleApp({ bundled: true }).app.synth().directory;
  }
  return synthesized;
};

/** Environment that the functions read at start. Nothing is called: the addresses lead nowhere. */
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
  TRAIL_BUCKET: 'trail',
  EVIDENCE_DAYS: '400',
  CHECKPOINTS_KEY_ARN: 'arn:aws:kms:eu-central-1:111122223333:key/checkpoints',
  WATCH_FUNCTION: 'watch',
  HANGUP_QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/111122223333/hang-ups',
  NOTICE_QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/111122223333/notices',
  OIDC_ISSUER: 'https://issuer.example.com/',
  OIDC_AUDIENCE: 'spelo-byok',
  MASTER_KEY_ARN: 'arn:aws:kms:eu-central-1:111122223333:key/master',
  DERIVATION_KEY_ARN: 'arn:aws:kms:eu-central-1:111122223333:key/derivation',
  MARKS_KEY_ARN: 'arn:aws:kms:eu-central-1:111122223333:key/marks',
  FINGERPRINT_KEY_ARN: 'arn:aws:kms:eu-central-1:111122223333:key/fingerprint',
  AUDIT_KEY_ARN: 'arn:aws:kms:eu-central-1:111122223333:key/audit',
};

/**
 * Packages that a bundle may hold, and how many KB of code, minified, its module may have. Lambda loads all of it at each
 * cold start. A bundle that grows past its bound has imported something that it did not before.
 */
const SDK = [
  '@aws-sdk',
  '@smithy',
  '@aws-crypto',
  '@aws',
  'tslib',
  'bowser',
  'fast-xml-parser',
  'strnum',
  'mnemonist',
  'obliterator',
];
const POWERTOOLS = ['@aws-lambda-powertools', '@aws', 'zod'];
const SUFFIXES = ['tldts', 'tldts-core'];
const HTTP = ['@middy', 'lossless-json', 'csv-stringify', 'negotiator', 'content-type'];
const BOUNDS: Readonly<Record<string, { readonly kilobytes: number; readonly clients: readonly string[] }>> =
  {
    token: { kilobytes: 735, clients: ['dynamodb', 'kms', 'lambda', 'sqs'] },
    events: { kilobytes: 565, clients: ['dynamodb', 'kms', 'sqs'] },
    keys: { kilobytes: 625, clients: ['dynamodb', 'kms', 'sqs'] },
    rotate: { kilobytes: 520, clients: ['dynamodb', 'kms'] },
    audit: { kilobytes: 500, clients: ['dynamodb', 'kms'] },
    manage: { kilobytes: 775, clients: ['dynamodb', 'kms', 'sqs'] },
    usage: { kilobytes: 535, clients: ['dynamodb'] },
    projector: { kilobytes: 420, clients: ['dynamodb', 'kms'] },
    archiver: { kilobytes: 470, clients: ['dynamodb', 's3'] },
    detector: { kilobytes: 520, clients: ['dynamodb', 'eventbridge', 'kms', 'sqs'] },
    'rotate-on-request': { kilobytes: 430, clients: ['dynamodb', 'kms'] },
    sweeper: { kilobytes: 530, clients: ['dynamodb', 'lambda', 'sqs'] },
    hangup: { kilobytes: 500, clients: ['dynamodb', 'kms', 'sqs'] },
    watch: { kilobytes: 650, clients: ['dynamodb', 'kms', 'lambda', 'sqs'] },
    notices: { kilobytes: 570, clients: ['dynamodb', 'kms', 'sesv2', 'sqs'] },
    'retire-models': { kilobytes: 390, clients: ['dynamodb'] },
    heartbeat: { kilobytes: 370, clients: ['dynamodb'] },
    reconcile: { kilobytes: 620, clients: ['dynamodb', 'eventbridge', 'kms', 's3'] },
  };

/** The packages whose files went into a module, as its source map names them. */
const packagesIn = (map: string): ReadonlySet<string> =>
  new Set(
    z
      .object({ sources: z.array(z.string()) })
      .parse(JSON.parse(map))
      .sources.flatMap((source) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1] ?? []),
  );

test('each bundle contains only its imports, within its limits of size, packages and clients', async () => {
  const { functions } = readAssembly(await assembly());
  expect([...functions.keys()].sort()).toEqual(Object.keys(BOUNDS).sort());
  const rows: string[] = [];
  for (const [name, { bundle }] of functions) {
    const { kilobytes, clients } = BOUNDS[name] ?? { kilobytes: 0, clients: [] };
    const size = Math.round(statSync(bundle).size / 1_024);
    const packages = packagesIn(readFileSync(`${bundle}.map`, 'utf8'));
    const sdkClients = [...packages].flatMap((found) => /^@aws-sdk\/client-(.*)$/.exec(found)?.[1] ?? []);
    rows.push(`${name.padEnd(18)} ${String(size).padStart(5)} KB of ${kilobytes}  ${sdkClients.join(', ')}`);
    expect({ name, within: size <= kilobytes }).toEqual({ name, within: true });
    expect({ name, sdkClients: sdkClients.filter((client) => !clients.includes(client)) }).toEqual({
      name,
      sdkClients: [],
    });
    // Lambda gives credentials in the environment: files, SSO and other hosts are no source of them.
    expect({ name, chain: packages.has('@aws-sdk/credential-provider-node') }).toEqual({
      name,
      chain: false,
    });
    // The Public Suffix List is as large as the function that registers origins can bear; no other has it.
    const suffixes = name === 'manage' ? SUFFIXES : [];
    // The client of sidebands.
    const sockets = name === 'watch' ? ['ws'] : [];
    const known = [...SDK, ...POWERTOOLS, ...HTTP, 'ipaddr.js', 'jose', ...suffixes, ...sockets];
    const strange = [...packages].filter((found) => !known.includes(found.split('/')[0] ?? ''));
    expect({ name, strange }).toEqual({ name, strange: [] });
  }
  process.stdout.write(`${rows.join('\n')}\n`);
});

test('each bundle starts without node_modules, and exports one handler', async () => {
  const { functions } = readAssembly(await assembly());
  expect([...functions.keys()].sort()).toEqual(Object.keys(ENVIRONMENTS).sort());
  for (const { bundle } of functions.values()) {
    // Copied to the folder for temporary files: an import that was left out of a bundle fails there.
    const directory = mkdtempSync(join(tmpdir(), 'bundle-'));
    copyFileSync(bundle, join(directory, 'index.mjs'));
    const script = `
      const module = await import(${JSON.stringify(join(directory, 'index.mjs'))});
      process.stdout.write(Object.entries(module).map(([name, value]) => name + ' ' + typeof value).join());
      process.exit();
    `;
    const started = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
      env: environment,
    });
    expect(started).toBe('handler function');
    rmSync(directory, { recursive: true });
  }
});
