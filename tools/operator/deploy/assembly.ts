import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** A stack as it was synthesized. */
export interface PlannedStack {
  readonly name: string;
  readonly region: string;
  /** Number of resources by type, `AWS::` left out. */
  readonly resources: Readonly<Record<string, number>>;
  /** Number of those that stay when the stack is deleted. */
  readonly kept: Readonly<Record<string, number>>;
  /** Their logical ids. */
  readonly keptIds: ReadonlySet<string>;
}

const artifact = z.object({
  type: z.string(),
  environment: z.string().optional(),
  dependencies: z.array(z.string()).optional(),
  properties: z.object({ templateFile: z.string().optional(), stackName: z.string().optional() }).optional(),
});
const manifest = z.object({ artifacts: z.record(z.string(), artifact) });
const template = z.object({
  Resources: z.record(z.string(), z.object({ Type: z.string(), DeletionPolicy: z.string().optional() })),
});

const counted = (types: readonly string[]): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const type of types.toSorted()) {
    const name = type.replace(/^AWS::/, '');
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
};

/** The stacks of a synthesized app, each after those that it depends on. `region` is used for stacks that name none. */
export const readAssembly = (folder: string, region: string): readonly PlannedStack[] => {
  const read = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), 'utf8'));
  const { artifacts } = manifest.parse(read('manifest.json'));
  const ordered: PlannedStack[] = [];
  const visited = new Set<string>();
  const visit = (id: string): void => {
    const found = artifacts[id];
    if (found === undefined || found.type !== 'aws:cloudformation:stack' || visited.has(id)) return;
    visited.add(id);
    for (const dependency of found.dependencies ?? []) visit(dependency);
    const resources = Object.entries(
      template.parse(read(found.properties?.templateFile ?? `${id}.template.json`)).Resources,
    );
    const kept = resources.filter(([, { DeletionPolicy = 'Delete' }]) => DeletionPolicy.startsWith('Retain'));
    const named = found.environment?.split('/').at(-1);
    ordered.push({
      name: found.properties?.stackName ?? id,
      region: named === undefined || named === 'unknown-region' ? region : named,
      resources: counted(resources.map(([, { Type }]) => Type)),
      kept: counted(kept.map(([, { Type }]) => Type)),
      keptIds: new Set(kept.map(([logicalId]) => logicalId)),
    });
  };
  for (const id of Object.keys(artifacts).toSorted()) visit(id);
  return ordered;
};
