import type { DynamoDBRecord } from 'aws-lambda';
import { projectorHandler } from '../../lambdas/composition/projector.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../lambdas/contract/environment.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { localRuntime } from '../../local/local-runtime.ts';
import { collectRecords, deliver } from '../e2e-custody/streams.ts';
import { rawTables } from '../e2e-custody/tables.ts';
import { type Sink, sinksOfItems } from '../support/custody-watch.ts';
import type { Item, TableName } from '../support/key-tables.ts';
import { runConcurrently } from '../support/run-concurrently.ts';
import { type FaultWorld, leaksIn } from './world.ts';

/** The audit trail's rows of each session, in their order. */
export type Trails = ReadonlyMap<string, readonly string[]>;

export interface Aftermath {
  readonly trails: Trails;
  /** Where a secret was found in a table or a stream, and which. */
  readonly leaks: readonly string[];
}

const LANES = 6;

/**
 * Runs the projector over the streams, for the records of `sessionIds`, and looks for secrets in everything that is stored
 * or streamed.
 */
export const lookAround = async (world: FaultWorld, sessionIds: ReadonlySet<string>): Promise<Aftermath> => {
  const raw = rawTables(world.stack);
  const records = await collectRecords(world.stack, raw);
  raw.close();
  const ofSessions = Map.groupBy(
    records.sessions.filter(({ dynamodb }) => sessionIds.has(dynamodb?.NewImage?.['sessionId']?.S ?? '')),
    ({ dynamodb }) => dynamodb?.NewImage?.['workspaceId']?.S ?? '',
  );
  const logs: string[] = [];
  const project = projectorHandler(
    parseEnvironment(ENVIRONMENTS.projector, world.stack.variables),
    localRuntime((line) => logs.push(line)),
  );
  await runConcurrently(LANES, [...ofSessions.values()], (batch) => deliver(project, batch));

  const tables: readonly TableName[] = Object.values(TABLES).map(({ name }) => name);
  const items = new Map(
    await Promise.all(tables.map(async (table) => [table, await world.tables.scan(table)] as const)),
  );
  const streamed = Object.entries(records).flatMap(([table, of]) =>
    of.map(
      (record: DynamoDBRecord, i): Sink => ({
        where: `stream of ${table}, record ${i}`,
        content: JSON.stringify(record),
      }),
    ),
  );
  const sinks = [
    ...[...items].flatMap(([table, of]) => sinksOfItems(table, of)),
    ...streamed,
    ...logs.map((content): Sink => ({ where: 'log of the projector', content })),
    ...world.logs().map((content): Sink => ({ where: 'log of a healthy container', content })),
  ];
  return {
    trails: trailsIn(items.get('audit') ?? []),
    leaks: sinks.flatMap(({ where, content }) => leaksIn(content).map((leak) => `${where}: ${leak}`)),
  };
};

const trailsIn = (audit: readonly Item[]): Trails => {
  const rows = audit.filter(({ pk, sessionId }) => String(pk).startsWith('AUDIT#') && sessionId != null);
  const inOrder = rows.toSorted((a, b) => Number(a['sequence']) - Number(b['sequence']));
  const bySession = Map.groupBy(inOrder, ({ sessionId }) => String(sessionId));
  return new Map([...bySession].map(([sessionId, of]) => [sessionId, of.map(({ type }) => String(type))]));
};

/** The trail's rows of a session, as the matrix shows them. */
export const auditIn =
  ({ trails }: Aftermath) =>
  ({ sessionId }: Item): string =>
    (trails.get(String(sessionId)) ?? []).length === 2 ? 'intent, outcome' : 'intent';

/** The rows that the trail should have of a session in this state. */
export const trailOfState = (state: unknown): readonly string[] =>
  state === 'reserved' ? ['session.reserved'] : ['session.reserved', `session.${state}`];
