import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { actionsIn, expectIntact, intentsIn, outcomesIn, trailOf } from '../e2e-custody/trail.ts';
import { expectSuccess } from '../support/answers.ts';
import { isLong } from '../support/long-forms.ts';
import { ORIGIN } from '../support/tenant.ts';
import { ledgerAgrees, steps, talkingVisitors } from './system-commands.ts';
import * as model from './system-model.ts';
import { type SystemWorld, startSystemWorld } from './system-world.ts';

let world: SystemWorld;
beforeAll(async () => {
  world = await startSystemWorld();
});
afterAll(() => world?.close());

/** Three workspaces of three people, a site in each: one with its own key, one on the platform's, one without. */
const prepared = async (): Promise<{ model: model.SystemModel; real: SystemWorld }> => {
  world.begin();
  const state = model.emptyModel(world.clock().getTime());
  for (const [owner, mode, maxDuration] of [
    [0, 'byok', 600],
    [3, 'managed', 3_600],
    [1, 'byok', 600],
  ] as const) {
    const as = world.person(owner);
    const body = { name: 'Workspace', openai_tier: 2, billing_mode: mode };
    const workspace = expectSuccess(await world.api.call('POST', '/v1/workspaces', { as, body }), 201);
    const path = `/v1/workspaces/${workspace.workspace_id}/sites`;
    const site = expectSuccess(
      await world.api.call('POST', path, {
        as,
        body: { name: 'Site', allowed_origins: [ORIGIN], max_duration_seconds: maxDuration },
      }),
      201,
    );
    model.addWorkspace(state, owner, mode, workspace.workspace_id);
    model.addSite(state, owner, state.workspaces.length - 1, maxDuration, site.site_id);
  }
  const path = `/v1/workspaces/${state.workspaces[0]?.id}/openai-key`;
  expectSuccess(
    await world.api.call('PUT', path, { as: world.person(0), body: { api_key: world.openAiKey(0) } }),
  );
  model.putKey(state, 0, { workspace: 0 }, 0);
  world.uses();
  return { model: state, real: world };
};

/** Checks what only shows at the end: the whole trail, every session's receipt, and that nothing leaked. */
const audited = async (state: model.SystemModel): Promise<void> => {
  await world.projectAll();
  expect(world.dead).toEqual([]);
  const opened = new Set(world.decrypts.map(({ requestId }) => requestId));
  for (const workspace of state.workspaces.filter(({ deleted }) => !deleted)) {
    const owner = [...workspace.members].find(([, role]) => role === 'owner')?.[0] ?? 0;
    const tenant = { owner: world.person(owner), workspaceId: workspace.id, siteId: '' };
    const rows = await trailOf(world.api, tenant);
    await expectIntact(world.api, tenant, rows);
    expect(actionsIn(rows).map(({ type }) => type)).toEqual(workspace.trail);
    const intents = new Map(intentsIn(rows).map((row) => [row.session_id, row]));
    const told = new Set<unknown>();
    for (const { session_id, sequence, facts } of outcomesIn(rows)) {
      expect(intents.get(session_id)?.sequence).toBeLessThan(sequence);
      if (facts['kms_request_id'] === undefined) continue;
      expect(opened).toContain(facts['kms_request_id']);
      told.add(facts['kms_request_id']);
    }
    const settled = new Set(outcomesIn(rows).map(({ session_id }) => session_id));
    const open = intentsIn(rows).filter(({ session_id }) => !settled.has(session_id)).length;
    const own = world.decrypts.filter(
      ({ encryptionContext }) => encryptionContext?.['spelo:workspace_id'] === workspace.id,
    );
    // Only a killed process leaves a decrypt whose outcome nobody wrote, and then its intent is open.
    expect(own.filter(({ requestId }) => !told.has(requestId)).length).toBeLessThanOrEqual(open);
  }
  await receiptsAgree(state);
  await ledgerAgrees(state, world);
  expect(world.leaks()).toEqual([]);
};

