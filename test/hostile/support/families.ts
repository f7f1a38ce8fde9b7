import type fc from 'fast-check';
import { type OriginCase, originCases, originOf, REGISTERED, WILDCARD } from './origin-cases.ts';
import { playBatch } from './play-batch.ts';
import { playOrigin, playProbe, playToken } from './play-request.ts';
import type { Probe } from './probe.ts';
import { probes } from './probes.ts';
import { type BatchCase, batchCases, readTemplates } from './stream-cases.ts';
import { playTarget, type TargetCase, targetCases } from './target-cases.ts';
import { type TokenCase, tokenCases, tokenMaker } from './token-cases.ts';
import type { HostileWorld } from './world.ts';

/** Cases that are data, and how one of them is played: what is wrong with what came of it, in sentences. */
export interface Family<Case> {
  readonly cases: () => fc.Arbitrary<Case>;
  readonly prepare: (world: HostileWorld) => Promise<{
    readonly play: (given: Case) => Promise<string[]>;
    readonly close: () => void;
  }>;
}

const nothing = (): void => undefined;

const requests: Family<Probe> = {
  cases: probes,
  prepare: async (world) => ({ play: (probe) => playProbe(world, probe), close: nothing }),
};

const targets: Family<TargetCase> = {
  cases: targetCases,
  prepare: async (world) => ({ play: (target) => playTarget(world, target), close: nothing }),
};

const tokens: Family<TokenCase> = {
  cases: tokenCases,
  prepare: async (world) => {
    const maker = await tokenMaker(world.stack.issuer, world.subs.owner);
    return {
      play: async (given) => {
        const token = await maker.tokenOf(given);
        return token === undefined ? [] : playToken(world, token, 'refused');
      },
      close: nothing,
    };
  },
};

const origins: Family<OriginCase> = {
  cases: originCases,
  prepare: async (world) => {
    const registered = [...REGISTERED, WILDCARD];
    await world.repair('PATCH', `/v1/sites/${world.tenant().siteId}`, { allowed_origins: registered });
    return { play: (given) => playOrigin(world, originOf(given)), close: nothing };
  },
};

const streams: Family<BatchCase> = {
  cases: batchCases,
  prepare: async (world) => {
    const templates = await readTemplates(world);
    return { play: (given) => playBatch(world, templates, given), close: templates.close };
  },
};

export const FAMILIES = { requests, targets, tokens, origins, streams } as const;
export type FamilyName = keyof typeof FAMILIES;

/** The family of that name, for cases whose shape is known only when they are read. */
export const familyOf = (name: FamilyName): Family<unknown> => FAMILIES[name] as Family<unknown>;
