import { readFileSync } from 'node:fs';

/**
 * What a program can ask of DynamoDB and KMS, read from its source: the files that its entry imports, and in the AWS
 * adapters only the functions that something reached mentions by name. Over-careful rather than forgetful: a name that
 * is mentioned counts as called. It knows the few ways in which the adapters write their calls and throws on a table or
 * key that it cannot name, so that a new way is noticed.
 */

const ROOT = new URL('../../', import.meta.url);
const ADAPTERS = /\/lambdas\/adapters\/aws\//;
/** Names of routes are no calls. */
const CONTRACT = /\/lambdas\/contract\//;

/** Where a variable in an adapter does not carry the table's name. */
const TABLE_OF_FILE: Readonly<Record<string, string>> = {
  'dynamodb-tenancy.ts': 'tenancy',
  'dynamodb-key-scan.ts': 'keys',
};

const ITEM_ACTIONS: Readonly<Record<string, string>> = {
  Get: 'GetItem',
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
  Query: 'Query',
  Scan: 'Scan',
};

/** Commands whose items are looked at one by one, and those of another service. */
const OTHER_COMMANDS =
  /^(TransactWrite|BatchGet|PutObject|PutEvents|SendMessage|ChangeMessageVisibility|Decrypt|GenerateDataKey|GenerateMac|ReEncrypt)$/;

interface Unit {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  /** A method is called on something, `.readKey(`; any other function is called, or handed over, by its bare name. */
  readonly isMethod: boolean;
}

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');

const sourceOf = (file: string): string => withoutComments(readFileSync(new URL(file), 'utf8'));

/** The file and everything that it imports at run time, however far away. */
const closureOf = (file: string, seen = new Map<string, string>()): ReadonlyMap<string, string> => {
  if (seen.has(file)) return seen;
  const text = sourceOf(file);
  seen.set(file, text);
  for (const [, path] of text.matchAll(/^(?:import|export) (?!type )[^;]*?from '(\.[^']+)';/gm))
    if (path !== undefined) closureOf(new URL(path, file).href, seen);
  return seen;
};

/** A function of an adapter starts at a line like `  readKey: async (`, at most four spaces in. */
const FUNCTION_START = /^ {0,4}(?:export )?(?:const )?(?<name>\w+)(?<separator>: | = )(?:async )?(?:<.*>)?\(/;

const unitsOf = (file: string, text: string): readonly Unit[] => {
  const units: { name: string; file: string; text: string; isMethod: boolean }[] = [];
  for (const line of text.split('\n')) {
    const { name, separator } = FUNCTION_START.exec(line)?.groups ?? {};
    if (name !== undefined) units.push({ name, file, text: '', isMethod: separator === ': ' });
    const current = units.at(-1);
    if (current !== undefined) current.text += `${line}\n`;
  }
  return units;
};

const mentions = (text: string, { name, isMethod }: Unit): boolean =>
  new RegExp(isMethod ? `\\.${name}\\b` : `(?<!\\.)\\b${name}\\(|\\(${name}\\)`).test(text);

const reachedUnits = (files: ReadonlyMap<string, string>): readonly Unit[] => {
  const waiting = new Set(
    [...files].filter(([file]) => ADAPTERS.test(file)).flatMap(([f, t]) => unitsOf(f, t)),
  );
  const reached: Unit[] = [];
  const texts = [...files]
    .filter(([file]) => !ADAPTERS.test(file) && !CONTRACT.test(file))
    .map(([, text]) => text);
  for (const text of texts) {
    for (const unit of waiting) {
      if (!mentions(text, unit)) continue;
      waiting.delete(unit);
      reached.push(unit);
      // The loop goes on to it: what it mentions is reached too.
      texts.push(unit.text);
    }
  }
  return reached;
};

const fileName = (file: string): string => file.slice(file.lastIndexOf('/') + 1);

const tableOf = (expression: string | undefined, file: string): string => {
  const named = /(?:^|\.)(tenancy|keys|sessions|limits|usage|audit)(?:Table)?$/.exec(expression ?? '')?.[1];
  const table = named ?? TABLE_OF_FILE[fileName(file)];
  if (table === undefined) throw new Error(`Which table is ${expression} in ${fileName(file)}?`);
  return table;
};

const CALL_PARTS =
  /new (?<command>\w+)Command\(|\b(?<item>Put|Update|Delete|ConditionCheck): \{|\b(?<helper>queryPage|queryAll|readTogether)\(|\bTableName(?:: (?<table>[\w.]+))?,|\[(?<batch>[\w.]+)\]: |\b(?<index>IndexName):/g;

const itemCallsOf = ({ text, file }: Unit): readonly string[] => {
  const calls: string[] = [];
  let action: string | undefined;
  let table = '';
  for (const { 0: part, groups = {} } of text.matchAll(CALL_PARTS)) {
    const { command, item, helper, batch, index } = groups;
    if (command !== undefined) {
      action = ITEM_ACTIONS[command];
      if (action === undefined && !OTHER_COMMANDS.test(command))
        throw new Error(`What does ${command} in ${fileName(file)} need?`);
    } else if (item !== undefined) action = ITEM_ACTIONS[item];
    else if (helper !== undefined) action = helper === 'readTogether' ? 'BatchGetItem' : 'Query';
    else if (batch !== undefined && action === 'BatchGetItem')
      calls.push(`${tableOf(batch, file)} ${action}`);
    else if (index !== undefined) calls.push(`${table}/index ${action}`);
    else if (part.startsWith('TableName') && action !== undefined) {
      table = tableOf(groups['table'], file);
      calls.push(`${table} ${action}`);
    }
  }
  return calls;
};

const KMS_CALL = /new (Decrypt|GenerateDataKey|GenerateMac|Encrypt|ReEncrypt|Verify\w*)Command\(\{?([^;]*)/g;

const kmsCallsOf = ({ text, file }: Unit, roots: readonly string[]): readonly string[] =>
  [...text.matchAll(KMS_CALL)].flatMap(([, command, rest = '']) => {
    if (command === 'ReEncrypt') return ['master ReEncryptFrom', 'master ReEncryptTo'];
    const key = /\bKeyId: (?:\w+\.)?(\w+)KeyArn\b/.exec(rest)?.[1];
    if (key === 'hmac' && roots.length > 0) return roots.map((root) => `${root} ${command}`);
    if (key === 'kms') return [`master ${command}`];
    if (key === undefined || key === 'hmac')
      throw new Error(`Which key does ${command} use in ${fileName(file)}?`);
    return [`${key} ${command}`];
  });

/** `keys PutItem`, `master Decrypt`: every call that the program of this entry can make. */
export const reachableCalls = (entry: string): ReadonlySet<string> => {
  const files = closureOf(new URL(entry, ROOT).href);
  // Which HMAC key a set of derived secrets hangs on is for the wiring to say.
  const roots = [...files.values()].flatMap((text) =>
    [...text.matchAll(/\bkmsDerivationKeys\((?:[^()]|\([^()]*\))*?\benvironment\.(\w+)_KEY_ARN/g)].map(
      ([, root = '']) => root.toLowerCase(),
    ),
  );
  const units = reachedUnits(files);
  return new Set(units.flatMap((unit) => [...itemCallsOf(unit), ...kmsCallsOf(unit, roots)]));
};
