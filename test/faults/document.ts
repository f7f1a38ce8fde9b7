import type { Cell } from './cells.ts';
import { GROUPS } from './faults.ts';
import type { Scenario } from './scenarios.ts';

/** A cell and what it came to, one text for each column. */
export interface Row {
  readonly cell: Pick<Cell, 'dependency' | 'call' | 'fault'>;
  readonly columns: readonly string[];
}

const DEPENDENCIES: readonly string[] = ['DynamoDB', 'KMS', 'OpenAI'];
const BETWEEN_FAULTS = '; ';
const BETWEEN_CALLS = '<br>';

interface Line {
  readonly dependency: string;
  readonly calls: readonly string[];
  readonly faults: readonly string[];
  readonly columns: readonly string[];
}

const textOf = (parts: readonly string[]): string => parts.join('\n');

/** The word for a group, when every fault of it that happened to this call is here; `all` are those that did. */
const inWords = (
  dependency: string,
  faults: readonly string[],
  all: ReadonlySet<string>,
): readonly string[] => {
  let rest = faults;
  const words: string[] = [];
  for (const group of GROUPS) {
    const members = group.faults.filter((fault) => all.has(fault));
    const together = group.dependency === dependency && members.length > 1;
    if (!together || !members.every((fault) => rest.includes(fault))) continue;
    words.push(group.name);
    rest = rest.filter((fault) => !members.includes(fault));
  }
  return [...words, ...rest];
};

/**
 * Rows that came to the same are one line: first the faults of one call, then the calls that met the same faults. Calls are
 * in the order of their names, because they run side by side.
 */
const linesOf = (rows: readonly Row[]): readonly Line[] => {
  const callOf = ({ cell }: Row): string => textOf([cell.dependency, cell.call]);
  const faultsOf = new Map<string, Set<string>>();
  for (const row of rows)
    faultsOf.set(callOf(row), (faultsOf.get(callOf(row)) ?? new Set()).add(row.cell.fault));
  const byCall = Map.groupBy(rows, (row) => textOf([callOf(row), ...row.columns]));
  const lines = [...byCall.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const { dependency, call } = first.cell;
    const faults = same.map(({ cell }) => cell.fault);
    const words = inWords(dependency, faults, faultsOf.get(callOf(first)) ?? new Set());
    return [{ dependency, call, faults: words, columns: first.columns }];
  });
  const byFaults = Map.groupBy(lines, ({ dependency, faults, columns }) =>
    textOf([dependency, ...faults, ...columns]),
  );
  const place = ({ dependency }: Line): number => DEPENDENCIES.indexOf(dependency);
  const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...byFaults.values()]
    .flatMap((same) => {
      const [first] = same;
      return first === undefined ? [] : [{ ...first, calls: same.map(({ call }) => call).sort() }];
    })
    .sort(
      (a, b) =>
        place(a) - place(b) ||
        order(textOf(a.calls), textOf(b.calls)) ||
        order(textOf(a.faults), textOf(b.faults)),
    );
};

export const tableOf = (head: readonly string[], lines: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const HEADS: Readonly<Record<Scenario['kind'], readonly string[]>> = {
  token: ['Answer', 'Retry-After', 'Mints', 'Slot', 'Session', 'Audit'],
  key: ['Answer', 'Retry-After', 'Mints', 'Key', 'Session', 'Audit'],
  events: ['Answer', 'Retry-After', 'Reports'],
};

const headingOf = ({ name }: Scenario): string => `### ${name}\n`;

export const sectionOf = (scenario: Scenario, rows: readonly Row[]): string => `${headingOf(scenario)}
${scenario.about} ${rows.length} requests.

${tableOf(
  ['Dependency', 'Call', 'Fault', ...HEADS[scenario.kind]],
  linesOf(rows).map(({ dependency, calls, faults, columns }) => [
    dependency,
    calls.join(BETWEEN_CALLS),
    faults.join(BETWEEN_FAULTS),
    ...columns,
  ]),
)}
`;

/** The lines of one section of a document that sectionOf has written. */
const writtenLines = (document: string, scenario: Scenario): readonly Line[] => {
  const section = document.split(headingOf(scenario))[1]?.split('\n### ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  return rows.slice(2).map((row) => {
    const [dependency = '', calls = '', faults = '', ...columns] = row.slice(2, -2).split(' | ');
    return { dependency, calls: calls.split(BETWEEN_CALLS), faults: faults.split(BETWEEN_FAULTS), columns };
  });
};

