import { constraint, type Rule } from '../rule.ts';

/** One request to KMS, before anything of it is read by the engine. */
export interface KmsRequest {
  /** `Decrypt`, `GenerateMac` */
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly region: string;
}

const API = 'https://docs.aws.amazon.com/kms/latest/APIReference';
const api = (operation: string): string => `${API}/API_${operation}.html`;
const KEY_IDS = 'https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id';
const CONTEXT = 'https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html';

const MAX_CONTEXT_CHARACTERS = 8_192;
const MAX_GRANT_TOKENS = 10;
const MAX_GRANT_TOKEN_CHARACTERS = 8_192;
const MAX_KEY_ID_CHARACTERS = 2_048;
const MAX_DATA_KEY_BYTES = 1_024;

const KEY_MEMBERS = ['KeyId', 'SourceKeyId', 'DestinationKeyId'] as const;
const CONTEXT_MEMBERS = [
  'EncryptionContext',
  'SourceEncryptionContext',
  'DestinationEncryptionContext',
] as const;
const MAC_ALGORITHMS = ['HMAC_SHA_224', 'HMAC_SHA_256', 'HMAC_SHA_384', 'HMAC_SHA_512'];
const DATA_KEY_SPECS = ['AES_256', 'AES_128'];
const ENCRYPTION_ALGORITHMS = ['SYMMETRIC_DEFAULT', 'RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'SM2PKE'];
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const MULTI_REGION = /^mrk-[0-9a-f]{32}$/;
const ALIAS = /^alias\/[a-zA-Z0-9/_-]+$/;
const ARN = /^arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:(key|alias)\/(.+)$/;

const camel = (member: string): string => member.charAt(0).toLowerCase() + member.slice(1);

/** A blob is never quoted: it may be a secret. */
const blobLength =
  (member: string, max: number) =>
  ({ input }: KmsRequest): string | undefined => {
    const blob = input[member];
    if (typeof blob !== 'string') return undefined;
    const bytes = Buffer.byteLength(blob, 'base64');
    if (bytes >= 1 && bytes <= max) return undefined;
    const demand = bytes < 1 ? 'greater than or equal to 1' : `less than or equal to ${max}`;
    return `1 validation error detected: Value at '${camel(member)}' failed to satisfy constraint: Member must have length ${demand}`;
  };

const oneOf =
  (member: string, values: readonly string[]) =>
  ({ input }: KmsRequest): string | undefined =>
    input[member] === undefined || values.includes(String(input[member]))
      ? undefined
      : constraint(camel(member), input[member], `satisfy enum value set: [${values.join(', ')}]`);

const contextsOf = ({ input }: KmsRequest): readonly unknown[] =>
  CONTEXT_MEMBERS.map((member) => input[member]).filter(
    (context) => context !== undefined && context !== null,
  );

const jsonType = (value: unknown): string => {
  if (value === null) return 'NULL';
  if (Array.isArray(value)) return 'START_ARRAY';
  if (typeof value === 'object') return 'START_OBJECT';
  return typeof value === 'boolean' ? String(value).toUpperCase() : `${typeof value}_VALUE`.toUpperCase();
};

const keyFault = (name: string, region: string): string | undefined => {
  if (UUID.test(name) || MULTI_REGION.test(name)) return undefined;
  if (name.startsWith('alias/')) return ALIAS.test(name) ? undefined : `Invalid alias ${name}`;
  if (!name.startsWith('arn:')) return `Invalid keyId ${name}`;
  const [, arnRegion, kind, resource = ''] = ARN.exec(name) ?? [];
  if (arnRegion === undefined) return `Invalid arn ${name}`;
  if (arnRegion !== region) return `Invalid arn ${arnRegion}`;
  return kind === 'alias' || UUID.test(resource) || MULTI_REGION.test(resource)
    ? undefined
    : `Invalid keyId ${resource}`;
};

const firstKey = (
  { input, region }: KmsRequest,
  fault: (name: string, member: string, region: string) => string | undefined,
) => {
  for (const member of KEY_MEMBERS) {
    const name = input[member];
    const message = typeof name === 'string' ? fault(name, member, region) : undefined;
    if (message !== undefined) return message;
  }
  return undefined;
};

/** Requests that KMS refuses before it looks up the key. The engine checks states and uses of keys. */
export const kmsRules: readonly Rule<KmsRequest>[] = [
  {
    name: 'A plaintext has 1 to 4,096 bytes',
    source: api('Encrypt'),
    refuses: blobLength('Plaintext', 4_096),
  },
  {
    name: 'A ciphertext has 1 to 6,144 bytes',
    source: api('Decrypt'),
    refuses: blobLength('CiphertextBlob', 6_144),
  },
  {
    name: 'A message has 1 to 4,096 bytes',
    source: api('GenerateMac'),
    refuses: blobLength('Message', 4_096),
  },
  {
    name: 'A MAC has 1 to 6,144 bytes',
    source: api('VerifyMac'),
    refuses: blobLength('Mac', 6_144),
  },
  {
    name: 'A MAC algorithm is one of four',
    source: api('GenerateMac'),
    refuses: oneOf('MacAlgorithm', MAC_ALGORITHMS),
  },
  {
    name: 'A data key is AES_128 or AES_256',
    source: api('GenerateDataKey'),
    refuses: (request) =>
      request.operation.startsWith('GenerateDataKey') ? oneOf('KeySpec', DATA_KEY_SPECS)(request) : undefined,
  },
  {
    name: 'An encryption algorithm is one that KMS has',
    source: api('Encrypt'),
    refuses: oneOf('EncryptionAlgorithm', ENCRYPTION_ALGORITHMS),
  },
  {
    name: 'A data key has 1 to 1,024 bytes',
    source: api('GenerateDataKey'),
    refuses: ({ input: { NumberOfBytes: bytes } }) => {
      if (typeof bytes !== 'number' || (bytes >= 1 && bytes <= MAX_DATA_KEY_BYTES)) return undefined;
      const demand = bytes < 1 ? 'greater than or equal to 1' : `less than or equal to ${MAX_DATA_KEY_BYTES}`;
      return constraint('numberOfBytes', bytes, `have value ${demand}`);
    },
  },
  {
    name: 'The length of a data key is given once',
    source: api('GenerateDataKey'),
    refuses: ({ operation, input: { KeySpec, NumberOfBytes } }) =>
      operation.startsWith('GenerateDataKey') && (KeySpec === undefined) === (NumberOfBytes === undefined)
        ? 'Please specify either number of bytes or key spec.'
        : undefined,
  },
  {
    name: 'An encryption context maps strings to strings',
    source: CONTEXT,
    error: 'SerializationException',
    refuses: (request) => {
      for (const context of contextsOf(request)) {
        if (typeof context !== 'object' || Array.isArray(context))
          return `${jsonType(context)} can not be converted to a Map`;
        const other = Object.values(context ?? {}).find((value) => typeof value !== 'string');
        if (other !== undefined) return `${jsonType(other)} can not be converted to a String`;
      }
      return undefined;
    },
  },
  {
    name: 'An encryption context has at most 8,192 characters',
    source: CONTEXT,
    refuses: (request) => {
      const tooLong = contextsOf(request).some(
        (context) =>
          Object.entries(context as Record<string, string>).reduce(
            (sum, [key, value]) => sum + key.length + value.length,
            0,
          ) > MAX_CONTEXT_CHARACTERS,
      );
      return tooLong
        ? `The encryption context is larger than ${MAX_CONTEXT_CHARACTERS} characters`
        : undefined;
    },
  },
  {
    name: 'A call has at most 10 grant tokens of 1 to 8,192 characters',
    source: api('Decrypt'),
    refuses: ({ input: { GrantTokens: tokens } }) => {
      if (!Array.isArray(tokens)) return undefined;
      if (tokens.length > MAX_GRANT_TOKENS)
        return `1 validation error detected: Value at 'grantTokens' failed to satisfy constraint: Member must have length less than or equal to ${MAX_GRANT_TOKENS}`;
      const bad = tokens.some((token) => token === '' || String(token).length > MAX_GRANT_TOKEN_CHARACTERS);
      return bad
        ? `1 validation error detected: Value at 'grantTokens' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to ${MAX_GRANT_TOKEN_CHARACTERS}, Member must have length greater than or equal to 1]`
        : undefined;
    },
  },
  {
    name: 'The name of a key has 1 to 2,048 characters',
    source: api('DescribeKey'),
    refuses: (request) =>
      firstKey(request, (name, member) => {
        if (name.length >= 1 && name.length <= MAX_KEY_ID_CHARACTERS) return undefined;
        const demand =
          name === '' ? 'greater than or equal to 1' : `less than or equal to ${MAX_KEY_ID_CHARACTERS}`;
        return constraint(camel(member), name, `have length ${demand}`);
      }),
  },
  {
    name: 'A key is named by its id, its ARN, an alias or an ARN of an alias, in the region of the call',
    source: KEY_IDS,
    error: 'NotFoundException',
    refuses: (request) => firstKey(request, (name, _, region) => keyFault(name, region)),
  },
  {
    name: 'A key is deleted after 7 to 30 days',
    source: api('ScheduleKeyDeletion'),
    refuses: ({ operation, input: { PendingWindowInDays: days } }) => {
      if (operation !== 'ScheduleKeyDeletion' || typeof days !== 'number' || (days >= 7 && days <= 30))
        return undefined;
      return constraint(
        'pendingWindowInDays',
        days,
        `have value ${days < 7 ? 'greater than or equal to 7' : 'less than or equal to 30'}`,
      );
    },
  },
];
