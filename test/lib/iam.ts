import { z } from 'zod';
import { ENCRYPTION_CONTEXT_KEYS } from '../../lambdas/contract/kms-keys.ts';
import { roleNameOf, roles, templates, wordsOf } from './permissions.ts';
import { ofType, type Resource, statementsOfKey, statementsOfRole } from './synthesized.ts';

/**
 * Evaluates requests as IAM does within one account: an explicit deny wins, a KMS key needs the consent of its policy as well, and
 * what nothing allows is denied. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 * Throws on an operator that it does not know.
 */

type Context = Readonly<Record<string, string | readonly string[]>>;

interface Rule {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly condition: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

export interface Principal {
  readonly name: string;
  readonly arn: string;
  /** False for a principal of another account, which no policy of ours names. */
  readonly inAccount: boolean;
  readonly rules: readonly Rule[];
  /** Keys of the request that the principal brings with it. */
  readonly context: Context;
}

export interface Call {
  readonly action: string;
  readonly resource: string;
  readonly context?: Context;
}

const many = z.unknown().transform((value) => (Array.isArray(value) ? value : [value]));
const statement = z.object({
  Effect: z.enum(['Allow', 'Deny']),
  Action: many,
  Resource: many.optional(),
  Condition: z.record(z.string(), z.record(z.string(), many)).default({}),
});

const ruleOf = (
  raw: unknown,
  words: (value: unknown) => string,
  resolved = (text: string): string => text,
): Rule => {
  const { Effect, Action, Resource = ['*'], Condition } = statement.parse(raw);
  const spelled = (value: unknown): string =>
    resolved(typeof value === 'object' ? words(value) : String(value));
  return {
    effect: Effect,
    actions: Action.map(spelled),
    resources: Resource.map(spelled),
    condition: Object.fromEntries(
      Object.entries(Condition).map(([operator, keys]) => [
        operator,
        Object.fromEntries(Object.entries(keys).map(([key, values]) => [key, values.map(spelled)])),
      ]),
    ),
  };
};

const isLike = (pattern: string, text: string): boolean =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  ).test(text);

const valuesOf = (context: Context, key: string): readonly string[] | undefined => {
  const value = context[key];
  return typeof value === 'string' ? [value] : value;
};

const OPERATORS: Readonly<
  Record<string, (wanted: readonly string[], given: readonly string[] | undefined) => boolean>
> = {
  StringEquals: (wanted, given) => given?.some((value) => wanted.includes(value)) ?? false,
  StringLike: (wanted, given) => given?.some((value) => wanted.some((each) => isLike(each, value))) ?? false,
  StringEqualsIfExists: (wanted, given) => given?.some((value) => wanted.includes(value)) ?? true,
  'ForAllValues:StringEquals': (wanted, given = []) => given.every((value) => wanted.includes(value)),
  'ForAllValues:StringLike': (wanted, given = []) =>
    given.every((value) => wanted.some((each) => isLike(each, value))),
  ArnEquals: (wanted, given) => given?.some((value) => wanted.some((each) => isLike(each, value))) ?? false,
  // A negated operator holds for a key that the request does not have.
  ArnNotEquals: (wanted, given) =>
    !(given?.some((value) => wanted.some((each) => isLike(each, value))) ?? false),
  Bool: (wanted, given) => given?.some((value) => wanted.includes(value)) ?? false,
  Null: ([wanted], given) => (given === undefined) === (wanted === 'true'),
  NumericLessThan: ([wanted], given) => given?.some((value) => Number(value) < Number(wanted)) ?? false,
};

const holds = ({ condition }: Rule, context: Context): boolean =>
  Object.entries(condition).every(([operator, keys]) => {
    const compare = OPERATORS[operator];
    if (compare === undefined) throw new Error(`What does the operator ${operator} mean?`);
    return Object.entries(keys).every(([key, wanted]) => compare(wanted, valuesOf(context, key)));
  });

const applies = (rule: Rule, { action, resource }: Call, context: Context): boolean =>
  rule.actions.some((each) => isLike(each, action)) &&
  rule.resources.some((each) => each === '*' || isLike(each, resource)) &&
  holds(rule, context);

/** Whether a statement of a resource's policy names everybody, or anybody of another account. */
const namesOthers = (raw: unknown, words: (value: unknown) => string): boolean => {
  const { AWS } = Object(Object(raw).Principal);
  const named = Object(raw).Principal === '*' ? '*' : AWS === undefined ? '' : words(AWS);
  return named !== '' && named.split(' or ').some((each) => !each.includes('{AWS::AccountId}'));
};

/** A Lambda permission as the statement that it adds to the policy of its function. */
const statementOfPermit = ({ Properties: { Action, Principal } }: Resource): unknown => ({
  Effect: 'Allow',
  Action,
  // A service calls for our own rules and routes alone: test/lib/audit-stack.test.ts and api-stack.test.ts.
  Principal: String(Principal).endsWith('.amazonaws.com')
    ? { Service: Principal }
    : Principal === '*'
      ? '*'
      : { AWS: Principal },
});

const LAMBDA = 'arn:{AWS::Partition}:lambda:{AWS::Region}:{AWS::AccountId}:function:';
const ROLE = 'arn:{AWS::Partition}:iam::{AWS::AccountId}:role/';

