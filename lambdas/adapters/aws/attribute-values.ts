/** A value as DynamoDB's JSON has it: one field, named after the type. Binary values are base64. */
export type AttributeValue = Readonly<Record<string, unknown>>;
export type Attributes = Readonly<Record<string, AttributeValue>>;
export type NativeItem = Readonly<Record<string, unknown>>;

/**
 * The attributes of an item, ready for JSON. Fields that are undefined are left out. Gives the combined result of
 * `marshall` in @aws-sdk/util-dynamodb and the SDK's serializer, in one pass.
 *
 * @throws Error for a value that no item of ours has: an instance of a class, a set, a function, a number that is not safe.
 */
export const toAttributes = (item: NativeItem): Attributes => {
  const attributes: Record<string, AttributeValue> = {};
  for (const name in item) {
    const value = item[name];
    if (value !== undefined) set(attributes, name, toAttribute(value));
  }
  return attributes;
};

const toAttribute = (value: unknown): AttributeValue => {
  if (typeof value === 'string') return { S: value };
  // A number beyond these limits has already lost digits.
  if (typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return { N: String(value) };
  if (typeof value === 'bigint') return { N: String(value) };
  if (typeof value === 'boolean') return { BOOL: value };
  if (value === null) return { NULL: true };
  if (Array.isArray(value)) return { L: value.filter((one) => one !== undefined).map(toAttribute) };
  if (value instanceof Uint8Array) return { B: base64Of(value) };
  if (typeof value === 'object' && isPlain(value)) return { M: toAttributes(value as NativeItem) };
  throw new Error(`An item cannot hold this ${typeof value}.`);
};

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || isOtherRealm(value);
};

/** An object literal of another realm, which occurs in tests. */
const isOtherRealm = (value: object): boolean => value.constructor?.name === 'Object';

const base64Of = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');

/** The item behind attributes as JSON has them: the opposite of `toAttributes`. */
export const toNative = (attributes: Attributes): Record<string, unknown> => {
  const item: Record<string, unknown> = {};
  for (const name in attributes) set(item, name, nativeOf(attributes[name] ?? {}));
  return item;
};

const nativeOf = (attribute: AttributeValue): unknown => {
  for (const type in attribute) {
    const value = attribute[type];
    switch (type) {
      case 'S':
      case 'BOOL':
        return value;
      case 'N':
        return numberOf(String(value));
      case 'NULL':
        return null;
      case 'M':
        return toNative(value as Attributes);
      case 'L':
        return (value as readonly AttributeValue[]).map(nativeOf);
      case 'B':
        return new Uint8Array(Buffer.from(String(value), 'base64'));
      case 'SS':
        return new Set(value as readonly string[]);
      case 'NS':
        return new Set((value as readonly string[]).map(numberOf));
    }
  }
  throw new Error('DynamoDB answered with a type that no item of ours has.');
};

const numberOf = (text: string): number | bigint => {
  const value = Number(text);
  return Math.abs(value) > Number.MAX_SAFE_INTEGER && Number.isFinite(value) ? BigInt(text) : value;
};

/** An assignment to `__proto__` would set the prototype. */
const set = (target: Record<string, unknown>, name: string, value: unknown): void => {
  if (name === '__proto__')
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
  else target[name] = value;
};
