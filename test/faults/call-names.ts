import type { AwsCall } from '../support/aws-proxy.ts';

/**
 * The name of a call to AWS, without an id in it: `UpdateItem session`, `GenerateMac ip-hash`. Calls run in parallel,
 * so a call is identified by its name and by how often that name occurred before, never by its position among all
 * calls.
 */
export const nameOfCall = ({ operation, body }: Pick<AwsCall, 'operation' | 'body'>): string => {
  if (operation === 'GenerateMac') return `${operation} ${labelOf(String(body['Message']))}`;
  const things = [...new Set(placesIn(operation, body).map(thingAt))].sort();
  return [operation, things.join(', ')].filter((part) => part !== '').join(' ');
};

/** Roots are derived from a label; what else gets a MAC is the digest of a key. */
const labelOf = (message: string): string =>
  /^spelo-byok\/([a-z-]+)\//.exec(Buffer.from(message, 'base64').toString('latin1'))?.[1] ?? 'fingerprint';

interface Place {
  readonly pk: string;
  readonly sk: string;
}

type Values = Readonly<Record<string, { readonly S?: string }>>;

const placeIn = (item: unknown): Place => {
  const values = item as Values | undefined;
  return { pk: values?.['pk']?.S ?? '', sk: values?.['sk']?.S ?? '' };
};

const placesIn = (operation: string, body: AwsCall['body']): readonly Place[] => {
  switch (operation) {
    case 'BatchGetItem':
      return Object.values(body['RequestItems'] as Readonly<Record<string, { Keys: readonly unknown[] }>>)
        .flatMap(({ Keys }) => Keys)
        .map(placeIn);
    case 'TransactWriteItems':
      return (body['TransactItems'] as readonly Readonly<Record<string, Readonly<Record<string, unknown>>>>[])
        .flatMap((write) => Object.values(write))
        .map((write) => placeIn(write['Item'] ?? write['Key']));
    case 'Query':
      return [{ pk: (body['ExpressionAttributeValues'] as Values)[':pk']?.S ?? '', sk: '' }];
    default: {
      const at = body['Item'] ?? body['Key'];
      return at === undefined ? [] : [placeIn(at)];
    }
  }
};

/** The first that fits names the item; pk and sk as docs/data-model.md has them. */
const THINGS: readonly (readonly [RegExp, string])[] = [
  [/^RATE#ip#/, 'budget of the address'],
  [/^RATE#site#/, 'budget of the site'],
  [/^RATE#probe#/, 'budget of probes'],
  [/^RATE#foreign-origin#/, 'budget of foreign origins'],
  [/^RATE#/, 'budget'],
  [/^HEALTH#|\n~/, 'health of the key'],
  [/^@/, 'slot'],
  [/^ERRORS#/, 'list of errors'],
  [/^EVENTS#/, 'audit event'],
  [/^MARK#/, 'mark of the key'],
  [/^METERS#/, 'meter'],
  [/^USAGE#.*\nDAY#/, 'total of the day'],
  [/^USAGE#.*\nPERIOD#/, 'total of the period'],
  [/\nSESSION#/, 'session'],
  [/\nACTIVITY$/, 'last use of the key'],
  [/\nKEY$/, 'key'],
  [/\nVERSION#/, 'version of the key'],
  [/\nRETAINED#/, 'retained key'],
  [/\nMEMBER#/, 'member'],
  [/\nSITE#/, 'site'],
  [/\nWORKSPACE$/, 'workspace'],
  [/^(?:SITE|WORKSPACE)#.*\n$/, 'versions of the key'],
];

const thingAt = ({ pk, sk }: Place): string => {
  const place = `${pk}\n${sk}`;
  const named = THINGS.find(([pattern]) => pattern.test(place));
  // A new kind of item comes into the matrix under the first word of its key.
  return named?.[1] ?? pk.split('#')[0] ?? '';
};
