import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import type { AwsRequest } from './aws-account.ts';

/** The service models that AWS publishes with its SDKs, read from the installed botocore. */

const shape = z.object({
  type: z.string(),
  required: z.array(z.string()).optional(),
  members: z.record(z.string(), z.object({ shape: z.string() })).optional(),
  member: z.object({ shape: z.string() }).optional(),
  enum: z.array(z.string()).optional(),
  pattern: z.string().optional(),
  min: z.number().optional(),
  max: z.number().optional(),
});
const model = z.object({
  operations: z.record(z.string(), z.object({ input: z.object({ shape: z.string() }).optional() })),
  shapes: z.record(z.string(), shape),
});
type Model = z.infer<typeof model>;

/** The folder of botocore's models; undefined if Python or botocore is missing. */
export const publishedModelsFolder = (): string | undefined => {
  try {
    return execFileSync(
      'python3',
      ['-c', 'import botocore, os; print(os.path.join(os.path.dirname(botocore.__file__), "data"))'],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    ).trim();
  } catch {
    return undefined;
  }
};

const FOLDERS: Readonly<Record<string, string>> = { servicequotas: 'service-quotas' };

const loaded = new Map<string, Model>();
const modelOf = (folder: string, service: string): Model => {
  const known = loaded.get(service);
  if (known !== undefined) return known;
  const versions = join(folder, FOLDERS[service] ?? service);
  const newest = readdirSync(versions).toSorted().at(-1) ?? '';
  const read = model.parse(
    JSON.parse(gunzipSync(readFileSync(join(versions, newest, 'service-2.json.gz'))).toString()),
  );
  loaded.set(service, read);
  return read;
};

/** Each part of the request that the published model does not allow, one line each. */
export const modelFaults = (folder: string, { service, operation, input }: AwsRequest): readonly string[] => {
  const { operations, shapes } = modelOf(folder, service);
  const found = operations[operation];
  if (found === undefined) return [`${service} has no operation ${operation}`];
  const faultsOf = (name: string, value: unknown, path: string): readonly string[] => {
    const expected = shapes[name];
    if (expected === undefined) return [`${path}: no shape ${name}`];
    const { type, members = {}, required = [], member, pattern, min, max } = expected;
    if (type === 'structure') {
      if (typeof value !== 'object' || value === null) return [`${path} is no structure`];
      const entries = Object.entries(value);
      return [
        ...required.filter((needed) => !(needed in value)).map((needed) => `${path}.${needed} is missing`),
        ...entries.flatMap(([key, item]) => {
          const of = members[key];
          return of === undefined
            ? [`${path}.${key} is unknown`]
            : faultsOf(of.shape, item, `${path}.${key}`);
        }),
      ];
    }
    if (type === 'list') {
      if (!Array.isArray(value)) return [`${path} is no list`];
      return value.flatMap((item, index) => faultsOf(member?.shape ?? '', item, `${path}[${index}]`));
    }
    if (type === 'integer' || type === 'boolean') return [];
    const text = String(value);
    return [
      ...(expected.enum !== undefined && !expected.enum.includes(text)
        ? [`${path} is none of the enum`]
        : []),
      ...(pattern !== undefined && !new RegExp(`^(?:${pattern})$`, 'u').test(text)
        ? [`${path} does not match ${pattern}`]
        : []),
      ...(min !== undefined && text.length < min ? [`${path} is too short`] : []),
      ...(max !== undefined && text.length > max ? [`${path} is too long`] : []),
    ];
  };
  return found.input === undefined ? [] : faultsOf(found.input.shape, input, operation);
};
