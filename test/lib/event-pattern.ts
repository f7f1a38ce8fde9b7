/** Event patterns as EventBridge reads them, and events as CloudTrail records them. For tests on templates. */

export type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `*` stands for any characters. */
const matchesGlob = (text: string, glob: string): boolean => {
  const parts = glob.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(text);
};

/** One value of a pattern's list: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html */
const fits = (wanted: unknown, value: unknown): boolean => {
  if (!isObject(wanted)) return value === wanted;
  if ('exists' in wanted) return (value !== undefined) === wanted['exists'];
  if (value === undefined) return false;
  if ('prefix' in wanted) return String(value).startsWith(String(wanted['prefix']));
  if ('wildcard' in wanted) return matchesGlob(String(value), String(wanted['wildcard']));
  const not = wanted['anything-but'];
  if (isObject(not))
    return ![not['prefix']].flat().some((prefix) => String(value).startsWith(String(prefix)));
  return ![not].flat().includes(value);
};

/** Whether the event fits the pattern. */
export const matches = (pattern: unknown, event: unknown): boolean => {
  if (Array.isArray(pattern)) {
    const values = Array.isArray(event) ? event : [event];
    return pattern.some((wanted) => values.some((value) => fits(wanted, value)));
  }
  if (!isObject(pattern)) return false;
  // A list of objects matches when one of them does.
  if (Array.isArray(event)) return event.some((each) => matches(pattern, each));
  return Object.entries(pattern).every(([name, inner]) =>
    name === '$or'
      ? (inner as unknown[]).some((either) => matches(either, event))
      : matches(inner, isObject(event) ? event[name] : undefined),
  );
};

/** The pattern with a readable text for each reference. */
export const resolved = (value: unknown, words: (value: unknown) => string): unknown => {
  if (Array.isArray(value)) return value.map((each) => resolved(each, words));
  if (!isObject(value)) return value;
  const names = Object.keys(value);
  if (names.length === 1 && /^(Ref|Fn::)/.test(names[0] ?? '')) return words(value);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, resolved(inner, words)]));
};

/** A call as CloudTrail records it and EventBridge delivers it. */
export const call = (service: string, eventName: string, more: Json = {}) => ({
  source: `aws.${service}`,
  'detail-type': 'AWS API Call via CloudTrail',
  detail: {
    eventSource: `${service === 'cloudwatch' ? 'monitoring' : service}.amazonaws.com`,
    eventName,
    sourceIPAddress: '203.0.113.7',
    ...more,
  },
});
export const request = (requestParameters: Json) => ({ requestParameters });
