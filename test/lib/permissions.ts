import { ENCRYPTION_CONTEXT_KEYS } from '../../lambdas/contract/kms-keys.ts';
import {
  conditionInWords,
  exampleApp,
  inWords,
  ofType,
  type Resource,
  type StackTemplate,
  statementsOfRole,
  templateOf,
} from './synthesized.ts';

const { data, api, audit, observability } = exampleApp();

export const templates = {
  data: templateOf(data),
  api: templateOf(api),
  audit: templateOf(audit),
  observability: templateOf(observability),
};

/** One action on one resource that one role may do. */
export interface Permission {
  readonly role: string;
  readonly action: string;
  readonly resource: string;
  readonly condition: string;
}

/** `rotate-on-request` for `RotateOnRequest`. */
export const functionNameOf = (construct: string): string =>
  construct.replace(/(?<!^)[A-Z]/g, '-$&').toLowerCase();

/** `token` for `Token/Role` and `Projector/Broker/Role`; an operator's role is its own construct. */
export const roleNameOf = ({ name }: Resource): string => {
  const [construct = ''] = name.split('/');
  return name.endsWith('/Role') ? functionNameOf(construct) : construct;
};

const others = (own: StackTemplate): readonly StackTemplate[] =>
  Object.values(templates).filter((template) => template !== own);

export const wordsOf =
  (own: StackTemplate) =>
  (value: unknown): string =>
    inWords(value, own, ...others(own));

/** Functions behind the API, then those behind streams and events, then the operators' commands. */
const IN_ORDER = [templates.api, templates.audit, templates.data];

export const roles: readonly (Resource & { readonly template: StackTemplate })[] = IN_ORDER.flatMap(
  (template) => ofType(template, 'AWS::IAM::Role').map((role) => ({ ...role, template })),
);

export const permissions: readonly Permission[] = roles.flatMap((role) => {
  const words = wordsOf(role.template);
  return statementsOfRole(role).flatMap(({ Action, Resource, Condition }) =>
    Action.flatMap((action) =>
      Resource.map((resource) => ({
        role: roleNameOf(role),
        action,
        resource: words(resource),
        condition: conditionInWords(Condition, words),
      })),
    ),
  );
});

const contextPresent = ENCRYPTION_CONTEXT_KEYS.map((name) => `kms:EncryptionContext:${name} present`)
  .sort()
  .join(', ');

const scoped = (scopes: string): string =>
  [`StringEquals kms:EncryptionContext:spelo:scope = ${scopes}`, contextPresent].sort().join(', ');

/** The conditions that there are, by what they say; docs/permissions.md says it so. */
export const CONDITIONS = {
  wholeContext: contextPresent,
  tenantContext: scoped('site or workspace'),
  platformContext: scoped('platform'),
  hmac: 'StringEquals kms:MacAlgorithm = HMAC_SHA_256',
  throughDynamoDb: 'StringEquals kms:ViaService = dynamodb.{AWS::Region}.amazonaws.com',
  throughS3: 'StringEquals kms:ViaService = s3.{AWS::Region}.amazonaws.com',
  throughSqs: 'StringEquals kms:ViaService = sqs.{AWS::Region}.amazonaws.com',
} as const;

/** The condition on partition keys. */
export const inPartitions = (patterns: string): string =>
  `ForAllValues:StringLike dynamodb:LeadingKeys = ${patterns}, dynamodb:LeadingKeys present`;

/** Both conditions: these attributes alone, of items in these partitions. */
export const readingOnly = (attributes: string, partitions: string): string =>
  [
    `ForAllValues:StringEquals dynamodb:Attributes = ${attributes}`,
    `ForAllValues:StringLike dynamodb:LeadingKeys = ${partitions}`,
    'StringEqualsIfExists dynamodb:Select = SPECIFIC_ATTRIBUTES',
    'dynamodb:LeadingKeys present',
  ].join(', ');
