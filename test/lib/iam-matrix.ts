import {
  administrator,
  type Call,
  functionArn,
  isAllowed,
  type Principal,
  rolePrincipals,
  sealedKeyContext,
  stranger,
} from './iam.ts';

const item = (action: string, table: string, partition: string): Call => ({
  action: `dynamodb:${action}`,
  resource: `${table}Table`,
  context: { 'dynamodb:LeadingKeys': [partition] },
});

const mac = (key: string): Call => ({
  action: 'kms:GenerateMac',
  resource: `${key}Key`,
  context: { 'kms:MacAlgorithm': 'HMAC_SHA_256' },
});

/** A put that fails if the object exists. */
const creating = { 's3:if-none-match': ['*'] };

const WRITES = ['PutItem', 'UpdateItem', 'DeleteItem'];
const writes = (table: string, partition: string): readonly Call[] =>
  WRITES.map((action) => item(action, table, partition));

/** A sensitive action in words, and the calls of which each one does it. */
export const SENSITIVE: Readonly<Record<string, readonly Call[]>> = {
  'opens a key of a site': [
    { action: 'kms:Decrypt', resource: 'MasterKey', context: sealedKeyContext('site') },
  ],
  'opens the key of the platform': [
    { action: 'kms:Decrypt', resource: 'MasterKey', context: sealedKeyContext('platform') },
  ],
  'seals a key of a site': [
    { action: 'kms:GenerateDataKey', resource: 'MasterKey', context: sealedKeyContext('site') },
  ],
  're-wraps a key': [
    { action: 'kms:ReEncryptFrom', resource: 'MasterKey', context: sealedKeyContext('site') },
  ],
  'MAC of fingerprints': [mac('Fingerprint')],
  'MAC of visitors and sessions': [mac('Derivation')],
  'MAC of marks': [mac('Marks')],
  'MAC of audit chains': [mac('Audit')],
  'signs a checkpoint': [mac('Checkpoints')],
  'reads whole keys': [
    item('GetItem', 'Keys', 'SITE#s'),
    item('BatchGetItem', 'Keys', 'SITE#s'),
    item('Query', 'Keys', 'SITE#s'),
    item('Scan', 'Keys', 'SITE#s'),
  ].map((call) => ({ ...call, context: { ...call.context, 'dynamodb:Select': 'ALL_ATTRIBUTES' } })),
  'writes keys': writes('Keys', 'SITE#s'),
  'writes marks': writes('Tenancy', 'MARK#SITE#s'),
  'writes workspaces and sites': writes('Tenancy', 'WORKSPACE#w'),
  'stops voice': [item('PutItem', 'Tenancy', 'STOP#stage')],
  'writes sessions': writes('Sessions', 'SITE#s'),
  'writes limits': writes('Limits', '@w'),
  'writes usage': writes('Usage', 'METERS#s'),
  'puts or overwrites audit rows': [item('PutItem', 'Audit', 'AUDIT#w')],
  'updates or deletes audit rows': ['UpdateItem', 'DeleteItem'].map((action) =>
    item(action, 'Audit', 'AUDIT#w'),
  ),
  'puts a new object into the archive': [
    { action: 's3:PutObject', resource: 'ArchiveBucket/audit/w/1.ndjson', context: creating },
  ],
  'puts a new checkpoint': [
    { action: 's3:PutObject', resource: 'ArchiveBucket/reconciliations/1.ndjson', context: creating },
  ],
  'overwrites an object of the archive or a checkpoint': [
    { action: 's3:PutObject', resource: 'ArchiveBucket/audit/w/1.ndjson' },
    { action: 's3:PutObject', resource: 'ArchiveBucket/reconciliations/1.ndjson' },
  ],
  'removes evidence': ['ArchiveBucket/audit/w/1.ndjson', 'TrailBucket/AWSLogs/1'].flatMap((resource) =>
    ['s3:DeleteObject', 's3:DeleteObjectVersion'].map((action) => ({ action, resource })),
  ),
  'puts into the trail': [
    {
      action: 's3:PutObject',
      resource: 'TrailBucket/AWSLogs/1',
      // Every request has it: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
      context: { 'aws:PrincipalIsAWSService': ['false'] },
    },
  ],
  'changes a key policy': [{ action: 'kms:PutKeyPolicy', resource: 'MasterKey' }],
  'grants a use of a key': [{ action: 'kms:CreateGrant', resource: 'MasterKey' }],
  'invokes token': [{ action: 'lambda:InvokeFunction', resource: functionArn('token') }],
  'invokes watch': [{ action: 'lambda:InvokeFunction', resource: functionArn('watch') }],
};

export const principals: readonly Principal[] = [...rolePrincipals, administrator, stranger];

/** For each action, who may do it. */
export const matrix: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(SENSITIVE).map(([what, calls]) => [
    what,
    principals
      .filter((principal) => calls.some((call) => isAllowed(principal, call)))
      .map(({ name }) => name),
  ]),
);

export const renderedMatrix = `## Sensitive actions

Who may do it, evaluated from the policies of roles, keys, tables and buckets together. "administrator" has every right that IAM can
give in the account, "stranger" is another account. An administrator can change the policies first; that is a notice.

| Action | Allowed to |
|---|---|
${Object.entries(matrix)
  .map(([what, who]) => `| ${what} | ${who.length === 0 ? 'nobody' : who.join(', ')} |`)
  .join('\n')}
`;
