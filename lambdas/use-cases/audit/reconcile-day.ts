import type { AuditRow } from '../../domain/audit/audit-record.ts';
import {
  type ChainPosition,
  type Checkpoint,
  countsOf,
  type Difference,
  isIncident,
  MAX_FINDINGS,
  type Records,
} from '../../domain/audit/checkpoint.ts';
import { aboutSealedKeys, type DecryptCall } from '../../domain/audit/decrypt-call.ts';
import { type ReconciledRow, reconcile, requestIdOf } from '../../domain/audit/reconcile.ts';
import type {
  ArchiveReader,
  AuditLog,
  ChainKeys,
  Checkpoints,
  DifferenceAnnouncer,
  EvidenceFolder,
  EvidenceVersions,
  TrailFile,
  TrailReader,
} from '../ports/audit.ts';
import type { Clock } from '../ports/runtime.ts';
import { compareChain } from './compare-chain.ts';
import { sweepEvidence } from './sweep-evidence.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** By then CloudTrail has delivered a call, after five minutes on average, without a guarantee. */
const DELIVERED_AFTER_MS = 2 * HOUR_MS;
/** Records this close to the end of a day can belong to records of the next day. */
const EDGE_MS = HOUR_MS;
/** How long a reported record waits for its counterpart. */
const UNMATCHED_MS = 7 * DAY_MS;
/** How long after the minute in its name a CloudTrail file can appear and still be read by the next run. */
const FILE_DELAY_MS = 6 * HOUR_MS;
/** One run a day, and some hours for a repeated run. */
const MISSED_AFTER_MS = 36 * HOUR_MS;
/** Files and objects that are read in parallel. */
const TOGETHER = 8;

export interface ReconciliationPorts {
  readonly clock: Clock;
  readonly trail: TrailReader;
  readonly archive: ArchiveReader;
  readonly audit: AuditLog;
  readonly chainKeys: ChainKeys;
  readonly checkpoints: Checkpoints;
  readonly announcer: DifferenceAnnouncer;
  readonly evidence: Readonly<Record<EvidenceFolder, EvidenceVersions>>;
  readonly masterKeyArns: readonly string[];
  /** True when the run must save its progress and end; the next run continues. */
  readonly isLate: () => boolean;
}

/**
 * One run of the reconciliation. It compares CloudTrail's record of KMS Decrypt with the audit trail up to the beginning of this
 * UTC day, and the archive of the audit trail with its table and the last checkpoint, and looks for changed objects of the evidence. Differences are announced, then saved in a signed
 * checkpoint. Returns the checkpoint, or undefined when an earlier run has completed this day.
 *
 * Every file of CloudTrail is read once, whatever the times of its events: a decrypt that is delivered days late is judged then.
 * A run that is out of time saves its progress and does not judge the day; the next one continues from there.
 */
export const reconcileDay = (ports: ReconciliationPorts) => async (): Promise<Checkpoint | undefined> => {
  const now = ports.clock();
  const today = startOfDay(now.getTime() - DELIVERED_AFTER_MS);
  const { checkpoint: last, invalid } = await ports.checkpoints.latest();
  if (last?.complete === true && Date.parse(last.to) >= today) return undefined;

  const from = Date.parse(last === undefined ? iso(today - DAY_MS) : last.complete ? last.to : last.from);
  const run = new Run(ports, last, { now, from, to: Math.min(from + DAY_MS, today), invalid });
  const checkpoint = await run.checkpoint();
  const incidents = checkpoint.findings.filter(isIncident);
  // First, because the saved checkpoint completes this day.
  if (incidents.length > 0)
    await ports.announcer.announceDifference({ at: checkpoint.at, counts: countsOf(incidents) });
  await ports.checkpoints.save(checkpoint);
  return checkpoint;
};

interface Given {
  readonly now: Date;
  readonly from: number;
  readonly to: number;
  readonly invalid: readonly string[];
}

