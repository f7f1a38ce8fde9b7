import { type MintCounts, usdPerMillionMints } from './mint-cost.ts';
import type { RunReport } from './report.ts';

/** The results of all benches, in sentences. */
export interface Answers {
  readonly sentences: readonly string[];
  readonly counts: MintCounts;
}

/**
 * Assumed duration of a mint at OpenAI where Lambda's time is counted. OpenAI publishes none; docs/cost.md uses the
 * same.
 */
const OPENAI_MINT_MS = 500;

interface TokenPath {
  readonly openAiMs: number;
  readonly awsMs: number;
  readonly rows: readonly {
    readonly addedMs: { readonly p50: number; readonly p99: number };
    readonly cpuMs: number;
    readonly allocatedKiB: number;
    readonly writtenBytes: number;
  }[];
}

interface HopsFigures {
  readonly rows: readonly {
    readonly hops: { readonly before: number; readonly after: number };
    readonly waves: readonly (readonly string[])[];
  }[];
}

interface GrowthFigures {
  readonly sites: readonly GrowthRow[];
  readonly sessions: readonly GrowthRow[];
}

interface GrowthRow {
  readonly name: string;
  readonly mintMs: number;
  readonly per: { readonly writeUnits: number; readonly readUnits: number };
}

/** Undefined if a bench with its figures has not run. */
export const answersOf = (reports: Readonly<Record<string, RunReport>>): Answers | undefined => {
  const figures = (name: string): unknown => reports[name]?.figures;
  const path = figures('token-path') as TokenPath | undefined;
  const hops = figures('hops') as HopsFigures | undefined;
  const growth = figures('growth') as GrowthFigures | undefined;
  const sealed = figures('sealed-key') as Readonly<Record<string, number>> | undefined;
  const [express, portkey, atOnce, inRegion] = path?.rows ?? [];
  const [warm] = hops?.rows ?? [];
  const [small] = growth?.sessions ?? [];
  if (path === undefined || express === undefined || portkey === undefined) return undefined;
  if (atOnce === undefined || inRegion === undefined || warm === undefined) return undefined;
  if (growth === undefined || small === undefined || sealed === undefined) return undefined;

  const calls = warm.waves.flat();
  const counts: MintCounts = {
    writeUnits: small.per.writeUnits,
    readUnits: small.per.readUnits,
    kmsRequests: calls.filter((call) => call === 'Decrypt').length,
    billedMs: OPENAI_MINT_MS + inRegion.addedMs.p50,
    logBytes: inRegion.writtenBytes,
  };
  const [sites, sessions] = [growth.sites.at(-1), growth.sessions.at(-1)];
  const times = (row: GrowthRow | undefined, base: GrowthRow | undefined): string =>
    ((row?.mintMs ?? 0) / (base?.mintMs ?? 1)).toFixed(1);
  const sentences = [
    `- A mint waits for **${warm.hops.before} AWS round trips one after another before OpenAI and ${warm.hops.after} after it**.`,
    `- With ${path.awsMs} ms in each AWS call it adds **${inRegion.addedMs.p50.toFixed(0)} ms** to OpenAI's own time (p99 ${inRegion.addedMs.p99.toFixed(0)}), ${atOnce.addedMs.p50.toFixed(0)} ms where AWS answers at once; Express with the key in its environment adds ${express.addedMs.p50.toFixed(0)} ms and Portkey's gateway ${portkey.addedMs.p50.toFixed(0)}. Custody, limits and a record of each mint are ${calls.length - 1} calls, and those are the difference.`,
    `- It takes **${inRegion.cpuMs.toFixed(1)} ms of a processor**, ${(inRegion.cpuMs / express.cpuMs).toFixed(1)} times what Express takes and ${(inRegion.cpuMs / portkey.cpuMs).toFixed(1)} times what Portkey's gateway takes. Opening the sealed key is ${(sealed['sealedMicroseconds'] ?? 0).toFixed(0)} µs of that.`,
    `- A million mints cost **$${usdPerMillionMints(counts).toFixed(2)}** at AWS.`,
    `- With ${sites?.name} stored a mint takes ${times(sites, growth.sites[0])} times as long as with one, and reads and writes the same; with ${sessions?.name} ${times(sessions, small)} times, and reads ${sessions?.per.readUnits.toFixed(0)} units instead of ${small.per.readUnits.toFixed(0)}.`,
  ];
  return { sentences, counts };
};
