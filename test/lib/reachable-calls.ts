import {
  argumentsOf,
  childOf,
  childrenOf,
  isFunction,
  lastNameOf,
  nameOf,
  parseFile,
  type Tree,
  walk,
  withoutParentheses,
} from './syntax-tree.ts';

/**
 * The calls to DynamoDB and KMS that a program can make, read from the syntax trees of the files that its entry
 * imports; of the AWS adapters only the functions that reached code mentions by name. Over-careful rather than
 * forgetful: a name that is mentioned counts as called. Throws on a table, key or command that it cannot name, so that
 * a new way of writing a call is noticed.
 */

const ROOT = new URL('../../', import.meta.url);
const ADAPTERS = /\/lambdas\/adapters\/aws\//;
/** Names of routes are no calls. */
const CONTRACT = /\/lambdas\/contract\//;

/** Where a variable in an adapter does not carry the table's name. */
const TABLE_OF_FILE: Readonly<Record<string, string>> = {
  'dynamodb-tenancy.ts': 'tenancy',
  'member-writes.ts': 'tenancy',
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
/** Actions inside of a transaction, named by the field that holds them. */
const TRANSACTION_FIELDS = ['Put', 'Update', 'Delete', 'ConditionCheck'];
/** Functions of the adapters that send a command themselves. */
const HELPERS: Readonly<Record<string, string>> = {
  queryPage: 'Query',
  queryAll: 'Query',
  readTogether: 'BatchGetItem',
};

/** Commands whose items are looked at one by one, and those of another service. */
const OTHER_COMMANDS =
  /^(Invoke|TransactWrite|BatchGet|PutObject|GetObject|ListObjectsV2|ListObjectVersions|PutEvents|SendMessage|SendEmail|ChangeMessageVisibility|Decrypt|GenerateDataKey|GenerateMac|ReEncrypt)$/;
const KMS_COMMANDS = /^(Decrypt|GenerateDataKey|GenerateMac|Encrypt|ReEncrypt|Verify\w*)$/;

/** A function of an adapter that has a name, without those inside of it that have names too. */
interface Unit {
  readonly name: string;
  readonly file: string;
  readonly tree: Tree;
  /** A method is called on something, `.readKey(`; any other function is called, or handed over, by its bare name. */
  readonly isMethod: boolean;
}

/** The file and everything that it imports at run time, however far away. */
const closureOf = (file: string, seen = new Map<string, Tree>()): ReadonlyMap<string, Tree> => {
  if (seen.has(file)) return seen;
  const module = parseFile(file);
  seen.set(file, module);
  for (const statement of childrenOf(module, 'body')) {
    const source = childOf(statement, 'source');
    const path = source === undefined ? undefined : nameOf(source);
    if (path?.startsWith('.') && statement['typeOnly'] !== true) closureOf(new URL(path, file).href, seen);
  }
  return seen;
};

/** The named functions in a node: those of declarations, and the members of objects. */
const functionsIn = (tree: Tree): readonly Omit<Unit, 'file'>[] => {
  if (tree.type === 'ExportDeclaration') return functionsIn(childOf(tree, 'declaration') ?? tree);
  if (tree.type === 'FunctionDeclaration')
    return [{ name: nameOf(childOf(tree, 'identifier')) ?? '', tree, isMethod: false }];
  if (tree.type === 'VariableDeclaration')
    return childrenOf(tree, 'declarations').flatMap((declarator) => {
      const value = withoutParentheses(childOf(declarator, 'init'));
      const name = nameOf(childOf(declarator, 'id'));
      if (value === undefined || name === undefined) return [];
      return isFunction(value) ? [{ name, tree: value, isMethod: false }] : functionsIn(value);
    });
  if (tree.type === 'ReturnStatement')
    return functionsIn(withoutParentheses(childOf(tree, 'argument')) ?? { type: 'none' });
  if (tree.type === 'ObjectExpression')
    return childrenOf(tree, 'properties').flatMap((property) => {
      const name = nameOf(childOf(property, 'key'));
      const value = property.type === 'MethodProperty' ? property : childOf(property, 'value');
      return name !== undefined && value !== undefined && isFunction(value)
        ? [{ name, tree: value, isMethod: true }]
        : [];
    });
  return [];
};

/** The named functions directly inside of a function: of its statements, or of the object that it returns. */
const functionsInside = (tree: Tree): readonly Omit<Unit, 'file'>[] => {
  const body = withoutParentheses(childOf(tree, 'body'));
  if (body === undefined) return [];
  const statements = childrenOf(body, 'stmts');
  return statements.length > 0 ? statements.flatMap(functionsIn) : functionsIn(body);
};

/** The functions of a module, and of each the functions inside: a factory `(client) => ({ readKey: … })` and `readKey`. */
const unitsOf = (file: string, module: Tree): readonly Unit[] =>
  childrenOf(module, 'body')
    .flatMap(functionsIn)
    .flatMap((outer) => [outer, ...functionsInside(outer.tree)])
    .map((unit) => ({ ...unit, file }));

/** Visits what belongs to this unit and to no other. */
const walkUnit = (tree: Tree, others: ReadonlySet<Tree>, visit: (tree: Tree) => void): void => {
  walk(tree, (found) => {
    if (found !== tree && others.has(found)) return false;
    visit(found);
    return undefined;
  });
};

interface Mentions {
  readonly file: string;
  /** `x.name` */
  readonly members: ReadonlySet<string>;
  /** `name(…)`, `f(name)` */
  readonly bare: ReadonlySet<string>;
}

const mentionsIn = (file: string, tree: Tree, others: ReadonlySet<Tree>): Mentions => {
  const members = new Set<string>();
  const bare = new Set<string>();
  walkUnit(tree, others, (found) => {
    if (found.type === 'MemberExpression') members.add(nameOf(childOf(found, 'property')) ?? '');
    if (found.type !== 'CallExpression') return;
    for (const called of [childOf(found, 'callee'), ...argumentsOf(found)]) bare.add(nameOf(called) ?? '');
  });
  return { file, members, bare };
};

const importedNames = (module: Tree): ReadonlySet<string> =>
  new Set(
    childrenOf(module, 'body')
      .filter(({ type }) => type === 'ImportDeclaration')
      .flatMap((declaration) => childrenOf(declaration, 'specifiers'))
      .map((specifier) => nameOf(childOf(specifier, 'local')) ?? ''),
  );

const reachedUnits = (
  files: ReadonlyMap<string, Tree>,
  units: readonly Unit[],
  trees: ReadonlySet<Tree>,
): readonly Unit[] => {
  const waiting = new Set(units);
  const reached: Unit[] = [];
  const mentions = [...files]
    .filter(([file]) => !ADAPTERS.test(file) && !CONTRACT.test(file))
    .map(([file, module]) => mentionsIn(file, module, new Set()));
  const imported = new Map([...files].map(([file, module]) => [file, importedNames(module)]));
  // A bare name means the function in the same file, or the one that the file imports.
  const calls = ({ file, members, bare }: Mentions, unit: Unit): boolean =>
    unit.isMethod
      ? members.has(unit.name)
      : bare.has(unit.name) && (file === unit.file || imported.get(file)?.has(unit.name) === true);
  for (const found of mentions) {
    for (const unit of waiting) {
      if (!calls(found, unit)) continue;
      waiting.delete(unit);
      reached.push(unit);
      // The loop continues to it: what it mentions is reached too.
      mentions.push(mentionsIn(unit.file, unit.tree, trees));
    }
  }
  return reached;
};

const fileName = (file: string): string => file.slice(file.lastIndexOf('/') + 1);

const tableOf = (expression: Tree | undefined, file: string): string => {
  const name = lastNameOf(expression) ?? '';
  const named = /^(tenancy|keys|sessions|limits|usage|audit)(?:Table)?$/.exec(name)?.[1];
  const table = named ?? TABLE_OF_FILE[fileName(file)];
  if (table === undefined) throw new Error(`Which table is ${name} in ${fileName(file)}?`);
  return table;
};

/** `Put` of `new PutCommand(…)`. */
const commandOf = (tree: Tree): string | undefined =>
  tree.type === 'NewExpression'
    ? /^(\w+)Command$/.exec(nameOf(childOf(tree, 'callee')) ?? '')?.[1]
    : undefined;

const itemCallsOf = ({ tree: unit, file }: Unit, trees: ReadonlySet<Tree>): readonly string[] => {
  const calls: string[] = [];
  let action: string | undefined;
  let table = '';
  walkUnit(unit, trees, (tree) => {
    const command = commandOf(tree);
    if (command !== undefined) {
      action = ITEM_ACTIONS[command];
      if (action === undefined && !OTHER_COMMANDS.test(command))
        throw new Error(`What does ${command} in ${fileName(file)} need?`);
    }
    if (tree.type === 'CallExpression') action = HELPERS[nameOf(childOf(tree, 'callee')) ?? ''] ?? action;
    for (const property of tree.type === 'ObjectExpression' ? childrenOf(tree, 'properties') : []) {
      if (property.type === 'Identifier' && nameOf(property) === 'TableName') named(property);
    }
    if (tree.type !== 'KeyValueProperty') return;
    const key = childOf(tree, 'key');
    const name = nameOf(key) ?? '';
    const value = withoutParentheses(childOf(tree, 'value'));
    if (TRANSACTION_FIELDS.includes(name) && value?.type === 'ObjectExpression') action = ITEM_ACTIONS[name];
    else if (key?.type === 'Computed' && action === 'BatchGetItem')
      calls.push(`${tableOf(childOf(key, 'expression'), file)} ${action}`);
    else if (name === 'IndexName') calls.push(`${table}/index ${action}`);
    else if (name === 'TableName') named(value);
  });
  function named(expression: Tree | undefined): void {
    if (action === undefined) return;
    table = tableOf(expression, file);
    calls.push(`${table} ${action}`);
  }
  return calls;
};

/** `kms` of `{ KeyId: keys.kmsKeyArn }`. */
const keyOf = (options: Tree | undefined): string | undefined => {
  let found: string | undefined;
  walk(options, (tree) => {
    if (tree.type === 'KeyValueProperty' && nameOf(childOf(tree, 'key')) === 'KeyId')
      found ??= /^(\w+)KeyArn$/.exec(lastNameOf(childOf(tree, 'value')) ?? '')?.[1];
    return undefined;
  });
  return found;
};

const kmsCallsOf = (
  { tree: unit, file }: Unit,
  trees: ReadonlySet<Tree>,
  roots: readonly string[],
): readonly string[] => {
  const calls: string[] = [];
  walkUnit(unit, trees, (tree) => {
    const command = commandOf(tree);
    if (command === undefined || !KMS_COMMANDS.test(command)) return;
    if (command === 'ReEncrypt') return void calls.push('master ReEncryptFrom', 'master ReEncryptTo');
    const key = keyOf(argumentsOf(tree)[0]);
    if (key === 'hmac' && roots.length > 0) calls.push(...roots.map((root) => `${root} ${command}`));
    else if (key === 'kms') calls.push(`master ${command}`);
    else if (key === undefined || key === 'hmac')
      throw new Error(`Which key does ${command} use in ${fileName(file)}?`);
    else calls.push(`${key} ${command}`);
  });
  return calls;
};

/** Which HMAC keys the wiring gives to `kmsDerivationKeys(…, environment.DERIVATION_KEY_ARN)`. */
const rootsIn = (module: Tree): readonly string[] => {
  const roots: string[] = [];
  walk(module, (tree) => {
    if (tree.type !== 'CallExpression' || nameOf(childOf(tree, 'callee')) !== 'kmsDerivationKeys')
      return undefined;
    for (const argument of argumentsOf(tree)) {
      const root = /^(\w+)_KEY_ARN$/.exec(lastNameOf(argument) ?? '')?.[1];
      if (root !== undefined) roots.push(root.toLowerCase());
    }
    return undefined;
  });
  return roots;
};

/** `keys PutItem`, `master Decrypt`: every call that the program of this entry can make. */
export const reachableCalls = (entry: string): ReadonlySet<string> => {
  const files = closureOf(new URL(entry, ROOT).href);
  const roots = [...files.values()].flatMap(rootsIn);
  const units = [...files]
    .filter(([file]) => ADAPTERS.test(file))
    .flatMap(([f, module]) => unitsOf(f, module));
  const trees = new Set(units.map(({ tree }) => tree));
  return new Set(
    reachedUnits(files, units, trees).flatMap((unit) => [
      ...itemCallsOf(unit, trees),
      ...kmsCallsOf(unit, trees, roots),
    ]),
  );
};
