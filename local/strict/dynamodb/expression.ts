/**
 * Reads DynamoDB's expressions, as far as the rules need them. What it cannot read is undefined: the engine behind the
 * rules checks the grammar and answers with AWS's syntax errors.
 */

export type Operand =
  | { readonly kind: 'path'; readonly path: readonly string[] }
  | { readonly kind: 'value'; readonly name: string }
  | { readonly kind: 'call'; readonly name: string; readonly operands: readonly Operand[] }
  | { readonly kind: 'sum'; readonly operands: readonly [Operand, Operand] };

export type Condition =
  | { readonly kind: 'compare'; readonly operator: string; readonly operands: readonly [Operand, Operand] }
  | { readonly kind: 'BETWEEN' | 'IN'; readonly operator: string; readonly operands: readonly Operand[] }
  | { readonly kind: 'call'; readonly operator: string; readonly operands: readonly Operand[] }
  | { readonly kind: 'AND' | 'OR' | 'NOT'; readonly conditions: readonly Condition[] };

export interface Update {
  readonly action: 'SET' | 'REMOVE' | 'ADD' | 'DELETE';
  readonly path: readonly string[];
  /** The value that is assigned, added or deleted; undefined for REMOVE. */
  readonly value: Operand | undefined;
}

/** `tree` is undefined if the grammar could not be read; `names` are the placeholders that occur in the text. */
export interface Expression<Tree> {
  readonly tree: Tree | undefined;
  /** Comparisons, logical operators, functions and sums. */
  readonly operators: number;
  /** `#name` and `:value` placeholders. */
  readonly placeholders: ReadonlySet<string>;
}

type Names = Readonly<Record<string, string>>;