class Run {
  readonly #ports: ReconciliationPorts;
  readonly #last: Checkpoint | undefined;
  readonly #given: Given;
  readonly #begun: number;
  readonly #new: { readonly decrypts: DecryptCall[]; readonly rows: ReconciledRow[] } = {
    decrypts: [],
    rows: [],
  };
  readonly #chains: Record<string, ChainPosition>;
  readonly #differences: Difference[] = [];

  constructor(ports: ReconciliationPorts, last: Checkpoint | undefined, given: Given) {
    this.#ports = ports;
    this.#last = last;
    this.#given = given;
    this.#begun = last === undefined ? given.from : Date.parse(last.begun);
    this.#chains = { ...last?.chains };
  }

  async checkpoint(): Promise<Checkpoint> {
    const { now, from, to, invalid } = this.#given;
    const at = now.toISOString();
    this.#differences.push(...invalid.map((detail) => ({ kind: 'checkpoint_invalid' as const, at, detail })));
    if (this.#last !== undefined && now.getTime() - Date.parse(this.#last.at) > MISSED_AFTER_MS)
      this.#differences.push({
        kind: 'checkpoint_missing',
        at,
        detail: `the last one is of ${this.#last.at}`,
      });

    const trail = await this.#readTrail();
    const comparedUpTo = trail.complete ? await this.#compareChains() : (this.#last?.comparedUpTo ?? null);
    const complete = trail.complete && comparedUpTo === undefined;
    const judged = complete ? this.#judge() : this.#unjudged();
    const { swept, changed } = complete ? await this.#sweep(at) : (this.#last ?? { swept: {}, changed: [] });
    return {
      at,
      begun: iso(this.#begun),
      from: iso(from),
      to: iso(to),
      complete,
      decrypts: judged.decrypts,
      rows: judged.rows,
      matched: judged.matched,
      counts: countsOf(this.#differences),
      // Incidents first, so that the limit drops only other findings.
      findings: this.#differences
        .toSorted((a, b) => Number(isIncident(b)) - Number(isIncident(a)))
        .slice(0, MAX_FINDINGS),
      chains: this.#chains,
      trail: { since: trail.since, read: trail.read },
      carried: judged.carried,
      unjudged: judged.unjudged,
      comparedUpTo: comparedUpTo ?? null,
      swept,
      changed,
    };
  }

  /** Reads the files that no earlier run has read. */
  async #readTrail(): Promise<Checkpoint['trail'] & { readonly complete: boolean }> {
    const { now, from } = this.#given;
    const since = this.#last?.trail.since ?? iso(from - EDGE_MS);
    const known = new Set(this.#last?.trail.read);
    const read: TrailFile[] = [];
    const stopped = await inPortions(
      this.#ports.trail.filesSince(new Date(since)),
      async (file) => {
        if (!known.has(file.name)) {
          const calls = await this.#ports.trail.readDecrypts(file);
          this.#new.decrypts.push(...aboutSealedKeys(calls, this.#ports.masterKeyArns));
        }
        read.push(file);
      },
      this.#ports.isLate,
    );
    if (stopped) return { since, read: [...known, ...read.map(({ name }) => name)], complete: false };
    const next = Math.max(Date.parse(since), now.getTime() - FILE_DELAY_MS);
    const recent = read.filter(({ at }) => Date.parse(at) >= next).map(({ name }) => name);
    return { since: iso(next), read: recent, complete: true };
  }

  async #sweep(at: string): Promise<Pick<Checkpoint, 'swept' | 'changed'>> {
    const { evidence, isLate } = this.#ports;
    const { differences, ...state } = await sweepEvidence(evidence, this.#last, at, isLate);
    this.#differences.push(...differences);
    return state;
  }

  /** Returns the last workspace that was compared before time ran out, and undefined if all were compared. */
  async #compareChains(): Promise<string | undefined> {
    const { from, now } = this.#given;
    const compare = compareChain(this.#ports);
    const take = (row: AuditRow): void => {
      if (Date.parse(row.at) >= Math.max(this.#begun, from - UNMATCHED_MS) - EDGE_MS && isReconciled(row))
        this.#new.rows.push(compact(row));
    };
    const done = this.#last?.complete === false ? (this.#last.comparedUpTo ?? '') : '';
    const finished: string[] = [];
    const halfway: string[] = [];
    const stopped = await inPortions(
      (await this.#workspaces()).filter((id) => id > done),
      async (workspaceId) => {
        const compared = await compare(workspaceId, this.#chains[workspaceId], now, take);
        if (compared.position !== undefined) this.#chains[workspaceId] = compared.position;
        this.#differences.push(...compared.differences);
        (compared.stopped ? halfway : finished).push(workspaceId);
      },
      this.#ports.isLate,
    );
    if (!stopped && halfway.length === 0) return undefined;
    const [firstHalfway] = halfway.sort();
    return (
      finished
        .filter((id) => firstHalfway === undefined || id < firstHalfway)
        .sort()
        .at(-1) ?? done
    );
  }

  /** Workspaces with an archive, with a chain at the last checkpoint, or for which KMS has opened a key. */
  async #workspaces(): Promise<readonly string[]> {
    const found = new Set(Object.keys(this.#chains));
    for await (const id of this.#ports.archive.workspaces()) found.add(id);
    for (const { encryptionContext } of this.#new.decrypts) {
      const id = encryptionContext['spelo:workspace_id'];
      if (id !== undefined) found.add(id);
    }
    return [...found].sort();
  }

  /** Records without a judgement: those of this run, and of the incomplete runs before it. */
  #pending(): Records {
    const { decrypts, rows } = this.#last?.unjudged ?? NOTHING;
    return { decrypts: [...decrypts, ...this.#new.decrypts], rows: [...rows, ...this.#new.rows] };
  }

  #unjudged(): Judgement {
    const carried = this.#last?.carried ?? NOTHING;
    return { decrypts: 0, rows: 0, matched: 0, carried, unjudged: this.#pending() };
  }

  #judge(): Judgement {
    const { from, to } = this.#given;
    const pending = this.#pending();
    const carried = this.#last?.carried ?? NOTHING;
    // Of duplicate records, the judged one counts.
    const all = {
      decrypts: [...pending.decrypts, ...carried.decrypts],
      rows: [...carried.rows, ...pending.rows],
    };
    const isNew = new Set<DecryptCall | ReconciledRow>([...pending.decrypts, ...pending.rows]);
    const { findings, ...numbers } = reconcile(all, (record) => {
      const time = Date.parse(record.at);
      return time < to && (time >= from || (time >= this.#begun && isNew.has(record)));
    });
    this.#differences.push(...findings);
    const called = new Set(all.decrypts.map(({ requestId }) => requestId));
    const told = new Set(all.rows.map(requestIdOf));
    const reported = new Set(findings.map(({ workspace_id: id, sequence }) => `${id} ${sequence}`));
    const isCarried = (at: string, isOpen: boolean): boolean => {
      const time = Date.parse(at);
      return time >= to - EDGE_MS || (isOpen && time >= to - UNMATCHED_MS);
    };
    return {
      ...numbers,
      unjudged: NOTHING,
      carried: {
        decrypts: all.decrypts.filter(({ at, requestId }) => isCarried(at, !told.has(requestId))),
        rows: all.rows.filter((row) => {
          const requestId = requestIdOf(row);
          const isOpen = requestId !== undefined && !called.has(requestId);
          return isCarried(row.at, isOpen || reported.has(`${row.workspaceId} ${row.sequence}`));
        }),
      },
    };
  }
}

interface Judgement extends Pick<Checkpoint, 'decrypts' | 'rows' | 'matched' | 'carried' | 'unjudged'> {}

const NOTHING: Records = { decrypts: [], rows: [] };

const RECONCILED = /^(session\.|key\.use_)/;

/** Rows about a decrypt: its intent or its outcome. */
const isReconciled = ({ type, facts }: AuditRow): boolean =>
  RECONCILED.test(type) || 'kms_request_id' in facts;

const KEPT_FACTS = ['kms_request_id', 'key_scope', 'key_version', 'use_id'];

const compact = ({ workspaceId, sequence, type, at, siteId, sessionId, facts }: AuditRow): ReconciledRow => ({
  workspaceId,
  sequence,
  type,
  at,
  siteId,
  sessionId,
  facts: Object.fromEntries(Object.entries(facts).filter(([name]) => KEPT_FACTS.includes(name))),
});

const iso = (ms: number): string => new Date(ms).toISOString();
const startOfDay = (ms: number): number => Math.floor(ms / DAY_MS) * DAY_MS;

/** Handles items, some in parallel, until there are no more or `isLate`. Returns true when some are left. */
const inPortions = async <Item>(
  items: AsyncIterable<Item> | Iterable<Item>,
  handle: (item: Item) => Promise<void>,
  isLate: () => boolean,
): Promise<boolean> => {
  let portion: Item[] = [];
  for await (const item of items) {
    if (portion.length === TOGETHER) {
      await Promise.all(portion.map(handle));
      portion = [];
      if (isLate()) return true;
    }
    portion.push(item);
  }
  await Promise.all(portion.map(handle));
  return false;
};