/** The columns of a cell in the document; undefined when the document does not know the cell. */
export const writtenColumns = (
  document: string,
  scenario: Scenario,
  { dependency, call, fault }: Row['cell'],
): readonly string[] | undefined => {
  const group = GROUPS.find((one) => one.dependency === dependency && one.faults.includes(fault));
  const lines = writtenLines(document, scenario).filter(
    (line) => line.dependency === dependency && line.calls.includes(call),
  );
  const named = lines.find(({ faults }) => faults.includes(fault));
  return (named ?? lines.find(({ faults }) => group !== undefined && faults.includes(group.name)))?.columns;
};

/** The calls that the document knows of a scenario. */
export const writtenCalls = (document: string, scenario: Scenario): readonly string[] => [
  ...new Set(writtenLines(document, scenario).flatMap(({ calls }) => calls)),
];

const groupLine = ({ dependency, name, faults }: (typeof GROUPS)[number]): string =>
  `- ${dependency}, **${name}**: ${faults.join(BETWEEN_FAULTS)}`;

export const INTRODUCTION = `# Fault matrix

What a caller meets, and what is left on record, when one call to DynamoDB, KMS or OpenAI fails in one way. Each request of
this table was really sent, to the real handlers and the real AWS clients in a container that had just started, and met its
fault on the wire. Written by \`UPDATE_DOCS=1 npm run faults\`; \`npm test\` plays the whole token route and one fault of each
kind on the others, and fails when this document says otherwise. A new call of a route comes into the table by itself.

What holds for every line, and is looked at in each request:

- An answer comes, with a status and a code that the contract names for the route.
- At most one secret is minted, whatever is repeated, and a 200 is the only answer that holds one. The session's record agrees
  with what was minted: \`issued\`, or \`open\` where the outcome itself could not be written, or refused as \`timeout\`,
  \`unreachable\` or \`unreadable_answer\`, after which only OpenAI can know.
- The audit trail has one intent for each session, and the outcome that is on the session's record; a change of a key and its
  event are there together or not at all.
- The slot comes back, or its lease ends 90 seconds after the request.
- No key, no word of OpenAI's message and no client secret of a failed request is in an answer, a log, a table or a stream.
- The same request succeeds once the fault is gone. Reports that are sent again count once.

How to read it. A fault without more strikes every try of that call; at KMS, and where DynamoDB refuses a condition or a
transaction, every later call of the same name too. "Once" strikes the first try alone. "No answer" lets the client's
deadline run out. Faults that have the same outcome share one word:

${GROUPS.map(groupLine).join('\n')}

"Retry-After" is in seconds, for a request ten seconds into its minute. "Mints" are secrets that OpenAI made. "Slot": who has
it after the answer. "Session": its record. What became of a key is in "Key", what became of reports in "Reports".

## Routes
`;

export const CRASHES_EXPLAINED = `The process ends in the middle of a request for a token: with a call that its service has not heard of ("before"), or that
was done and not answered ("after"); its parallel calls have ended. Nobody cleans up after it. For each: at most one
mint, the slot is never given twice and comes back with its lease, the sweeper gives the minutes of a hard cap back, the intent
is on the audit trail, and a later visitor gets in with one mint. \`npm run faults:kill\` does the same to processes, with SIGKILL.
`;
