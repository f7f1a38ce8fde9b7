/**
 * The body of an error answer, as text. `message` is only read to distinguish failures, and is never stored or passed
 * on.
 */
export interface OpenAiErrorBody {
  /**
   * `object`: the body has OpenAI's own form, `{ "error": { … } }`, and may blame a key. `loose`: it only resembles it, as
   * the answer of a proxy may. It may say that money ran out and nothing else.
   */
  readonly form: 'object' | 'loose';
  readonly code: string | undefined;
  readonly type: string | undefined;
  readonly message: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Maximum length of text that is read: OpenAI's longest message fits. */
const MAX_TEXT = 10_000;
const MAX_DEPTH = 4;
const MAX_LEAVES = 20;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The error that a parsed JSON body holds, with values of other types read as text where they have any; undefined for a
 * body in which nothing resembles an error of OpenAI. Never throws.
 */
export const readOpenAiError = (body: unknown): OpenAiErrorBody | undefined => {
  const [outer, isWhole] = Array.isArray(body) ? [body.find(isFields), false] : [body, true];
  if (!isFields(outer)) return undefined;
  const error = own(outer, 'error');
  if (isFields(error)) {
    const nested = own(error, 'error');
    if (own(error, 'message') === undefined && isFields(nested)) return fieldsOf(nested, 'loose');
    return fieldsOf(error, isWhole ? 'object' : 'loose');
  }
  if (Array.isArray(error)) {
    const first: unknown = error.find(isFields);
    return isFields(first) ? fieldsOf(first, 'loose') : undefined;
  }
  if (typeof error === 'string') return { form: 'loose', code: error, type: undefined, message: error };
  return fieldsOf(outer, 'loose');
};

const fieldsOf = (fields: Fields, form: OpenAiErrorBody['form']): OpenAiErrorBody | undefined => {
  const [code, type, message] = ['code', 'type', 'message'].map((name) => textOf(own(fields, name)));
  return code === undefined && type === undefined && message === undefined
    ? undefined
    : { form, code, type, message };
};

const own = (fields: Fields, name: string): unknown =>
  Object.hasOwn(fields, name) ? fields[name] : undefined;

const textOf = (value: unknown): string | undefined => {
  const text = leavesOf(value, MAX_DEPTH).slice(0, MAX_LEAVES).join(' ').slice(0, MAX_TEXT);
  return text === '' ? undefined : text;
};

const leavesOf = (value: unknown, depth: number): readonly string[] => {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number') return [String(value)];
  if (typeof value !== 'object' || value === null || depth === 0) return [];
  return Object.values(value)
    .slice(0, MAX_LEAVES)
    .flatMap((inner) => leavesOf(inner, depth - 1));
};