/** Policies of keys, tables and buckets, by the name of the resource. */
const resourceRules = new Map<string, readonly Rule[]>();
/** Those of their rules that allow something to another account. */
const openRules = new Map<string, readonly Rule[]>();
for (const template of Object.values(templates)) {
  const words = wordsOf(template);
  const note = (name: string, statements: readonly unknown[]): void => {
    openRules.set(
      name,
      // The resource of such a policy is the one that carries it.
      statements
        .filter((each) => namesOthers(each, words))
        .map((each) => ({ ...ruleOf(each, words), resources: ['*'] })),
    );
  };
  for (const key of ofType(template, 'AWS::KMS::Key')) note(key.name, statementsOfKey(key));
  for (const { name, Properties } of ofType(template, 'AWS::DynamoDB::Table'))
    note(name, Object(Object(Properties['ResourcePolicy']).PolicyDocument).Statement ?? []);
  const functions = new Set(ofType(template, 'AWS::Lambda::Function').map(({ name }) => name));
  for (const { Properties } of ofType(template, 'AWS::Lambda::Permission'))
    if (!functions.has(words(Properties['FunctionName'])))
      throw new Error(`Of which function is the permission ${words(Properties['FunctionName'])}?`);
  for (const { name, Properties } of ofType(template, 'AWS::Lambda::Function')) {
    const permits = ofType(template, 'AWS::Lambda::Permission').filter(
      (permit) => words(permit.Properties['FunctionName']) === name,
    );
    note(`${LAMBDA}${words(Properties['FunctionName'])}`, permits.map(statementOfPermit));
  }
  for (const { Properties } of ofType(template, 'AWS::S3::BucketPolicy'))
    note(words(Properties['Bucket']), Object(Properties['PolicyDocument']).Statement);
  for (const key of ofType(template, 'AWS::KMS::Key'))
    resourceRules.set(
      key.name,
      // Of the statements for the account; those for services let no role pass.
      statementsOfKey(key)
        .filter(({ Principal: principal }) => 'AWS' in Object(principal))
        .map((each) => ruleOf(each, words)),
    );
  for (const { name, Properties } of ofType(template, 'AWS::DynamoDB::Table')) {
    const { Statement = [] } = Object(Object(Properties['ResourcePolicy']).PolicyDocument);
    resourceRules.set(
      name,
      Statement.map((each: unknown) => ruleOf(each, words)),
    );
  }
  for (const { Properties } of ofType(template, 'AWS::S3::BucketPolicy'))
    resourceRules.set(
      words(Properties['Bucket']),
      Object(Properties['PolicyDocument'])
        .Statement.filter(({ Effect }: { Effect: string }) => Effect === 'Deny')
        .map((each: unknown) => ({ ...ruleOf(each, words), resources: ['*'] })),
    );
}

export const functionArn = (name: string): string => `${LAMBDA}spelo-byok-dev-${name}`;

/** Each role of the templates. A function's requests come from its execution environment. */
export const rolePrincipals: readonly Principal[] = roles.map((role) => {
  const words = wordsOf(role.template);
  const name = roleNameOf(role);
  return {
    name,
    arn: `${ROLE}${words(role.Properties['RoleName'])}`,
    inAccount: true,
    rules: statementsOfRole(role).map((each) => ruleOf(each, words)),
    context: role.name.endsWith('/Role') ? { 'lambda:SourceFunctionArn': functionArn(name) } : {},
  };
});

/** A person with AWS's own policy AdministratorAccess. */
export const administrator: Principal = {
  name: 'administrator',
  arn: `${ROLE}Administrator`,
  inAccount: true,
  rules: [{ effect: 'Allow', actions: ['*'], resources: ['*'], condition: {} }],
  context: {},
};

/** A principal of another account, with every right there. */
export const stranger: Principal = {
  ...administrator,
  name: 'stranger',
  arn: 'arn:{AWS::Partition}:iam::999999999999:role/Administrator',
  inAccount: false,
};

export const isAllowed = (principal: Principal, call: Call): boolean => {
  const context: Context = {
    'aws:PrincipalArn': principal.arn,
    'aws:SecureTransport': 'true',
    's3:TlsVersion': '1.3',
    ...principal.context,
    ...call.context,
  };
  const [owner = ''] = call.resource.split('/');
  // Another account needs the consent of the resource's policy, whatever its own says.
  if (!principal.inAccount)
    return (openRules.get(owner) ?? []).some(
      (rule) => rule.effect === 'Allow' && applies(rule, call, context),
    );
  const own = resourceRules.get(owner) ?? [];
  const applying = [...principal.rules, ...own].filter((rule) => applies(rule, call, context));
  if (applying.some(({ effect }) => effect === 'Deny')) return false;
  const consents = !call.action.startsWith('kms:') || own.some((rule) => applies(rule, call, context));
  return consents && principal.rules.some((rule) => rule.effect === 'Allow' && applies(rule, call, context));
};

/** Whether the trust policy of a role allows the action to a principal of its account whose request has these keys. */
export const trusts = (roleName: string, action: string, context: Context): boolean => {
  const role = roles.find((each) => roleNameOf(each) === roleName);
  if (role === undefined) throw new Error(`There is no role ${roleName}.`);
  const words = wordsOf(role.template);
  /** With variables of IAM replaced: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html */
  const resolved = (text: string): string =>
    text.replace(/\$\{([\w:]+)\}/g, (_, key: string) => valuesOf(context, key)?.[0] ?? '\0');
  const { Statement } = Object(role.Properties['AssumeRolePolicyDocument']);
  return Statement.map((each: unknown) => ruleOf(each, words, resolved)).some((rule: Rule) =>
    applies(rule, { action, resource: '*' }, context),
  );
};

export const sealedKeyContext = (scope: 'site' | 'platform'): Context =>
  Object.fromEntries(
    ENCRYPTION_CONTEXT_KEYS.map((name) => [
      `kms:EncryptionContext:${name}`,
      name === 'spelo:scope' ? scope : 'value',
    ]),
  );