const TOKEN = /\s*(<=|>=|<>|[=<>()[\],.+-]|[#:]?[A-Za-z0-9_]+)/y;
const ACTIONS = ['SET', 'REMOVE', 'ADD', 'DELETE'] as const;

class Unreadable extends Error {}

const tokensOf = (text: string): string[] => {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (text.slice(TOKEN.lastIndex).trim() !== '') {
    const [, token] = TOKEN.exec(text) ?? [];
    if (token === undefined) throw new Unreadable();
    tokens.push(token);
  }
  return tokens;
};

class Reader {
  operators = 0;
  #at = 0;
  readonly #tokens: readonly string[];
  readonly #names: Names;

  constructor(tokens: readonly string[], names: Names) {
    this.#tokens = tokens;
    this.#names = names;
  }

  get done(): boolean {
    return this.#at >= this.#tokens.length;
  }

  /** Case does not matter for keywords. */
  #sees(token: string): boolean {
    return this.#tokens[this.#at]?.toUpperCase() === token;
  }

  take(token: string): boolean {
    if (!this.#sees(token)) return false;
    this.#at += 1;
    return true;
  }

  expect(token: string): void {
    if (!this.take(token)) throw new Unreadable();
  }

  next(): string {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new Unreadable();
    this.#at += 1;
    return token;
  }

  path(): readonly string[] {
    const path = [this.#name(this.next())];
    for (;;) {
      if (this.take('.')) path.push(this.#name(this.next()));
      else if (this.take('[')) {
        path.push(`[${this.next()}]`);
        this.expect(']');
      } else return path;
    }
  }

  #name(token: string): string {
    if (!/^#?[A-Za-z0-9_]+$/.test(token)) throw new Unreadable();
    return token.startsWith('#') ? (this.#names[token] ?? token) : token;
  }

  operand(): Operand {
    const first = this.#simpleOperand();
    if (!this.take('+') && !this.take('-')) return first;
    this.operators += 1;
    return { kind: 'sum', operands: [first, this.#simpleOperand()] };
  }

  #simpleOperand(): Operand {
    if (this.take('(')) {
      const inner = this.operand();
      this.expect(')');
      return inner;
    }
    const token = this.#tokens[this.#at] ?? '';
    if (token.startsWith(':')) return { kind: 'value', name: this.next() };
    if (this.#tokens[this.#at + 1] === '(') return { kind: 'call', ...this.call() };
    return { kind: 'path', path: this.path() };
  }

  call(): { readonly name: string; readonly operands: readonly Operand[] } {
    const name = this.next();
    this.operators += 1;
    this.expect('(');
    return { name, operands: this.#list(')') };
  }

  #list(end: string): Operand[] {
    const operands = [this.operand()];
    while (this.take(',')) operands.push(this.operand());
    this.expect(end);
    return operands;
  }

  condition(): Condition {
    let left = this.#all();
    while (this.take('OR')) {
      this.operators += 1;
      left = { kind: 'OR', conditions: [left, this.#all()] };
    }
    return left;
  }

  #all(): Condition {
    let left = this.#one();
    while (this.take('AND')) {
      this.operators += 1;
      left = { kind: 'AND', conditions: [left, this.#one()] };
    }
    return left;
  }

  #one(): Condition {
    if (this.take('NOT')) {
      this.operators += 1;
      return { kind: 'NOT', conditions: [this.#one()] };
    }
    if (this.#sees('(')) {
      const before = { at: this.#at, operators: this.operators };
      try {
        this.take('(');
        const inner = this.condition();
        this.expect(')');
        return inner;
      } catch {
        // The parenthesis belongs to an operand.
        this.#at = before.at;
        this.operators = before.operators;
      }
    }
    const left = this.operand();
    if (this.take('BETWEEN')) {
      this.operators += 1;
      const low = this.operand();
      this.expect('AND');
      return { kind: 'BETWEEN', operator: 'BETWEEN', operands: [left, low, this.operand()] };
    }
    if (this.take('IN')) {
      this.operators += 1;
      this.expect('(');
      return { kind: 'IN', operator: 'IN', operands: [left, ...this.#list(')')] };
    }
    const operator = ['=', '<>', '<=', '>=', '<', '>'].find((each) => this.take(each));
    if (operator !== undefined) {
      this.operators += 1;
      return { kind: 'compare', operator, operands: [left, this.operand()] };
    }
    if (left.kind === 'call') return { kind: 'call', operator: left.name, operands: left.operands };
    throw new Unreadable();
  }

  updates(): readonly Update[] {
    const updates: Update[] = [];
    while (!this.done) {
      const action = ACTIONS.find((each) => this.take(each));
      if (action === undefined) throw new Unreadable();
      do {
        const path = this.path();
        if (action === 'SET') this.expect('=');
        updates.push({ action, path, value: action === 'REMOVE' ? undefined : this.operand() });
      } while (this.take(','));
    }
    return updates;
  }

  paths(): readonly (readonly string[])[] {
    const paths = [this.path()];
    while (this.take(',')) paths.push(this.path());
    return paths;
  }
}

const reading =
  <Tree>(read: (reader: Reader) => Tree) =>
  (text: string, names: Names): Expression<Tree> => {
    const placeholders = new Set(text.match(/[#:][A-Za-z0-9_]+/g) ?? []);
    let reader: Reader | undefined;
    try {
      reader = new Reader(tokensOf(text), names);
      const tree = read(reader);
      return { tree: reader.done ? tree : undefined, operators: reader.operators, placeholders };
    } catch (error) {
      if (error instanceof Unreadable)
        return { tree: undefined, operators: reader?.operators ?? 0, placeholders };
      throw error;
    }
  };

/** ConditionExpression, FilterExpression and KeyConditionExpression. */
export const readCondition = reading((reader) => reader.condition());
export const readUpdate = reading((reader) => reader.updates());
export const readProjection = reading((reader) => reader.paths());

/** Every comparison and call of a condition, without the logic that joins them. */
export const leavesOf = (condition: Condition): readonly Exclude<Condition, { conditions: unknown }>[] =>
  'conditions' in condition ? condition.conditions.flatMap(leavesOf) : [condition];