const receiptsAgree = async (state: model.SystemModel): Promise<void> => {
  for (const [index, site] of state.sites.entries()) {
    const { members, deleted } = model.at(state.workspaces, site.workspace);
    const owner = [...members].find(([, role]) => role === 'owner')?.[0];
    if (site.archived || deleted || owner === undefined) continue;
    const path = `/v1/sites/${site.id}/sessions?limit=100`;
    const listed = expectSuccess(await world.api.call('GET', path, { as: world.person(owner) }));
    const items = listed.items.filter(({ kind }: { kind: string }) => kind === 'visitor');
    const known = state.sessions.filter(
      (session) => session.site === index && session.signingSecret !== undefined,
    );
    for (const session of known) {
      const item = items.find((one: { session_id: string }) => one.session_id === session.id);
      expect(item).toMatchObject({
        state: model.stateOf(session),
        mode: session.mode,
        seconds: model.secondsOf(session),
        billed_seconds: model.billedOf(session),
        refusal: null,
        receipt: { payer: session.mode, key_scope: session.scope, key_version: session.version },
      });
    }
    const strays = state.sessions.filter(
      (session) => session.site === index && session.signingSecret === undefined,
    );
    const refused = state.refused.filter((one) => one.site === index);
    expect(items.length).toBe(known.length + strays.length + refused.length);
    const codes = items
      .filter((one: { session_id: string }) => !strays.some(({ id }) => id === one.session_id))
      .flatMap((one: { refusal: string | null }) => one.refusal ?? []);
    expect(codes.sort()).toEqual(refused.map(({ code }) => code).sort());
  }
};

/** Always the same histories, and in the long form fresh ones each time; their seed is in the name of the test. */
const SEEDS = [20_261_125, 7, 1_776];
/** The first history of this seed has 56 steps, with at least one of each kind. */
const SHORT_FORM_SEED = 79_593;
const {
  MODEL_SEED,
  MODEL_PATH,
  MODEL_REPLAY,
  MODEL_RUNS = isLong('model') ? '4' : '1',
  MODEL_MINUTES,
} = process.env;
const fresh = Math.floor(Math.random() * 2 ** 31);
const SEEDS_PLAYED = isLong('model') ? [...SEEDS, fresh] : [SHORT_FORM_SEED];
const seeds =
  MODEL_SEED !== undefined ? [Number(MODEL_SEED)] : MODEL_MINUTES !== undefined ? [fresh] : SEEDS_PLAYED;
/** Milliseconds. One seed takes ten seconds on a quiet machine. */
const PATIENCE_MS = 300_000;
const limitMs = Number(MODEL_MINUTES ?? 0) * 60_000;

let playing: Promise<unknown> = Promise.resolve();

it('visitors who use up a hard-capped plan are billed and stopped as the model predicts', async () => {
  const { model: state, real } = await prepared();
  await fc.asyncModelRun(() => ({ model: state, real }), talkingVisitors());
  await audited(state);
  const period = model.periodOf(state, model.at(state.workspaces, 1), state.now);
  expect(period).toEqual({ used: model.PLANS.free.cap - 120, committed: model.PLANS.free.cap });
}, 60_000);

it.each(seeds)(
  'seed %i: the system behaves as its model for any order of people, visitors, network faults and crashes',
  async (seed) => {
    await fc.assert(
      fc.asyncProperty(
        fc.commands(steps, {
          maxCommands: 60,
          size: 'max',
          ...(MODEL_REPLAY !== undefined && { replayPath: MODEL_REPLAY }),
        }),
        async (commands) => {
          // What fast-check gave up waiting for continues with the one world, until it is through.
          await playing;
          const play = async (): Promise<void> => {
            const { model: state, real } = await prepared();
            await fc.asyncModelRun(() => ({ model: state, real }), commands);
            await audited(state);
          };
          const played = play();
          playing = played.catch(() => undefined);
          await played;
        },
      ),
      {
        seed,
        ...(MODEL_PATH !== undefined && { path: MODEL_PATH }),
        ...(limitMs > 0
          ? { numRuns: 1_000_000, interruptAfterTimeLimit: limitMs }
          : // What was found is told before jest loses its patience, as short as it is then.
            { numRuns: Number(MODEL_RUNS), interruptAfterTimeLimit: PATIENCE_MS / 2 }),
        markInterruptAsFailure: false,
      },
    );
  },
  PATIENCE_MS + 2 * limitMs,
);
