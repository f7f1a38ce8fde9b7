import { expect } from '@jest/globals';
import fc from 'fast-check';
import { leaseItem } from '../../lambdas/adapters/aws/sessions/lease-item.ts';
import type { SessionId } from '../../lambdas/domain/identifiers.ts';
import { holderTagOf } from '../../lambdas/domain/sessions/slots.ts';
import type { Item } from '../support/key-tables.ts';
import { openAiFingerprint } from '../support/openai.ts';
import { putOnPlan } from '../support/plan.ts';
import { report } from '../support/reports.ts';
import type { TestAnswer } from '../support/stack.ts';
import { ORIGIN } from '../support/tenant.ts';
import type { KeyOwner, KeyVerb, Mode, PlanName, Role, SystemModel, Weather } from './system-model.ts';
import * as model from './system-model.ts';
import { addressHeader, type Mishap, type SystemWorld, VISITORS } from './system-world.ts';

// One file, because every command of the product is here and nowhere else.

/** `200`, or `<status> <code>`. */
const codeOf = ({ status, error }: TestAnswer): string =>
  status < 300 ? '200' : `${status} ${error?.code ?? '?'}`;

type Check = (state: Readonly<SystemModel>) => boolean;

type Command = fc.AsyncCommand<SystemModel, SystemWorld>;

/** One step of a history; `args` is what is printed of it, and enough to do it again. */
const step = (
  verb: string,
  args: Readonly<Record<string, unknown>>,
  check: Check,
  act: (state: SystemModel, world: SystemWorld) => Promise<void>,
): Command => {
  const shown = Object.entries(args).filter(([, value]) => value !== undefined);
  const text = `${verb}(${shown.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(', ')})`;
  return {
    check,
    toString: () => text,
    run: async (state, world) => {
      try {
        await act(state, world);
        await slotsAgree(state, world);
      } catch (error) {
        if (error instanceof Error) error.message = `${text}: ${error.message}`;
        throw error;
      }
    },
  };
};

const pick = (count: number, n: number): number => n % count;
const someSite: Check = ({ sites }) => sites.length > 0;
const someSession: Check = ({ sessions }) =>
  sessions.some(({ signingSecret }) => signingSecret !== undefined);

// What the real system says

/** Members, settings, sites and keys of a workspace, as the API shows them to an owner; as text, so that two compare. */
const observed = async (state: SystemModel, { api, person }: SystemWorld, index: number): Promise<string> => {
  const { id, members } = model.at(state.workspaces, index);
  const owner = [...members].find(([, role]) => role === 'owner')?.[0] ?? 0;
  const get = async (path: string) => {
    const answer = await api.call('GET', path, { as: person(owner) });
    return answer.status === 200 ? answer.data : codeOf(answer);
  };
  const settings = await get(`/v1/workspaces/${id}`);
  if (typeof settings === 'string') return settings;
  const [people, sites] = await Promise.all([
    get(`/v1/workspaces/${id}/members`),
    get(`/v1/workspaces/${id}/sites?limit=100`),
  ]);
  const keyAt = async (path: string) => {
    const [versions, view] = await Promise.all([
      get(`${path}/openai-key/versions?limit=100`),
      get(`${path}/openai-key`),
    ]);
    return [
      versions.items.map((v: Record<string, unknown>) => `${v['version']} ${v['reason']} ${v['state']}`),
      typeof view === 'string' ? view : `${view.masked} ${view.version} ${view.state === 'suspended'}`,
    ];
  };
  interface SeenSite {
    readonly site_id: string;
    readonly max_duration_seconds: number;
    readonly allowed_origins: readonly string[];
  }
  const inOrder: SeenSite[] = sites.items.toSorted((a: SeenSite, b: SeenSite) =>
    a.site_id < b.site_id ? -1 : 1,
  );
  return JSON.stringify({
    mode: settings.billing_mode,
    plan: settings.plan,
    limit: settings.concurrency_limit,
    people: people.items.map((m: Record<string, unknown>) => `${m['sub']} ${m['role']}`).sort(),
    key: await keyAt(`/v1/workspaces/${id}`),
    sites: await Promise.all(
      inOrder.map(async ({ site_id, max_duration_seconds, allowed_origins }) => [
        site_id,
        max_duration_seconds,
        allowed_origins.includes(ORIGIN),
        await keyAt(`/v1/sites/${site_id}`),
      ]),
    ),
  });
};

/** The same from the model. */
const pictured = (state: SystemModel, world: SystemWorld, index: number): string => {
  const workspace = model.at(state.workspaces, index);
  if (workspace.deleted) return '404 workspace_not_found';
  const key = (scope: model.Scope) => [
    model.versionsOf(state, scope),
    scope.head === undefined
      ? '404 openai_key_missing'
      : `${maskOf(world.openAiKey(scope.head.openAiKey))} ${scope.head.version} ${scope.head.suspended}`,
  ];
  return JSON.stringify({
    mode: workspace.mode,
    plan: workspace.plan,
    limit: workspace.limit,
    people: [...workspace.members].map(([who, role]) => `${world.person(who)} ${role}`).sort(),
    key: key(workspace.key),
    sites: state.sites
      .filter((site) => site.workspace === index && !site.archived)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .map((site) => [site.id, site.maxDuration, site.open, key(site.key)]),
  });
};

const maskOf = (key: string): string => `sk-proj-...${key.slice(-4)}`;

/** Who holds a slot until when, in the table and in the model. */
const slotsAgree = async (state: SystemModel, { tables }: SystemWorld): Promise<void> => {
  const now = model.seconds(state);
  for (const [index, { id }] of state.workspaces.entries()) {
    const taken = (await tables.slotsOf(id))
      .map((item) => leaseItem.parse(item))
      .filter(({ expiresAt }) => expiresAt > now)
      .map(({ holder, expiresAt }) => `${holder} ${expiresAt}`);
    const held = model
      .sessionsOf(state, index)
      .filter(({ leaseEnds }) => leaseEnds > now)
      .map((session) => `${holderTagOf(session.id as SessionId)} ${session.leaseEnds}`);
    expect({ slots: taken.sort() }).toEqual({ slots: held.sort() });
  }
};

interface Use {
  readonly scope: string;
  readonly scopeId: string;
  readonly version: number;
  readonly openAiKey: number;
}

/** Only this key was opened, this many times, and nothing was sent to OpenAI but it. */
const expectUses = (
  world: SystemWorld,
  use: Use | undefined,
  {
    opened,
    sent,
    atMost = false,
  }: { readonly opened: number; readonly sent: boolean; readonly atMost?: boolean },
): void => {
  const uses = world.uses();
  for (const { encryptionContext } of uses.opened)
    expect(encryptionContext).toMatchObject({
      'spelo:scope': use?.scope,
      'spelo:scope_id': use?.scopeId,
      'spelo:key_version': String(use?.version),
    });
  for (const { keyFingerprint } of uses.sent)
    expect(keyFingerprint).toBe(use && openAiFingerprint(world.openAiKey(use.openAiKey)));
  if (atMost) return;
  expect({ opened: uses.opened.length, sent: uses.sent.length > 0 }).toEqual({ opened, sent });
};

// Management

/** One of the people, or the owner of the target. */
type Actor = number | 'owner';

const actorAt = (state: SystemModel, owner: KeyOwner, actor: Actor): number => {
  if (actor !== 'owner') return actor;
  const { members } = model.workspaceOf(state, owner);
  return [...members].find(([, role]) => role === 'owner')?.[0] ?? 0;
};

interface Change {
  /** The workspace that it is about. */
  readonly workspace: number;
  readonly apply: (state: SystemModel) => string;
  readonly ask: () => Promise<TestAnswer>;
  readonly mishap: Mishap | undefined;
  /** The key that it opens or sends; undefined: it does neither. */
  readonly use?: Use | undefined;
  readonly opens?: boolean;
  readonly sends?: boolean;
}

/** Answers of a change whose outcome the service could not tell for sure. */
const UNSURE = /^(503 unavailable|409 version_conflict|404 \w+|409 \w+)$/;

/**
 * A change is answered as the model says and has done what it says. Where a mishap left the answer open, it has happened
 * wholly or not at all.
 */
const change = async (state: SystemModel, world: SystemWorld, given: Change): Promise<void> => {
  const before = structuredClone(state);
  const due = given.apply(state);
  const answer = await world.during(given.mishap, given.ask);
  const code = codeOf(answer);
  const sure = code === due;
  if (!sure)
    expect({ code }).toEqual({ code: given.mishap === undefined ? due : expect.stringMatching(UNSURE) });
  expectUses(world, given.use, {
    opened: due === '200' && given.opens === true ? 1 : 0,
    sent: given.sends === true && (due === '200' || /rejected|quota|unverified/.test(due)),
    atMost: given.mishap !== undefined,
  });
  const real = await observed(state, world, given.workspace);
  if (!sure && due === '200' && real !== pictured(state, world, given.workspace))
    Object.assign(state, before);
  expect(real).toBe(pictured(state, world, given.workspace));
};

const ownerPath = (state: SystemModel, owner: KeyOwner): string =>
  'site' in owner
    ? `/v1/sites/${model.at(state.sites, owner.site).id}`
    : `/v1/workspaces/${model.at(state.workspaces, owner.workspace).id}`;

const indexOfWorkspace = (state: SystemModel, owner: KeyOwner): number =>
  'site' in owner ? model.at(state.sites, owner.site).workspace : owner.workspace;

const useOf = (state: SystemModel, owner: KeyOwner): Use | undefined => {
  const { head } = model.scopeOf(state, owner);
  if (head === undefined) return undefined;
  const scope = 'site' in owner ? 'site' : 'workspace';
  const scopeId = ownerPath(state, owner).split('/').at(-1) ?? '';
  return { scope, scopeId, version: head.version, openAiKey: head.openAiKey };
};

/** A minute later, so that what a mishap spent of the budget for probes does not matter. */
const aMinuteLater = (state: SystemModel, world: SystemWorld): void => pass(state, world, 60);

const pass = (state: SystemModel, world: SystemWorld, seconds: number): void => {
  state.now += seconds * 1_000;
  world.advance(seconds * 1_000);
};

interface KeyArgs {
  readonly as: Actor;
  readonly on: 'site' | 'workspace';
  readonly n: number;
  readonly mishap: Mishap | undefined;
}

const ownerOf = (state: Readonly<SystemModel>, { on, n }: Pick<KeyArgs, 'on' | 'n'>): KeyOwner =>
  on === 'site' && state.sites.length > 0
    ? { site: pick(state.sites.length, n) }
    : { workspace: pick(state.workspaces.length, n) };

const always: Check = () => true;

const putKey = (args: KeyArgs & { readonly key: number }) =>
  step('putKey', { ...args }, always, async (state, world) => {
    const owner = ownerOf(state, args);
    const person = actorAt(state, owner, args.as);
    await change(state, world, {
      workspace: indexOfWorkspace(state, owner),
      mishap: args.mishap,
      use: { scope: 'none', scopeId: '', version: 0, openAiKey: args.key },
      sends: true,
      apply: (next) => model.putKey(next, person, owner, args.key),
      ask: () =>
        world.api.call('PUT', `${ownerPath(state, owner)}/openai-key`, {
          as: world.person(person),
          body: { api_key: world.openAiKey(args.key) },
        }),
    });
    if (args.mishap !== undefined) aMinuteLater(state, world);
  });

const changeKey = ({ verb, ...args }: KeyArgs & { readonly verb: KeyVerb }) =>
  step(verb === 'delete' ? 'deleteKey' : verb, args, always, async (state, world) => {
    const owner = ownerOf(state, args);
    const person = actorAt(state, owner, args.as);
    const path = `${ownerPath(state, owner)}/openai-key`;
    await change(state, world, {
      workspace: indexOfWorkspace(state, owner),
      mishap: args.mishap,
      use: useOf(state, owner),
      opens: verb === 'rotate' || verb === 'test',
      sends: verb === 'test',
      apply: (next) => model.changeKey(next, person, owner, verb),
      ask: () =>
        verb === 'delete'
          ? world.api.call('DELETE', path, { as: world.person(person) })
          : world.api.call('POST', `${path}/${verb}`, { as: world.person(person) }),
    });
    if (args.mishap !== undefined && verb === 'test') aMinuteLater(state, world);
  });

interface WorkspaceArgs {
  readonly as: Actor;
  readonly n: number;
  readonly mishap: Mishap | undefined;
}

const settings = (args: WorkspaceArgs & { readonly mode?: Mode; readonly limit?: number | null }) =>
  step('changeWorkspace', { ...args }, always, async (state, world) => {
    const workspace = pick(state.workspaces.length, args.n);
    const person = actorAt(state, { workspace }, args.as);
    const { mode, limit } = args;
    const body = {
      ...(mode !== undefined && { billing_mode: mode }),
      ...(limit !== undefined && { concurrency_limit: limit }),
    };
    await change(state, world, {
      workspace,
      mishap: args.mishap,
      apply: (next) =>
        model.changeWorkspace(next, person, workspace, {
          ...(mode !== undefined && { mode }),
          ...(limit !== undefined && { limit }),
        }),
      ask: () => world.api.call('PATCH', ownerPath(state, { workspace }), { as: world.person(person), body }),
    });
  });

const saveMember = (args: WorkspaceArgs & { readonly who: number; readonly role: Role }) =>
  step('saveMember', { ...args }, always, async (state, world) => {
    const workspace = pick(state.workspaces.length, args.n);
    const person = actorAt(state, { workspace }, args.as);
    const isNew = !model.at(state.workspaces, workspace).members.has(args.who);
    let invitation: unknown;
    await change(state, world, {
      workspace,
      mishap: isNew ? undefined : args.mishap,
      apply: (next) => model.saveMember(next, person, workspace, args.who, args.role),
      ask: async () => {
        const path = `${ownerPath(state, { workspace })}/members/${world.person(args.who)}`;
        const answer = await world.api.call('PUT', path, {
          as: world.person(person),
          body: { role: args.role },
        });
        invitation = answer.data?.invitation_id;
        return answer;
      },
    });
    if (typeof invitation !== 'string') return;
    await change(state, world, {
      workspace,
      mishap: args.mishap,
      apply: (next) => model.acceptInvitation(next, workspace, args.who, args.role),
      ask: () =>
        world.api.call('POST', `/v1/invitations/${invitation}/accept`, { as: world.person(args.who) }),
    });
  });

const removeMember = (args: WorkspaceArgs & { readonly who: number }) =>
  step('removeMember', { ...args }, always, async (state, world) => {
    const workspace = pick(state.workspaces.length, args.n);
    const person = actorAt(state, { workspace }, args.as);
    await change(state, world, {
      workspace,
      mishap: args.mishap,
      apply: (next) => model.removeMember(next, person, workspace, args.who),
      ask: () =>
        world.api.call('DELETE', `${ownerPath(state, { workspace })}/members/${world.person(args.who)}`, {
          as: world.person(person),
        }),
    });
    await outsidersSeeNothing(state, world, workspace);
  });

/** Checks that a person who is no member may do nothing, and gets the answer for what never existed. */
const outsidersSeeNothing = async (
  state: SystemModel,
  world: SystemWorld,
  workspace: number,
): Promise<void> => {
  const { members, id } = model.at(state.workspaces, workspace);
  const site = state.sites.find((one) => one.workspace === workspace);
  for (const who of [0, 1, 2, 3].filter((one) => !members.has(one))) {
    const as = world.person(who);
    const asked = [
      world.api.call('GET', `/v1/workspaces/${id}`, { as }),
      world.api.call('GET', `/v1/workspaces/${id}/audit`, { as }),
      world.api.call('POST', `/v1/workspaces/${id}/openai-key/resume`, { as }),
      ...(site === undefined
        ? []
        : [
            world.api.call('GET', `/v1/sites/${site.id}/sessions`, { as }),
            world.api.call('POST', `/v1/sites/${site.id}/openai-key/rotate`, { as }),
          ]),
    ];
    for (const answer of await Promise.all(asked))
      expect(codeOf(answer)).toMatch(/^404 (workspace|site)_not_found$/);
  }
};

const addSite = (args: WorkspaceArgs & { readonly maxDuration: number }) =>
  step('addSite', { ...args }, always, async (state, world) => {
    const workspace = pick(state.workspaces.length, args.n);
    const person = actorAt(state, { workspace }, args.as);
    const before = structuredClone(state);
    const due = model.addSite(state, person, workspace, args.maxDuration, '?');
    const path = ownerPath(state, { workspace });
    const answer = await world.during(args.mishap, () =>
      world.api.call('POST', `${path}/sites`, {
        as: world.person(person),
        body: { name: 'Site', allowed_origins: [ORIGIN], max_duration_seconds: args.maxDuration },
      }),
    );
    const code = codeOf(answer);
    if (args.mishap === undefined) expect({ code }).toEqual({ code: due });
    if (due !== '200') {
      expect(code).not.toBe('200');
      Object.assign(state, before);
    } else {
      const added = state.sites.pop();
      const real = code === '200' ? answer.data.site_id : await unknownSite(state, world, workspace);
      if (added === undefined || real === undefined) Object.assign(state, before);
      else state.sites.push({ ...added, id: real });
    }
    expect(await observed(state, world, workspace)).toBe(pictured(state, world, workspace));
  });

const changeSite = (args: WorkspaceArgs & Pick<model.Site, 'maxDuration' | 'open'>) =>
  step('changeSite', { ...args }, someSite, async (state, world) => {
    const site = pick(state.sites.length, args.n);
    const person = actorAt(state, { site }, args.as);
    const { maxDuration, open } = args;
    await change(state, world, {
      workspace: model.at(state.sites, site).workspace,
      mishap: args.mishap,
      apply: (next) => model.changeSite(next, person, site, { maxDuration, open }),
      ask: () =>
        world.api.call('PATCH', ownerPath(state, { site }), {
          as: world.person(person),
          body: {
            max_duration_seconds: maxDuration,
            allowed_origins: [open ? ORIGIN : 'https://other.example'],
          },
        }),
    });
  });

const unknownSite = async (
  state: SystemModel,
  { tables }: SystemWorld,
  workspace: number,
): Promise<string | undefined> => {
  const { id } = model.at(state.workspaces, workspace);
  const known = new Set(state.sites.map((site) => site.id));
  const items = await tables.partition('tenancy', `WORKSPACE#${id}`);
  return items
    .filter(({ sk }) => String(sk).startsWith('SITE#'))
    .map(({ siteId }) => String(siteId))
    .find((siteId) => !known.has(siteId));
};

/** Deletes with several writes. A caller that got no clear answer repeats it, and learns that there is nothing left. */
const ended = async (
  state: SystemModel,
  world: SystemWorld,
  mishap: Mishap | undefined,
  apply: (next: SystemModel) => string,
  ask: () => Promise<TestAnswer>,
): Promise<void> => {
  const due = apply(state);
  const code = codeOf(await world.during(mishap, ask));
  if (code === due) return;
  expect({ code }).toEqual({ code: mishap === undefined ? due : expect.stringMatching(UNSURE) });
  const again = codeOf(await ask());
  expect(again === due || (due === '200' && again.startsWith('404 '))).toBe(true);
};

const archiveSite = (args: WorkspaceArgs) =>
  step('archiveSite', { ...args }, someSite, async (state, world) => {
    const site = pick(state.sites.length, args.n);
    const person = actorAt(state, { site }, args.as);
    const { id, workspace } = model.at(state.sites, site);
    await ended(
      state,
      world,
      args.mishap,
      (next) => model.archiveSite(next, person, site),
      () => world.api.call('DELETE', `/v1/sites/${id}`, { as: world.person(person) }),
    );
    expect(await observed(state, world, workspace)).toBe(pictured(state, world, workspace));
  });

const deleteWorkspace = (args: WorkspaceArgs) =>
  step('deleteWorkspace', { ...args }, always, async (state, world) => {
    const workspace = pick(state.workspaces.length, args.n);
    const person = actorAt(state, { workspace }, args.as);
    await ended(
      state,
      world,
      args.mishap,
      (next) => model.deleteWorkspace(next, person, workspace),
      () =>
        world.api.call('DELETE', ownerPath(state, { workspace }), {
          as: world.person(person),
          body: { confirm: 'Workspace' },
        }),
    );
    expect(await observed(state, world, workspace)).toBe(pictured(state, world, workspace));
  });

const setPlan = ({ n, plan }: { readonly n: number; readonly plan: PlanName }) =>
  step('setPlan', { n, plan }, always, async (state, world) => {
    const workspace = model.at(state.workspaces, pick(state.workspaces.length, n));
    await putOnPlan(world.api, { workspaceId: workspace.id }, plan);
    workspace.plan = plan;
  });

// Visitors

interface MintArgs {
  readonly n: number;
  /** How many visitors ask at the same moment, no two from one address. */
  readonly visitors: number;
  /** The first of them. */
  readonly from: number;
  readonly ownPage: boolean;
  readonly mishap: Mishap | undefined;
}

const mintSessions = (args: MintArgs) =>
  step('mint', { ...args }, someSite, async (state, world) => {
    const site = pick(state.sites.length, args.n);
    const { ownPage } = args;
    const ask = async (index: number) => {
      const visitor = (args.from + index) % VISITORS;
      const answer = await world.api.call('POST', `/v1/${model.at(state.sites, site).id}/token`, {
        origin: ownPage ? ORIGIN : 'https://elsewhere.example',
        headers: addressHeader(visitor),
        body: {},
      });
      return { visitor, answer };
    };
    if (args.mishap !== undefined)
      return mintWithMishap(state, world, site, args, async () => (await ask(0)).answer);
    // In bad weather one visitor's slot comes back while the next one asks: then one after another.
    const together = state.weather === 'good';
    const answers = await Promise.all(Array.from({ length: together ? args.visitors : 1 }, (_, i) => ask(i)));
    // Together they may be admitted in any order: judged as if those who may not have another session came first, those
    // with more minutes next, and those without a slot last.
    const inOrder = answers.toSorted(
      ({ answer: a }, { answer: b }) => turnOf(a) - turnOf(b) || secondsIn(b) - secondsIn(a),
    );
    // Of a hard-capped plan several may then be promised the same rest: they hold two minutes of it each.
    const most = Math.max(
      ...inOrder.map(({ visitor }) => model.judgeMint(state, site, { ownPage, visitor }).maxDuration ?? 0),
    );
    let use: Use | undefined;
    let opened = 0;
    for (const { visitor, answer } of inOrder) {
      const admission = model.judgeMint(state, site, { ownPage, visitor });
      use = useOfAdmission(state, site, admission) ?? use;
      opened += admission.payer === undefined ? 0 : 1;
      if (answers.length === 1) mintAnswered(state, site, admission, answer, true);
      else {
        const promised = secondsIn(answer);
        const fits = promised >= (admission.maxDuration ?? 0) && promised <= most;
        mintAnswered(state, site, fits ? { ...admission, maxDuration: promised } : admission, answer, false);
      }
    }
    expectUses(world, use, { opened, sent: opened > 0 });
  });

const turnOf = ({ status, error }: TestAnswer): number => (error?.code === 'rate_limited' ? 0 : status);
const secondsIn = ({ data }: TestAnswer): number => data?.max_duration_seconds ?? 0;

const useOfAdmission = (state: SystemModel, site: number, { payer }: model.Admission): Use | undefined => {
  if (payer === undefined) return undefined;
  const owner = payer.scope === 'site' ? { site } : { workspace: model.at(state.sites, site).workspace };
  const scopeId = payer.scope === 'platform' ? 'platform' : (ownerPath(state, owner).split('/').at(-1) ?? '');
  return { scope: payer.scope, scopeId, version: payer.version, openAiKey: payer.openAiKey };
};

const mintAnswered = (
  state: SystemModel,
  site: number,
  admission: model.Admission,
  answer: TestAnswer,
  alone: boolean,
): void => {
  expect({ code: codeOf(answer) }).toEqual({ code: admission.answer });
  if (admission.retryAfter !== undefined && alone)
    expect(answer.headers.get('retry-after')).toBe(String(admission.retryAfter));
  if (admission.answer === '200') {
    const { data } = answer;
    expect(data).toMatchObject({
      mode: admission.payer?.mode,
      max_duration_seconds: admission.maxDuration,
      ...(alone && { remaining_slots: admission.remaining }),
    });
    expect(state.sessions.map(({ id }) => id)).not.toContain(data.session_id);
    model.addSession(state, site, admission, { id: data.session_id, signingSecret: data.signing_secret });
  } else if (admission.payer !== undefined)
    state.refused.push({ site, code: admission.answer.split(' ')[1] ?? '' });
};

/** Whatever the visitor was told: no secret without a session on record, and what was taken is known. */
const mintWithMishap = async (
  state: SystemModel,
  world: SystemWorld,
  site: number,
  { ownPage, from: visitor, mishap }: MintArgs,
  ask: () => Promise<TestAnswer>,
): Promise<void> => {
  const { id, workspace } = model.at(state.sites, site);
  const before = new Set((await world.tables.sessionsOf(id)).map((item) => item['sessionId']));
  const admission = model.judgeMint(state, site, { ownPage, visitor });
  const answer = await world.during(mishap, ask);
  expectUses(world, useOfAdmission(state, site, admission), { opened: 0, sent: false, atMost: true });
  if (answer.status === 200) return mintAnswered(state, site, admission, answer, true);
  const expected = [admission.answer, '503 unavailable', ...(admission.payer ? ['429 busy'] : [])];
  expect(expected).toContain(codeOf(answer));
  const strays = (await world.tables.sessionsOf(id)).filter((item) => !before.has(item['sessionId']));
  expect(strays.length).toBeLessThanOrEqual(1);
  const [stray] = strays;
  if (stray === undefined) return;
  expect(admission.payer).toBeDefined();
  await takeIn(state, world, { site, workspace, admission, stray });
};

/** Takes in the records of a mint whose answer was lost. */
const takeIn = async (
  state: SystemModel,
  world: SystemWorld,
  {
    site,
    workspace,
    admission,
    stray,
  }: {
    readonly site: number;
    readonly workspace: number;
    readonly admission: model.Admission;
    readonly stray: Item;
  },
): Promise<void> => {
  const id = String(stray['sessionId']);
  const { id: siteId } = model.at(state.sites, site);
  const { id: workspaceId } = model.at(state.workspaces, workspace);
  const session = model.addSession(state, site, admission, { id, signingSecret: undefined });
  const leases = (await world.tables.slotsOf(workspaceId)).map((item) => leaseItem.parse(item));
  const lease = leases.find(({ holder }) => holder === holderTagOf(id as SessionId));
  if (lease !== undefined) expect(lease.expiresAt).toBe(session.connectBy);
  session.leaseEnds = lease === undefined ? 0 : session.connectBy;
  const meter = (await world.tables.usageOf(`METERS#${siteId}`)).find(({ sk }) => sk === id);
  expect(meter !== undefined).toBe(session.metered);
  session.silent = meter?.['silent'] === true;
};

interface ReportArgs {
  readonly n: number;
  readonly types: readonly model.ReportedEvent['type'][];
  /** Seconds that the events are old. */
  readonly late: number;
  readonly again: boolean;
  readonly forged: boolean;
  readonly mishap: Mishap | undefined;
}

let events = 0;

const eventsOf = (types: ReportArgs['types'], at: number): readonly model.ReportedEvent[] =>
  types.map((type) => ({ id: `event-${++events}`, type, at }));

const sendReport = (
  state: SystemModel,
  world: SystemWorld,
  session: model.Session,
  told: readonly model.ReportedEvent[],
  secret = session.signingSecret ?? '',
): Promise<TestAnswer> =>
  report(
    world.api,
    { siteId: model.at(state.sites, session.site).id },
    { session_id: session.id, signing_secret: secret },
    told.map(({ id, type, at }) => ({
      id,
      type,
      at: new Date(at).toISOString(),
      ...(type === 'ended' && { reason: 'hung_up' }),
      ...(type === 'error' && { source: 'response', code: 'insufficient_quota' }),
      ...(type === 'usage' && { response_id: id, usage: USAGE }),
    })),
    { signedAt: world.clock() },
  );

const holdsSlot = (state: SystemModel) => (session: model.Session) =>
  session.signingSecret !== undefined && session.leaseEnds > model.seconds(state);

/** A visitor who talks: a sign of life each `beat` seconds, `beats` times. */
const talk = (args: { readonly n: number; readonly beat: number; readonly beats: number }) =>
  step(
    'talk',
    { ...args },
    (state) => state.sessions.some(holdsSlot(state)),
    async (state, world) => {
      const able = state.sessions.filter(holdsSlot(state));
      const session = model.at(able, pick(able.length, args.n));
      for (let i = 0; i <= args.beats; i++) {
        if (i > 0) pass(state, world, args.beat);
        const told = eventsOf([i === 0 ? 'connected' : 'heartbeat'], state.now);
        const due = model.report(state, session, told);
        const answer = await sendReport(state, world, session, told);
        expect(codeOf(answer)).toBe('200');
        expect(answer.data).toMatchObject({ reason: due.reason, ...tallyOf(due) });
        await ledgerAgrees(state, world);
        if (due.reason !== null) return;
      }
    },
  );

const reportOnSession = (args: ReportArgs) =>
  step('report', { ...args }, someSession, async (state, world) => {
    const able = state.sessions.filter(({ signingSecret }) => signingSecret !== undefined);
    const session = model.at(able, pick(able.length, args.n));
    const told = eventsOf(args.types, state.now - args.late * 1_000);
    const send = (secret?: string) => sendReport(state, world, session, told, secret);
    if (args.forged) {
      const forged = await world.during(args.mishap, () => send(Buffer.alloc(32, 1).toString('base64')));
      expect(codeOf(forged)).toBe('401 invalid_signature');
      return;
    }
    const due = model.report(state, session, told);
    const first = await world.during(args.mishap, send);
    // A widget that heard nothing sends the same again.
    const answer = args.mishap !== undefined && first.status !== 200 ? await send() : first;
    if (answer !== first) expect(codeOf(first)).toBe('503 unavailable');
    expect(codeOf(answer)).toBe('200');
    expect(answer.data).toMatchObject({ reason: due.reason, ...(args.mishap === undefined && tallyOf(due)) });
    if (!args.again) return;
    const repeated = await send();
    expect(repeated.data).toMatchObject({ ...tallyOf(model.report(state, session, told)), accepted: 0 });
  });

const tallyOf = ({ accepted, duplicates, flagged }: model.ReportAnswer) => ({
  accepted,
  duplicates,
  flagged,
});

const USAGE = {
  input_token_details: { audio_tokens: model.USAGE_OF_A_RESPONSE.audioIn },
  output_token_details: { audio_tokens: model.USAGE_OF_A_RESPONSE.audioOut },
};

// The world around

const wait = (seconds: number) =>
  step('wait', { seconds }, always, async (state, world) => pass(state, world, seconds));

const waitForMonth = (beside: number) =>
  step('waitForMonth', { beside }, always, async (state, world) => {
    const { now } = state;
    const next =
      Date.UTC(new Date(now).getUTCFullYear(), new Date(now).getUTCMonth() + 1, 1) + beside * 1_000;
    if (next > now) pass(state, world, Math.floor((next - now) / 1_000));
  });

const weather = (next: Weather) =>
  step('weather', { next }, always, async (state, world) => {
    state.weather = next;
    world.setWeather(next);
  });

const restart = () => step('restart', {}, always, async (_, world) => world.restart());

const sweep = (mishap: Mishap | undefined) =>
  step('sweep', { mishap }, always, async (state, world) => {
    if (mishap !== undefined) await world.during(mishap, () => world.sweep()).catch(() => undefined);
    await world.sweep();
    model.sweep(state);
  });

const project = (mishap: Mishap | undefined) =>
  step('project', { mishap }, always, async (_, world) => {
    if (mishap !== undefined) await world.during(mishap, () => world.project(1));
    await world.project(1);
  });

/** Checks that the dashboard's month is the sum of the sessions, and that its slots are those that are held. */
export const ledgerAgrees = async (state: SystemModel, world: SystemWorld): Promise<void> => {
  for (const [index, workspace] of state.workspaces.entries()) {
    const owner = [...workspace.members].find(([, role]) => role === 'owner')?.[0];
    if (workspace.deleted || owner === undefined) continue;
    const as = world.person(owner);
    const period = (await world.tables.usageOf(`USAGE#${workspace.id}`)).find(
      ({ sk }) => sk === `PERIOD#${new Date(state.now).toISOString().slice(0, 7)}`,
    );
    const { used, committed } = model.periodOf(state, workspace, state.now);
    expect({
      used: period?.['usedSeconds'] ?? 0,
      committed: period?.['committedSeconds'] ?? 0,
    }).toEqual({ used, committed });
    const usage = await world.api.call('GET', `/v1/workspaces/${workspace.id}/usage`, { as });
    const { input_audio, output_audio, ...totals } = model.usageOf(state, index);
    expect(usage.data.totals).toMatchObject({ ...totals, tokens: { input_audio, output_audio } });
    expect(usage.data.plan).toMatchObject({ used_seconds: used });
  }
};

const look = () => step('look', {}, always, ledgerAgrees);

// Histories

const mishap = fc.oneof(
  { weight: 4, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('lost' as const, 'killed' as const), write: fc.nat(4) }),
  },
);
const as = fc.oneof(
  { weight: 3, arbitrary: fc.constant('owner' as const) },
  { weight: 1, arbitrary: fc.nat(3) },
);
const n = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(3) });
const on = fc.constantFrom('site' as const, 'workspace' as const);
const common = { as, n, mishap };

const eventType = fc.constantFrom(
  'connected',
  'heartbeat',
  'heartbeat',
  'usage',
  'error',
  'ended',
) as fc.Arbitrary<model.ReportedEvent['type']>;

/** One visitor of the managed site talks as long as a session may last, the next until another visitor holds the rest. */
export const talkingVisitors = (): Command[] => [
  mintSessions({ n: 1, visitors: 2, from: 0, ownPage: true, mishap: undefined }),
  talk({ n: 0, beat: 70, beats: 100 }),
  sweep(undefined),
  mintSessions({ n: 1, visitors: 1, from: 2, ownPage: true, mishap: undefined }),
  mintSessions({ n: 1, visitors: 1, from: 3, ownPage: true, mishap: undefined }),
  talk({ n: 0, beat: 70, beats: 100 }),
];

/** Steps by how often they come; visitors come most. */
export const steps: fc.Arbitrary<Command>[] = (
  [
    [
      8,
      fc
        .record({
          n,
          visitors: fc.constantFrom(1, 1, 1, 2, 3),
          from: fc.nat(VISITORS - 1),
          ownPage: fc.constantFrom(true, true, true, true, true, true, false),
          mishap,
        })
        .map(mintSessions),
    ],
    [
      8,
      fc
        .record({
          n: fc.nat(30),
          types: fc.array(eventType, { minLength: 1, maxLength: 3 }),
          late: fc.constantFrom(0, 0, 0, 5, 40, 400, -200, -400),
          again: fc.constantFrom(false, false, true),
          forged: fc.constantFrom(false, false, false, false, true),
          mishap,
        })
        .map(reportOnSession),
    ],
    [
      4,
      fc.record({ n: fc.nat(30), beat: fc.constantFrom(20, 70), beats: fc.constantFrom(2, 4, 8) }).map(talk),
    ],
    [6, fc.record({ ...common, on, key: fc.nat(3) }).map(putKey)],
    [
      6,
      fc
        .record({
          ...common,
          on,
          verb: fc.constantFrom<KeyVerb>(
            'rollback',
            'rotate',
            'rollback',
            'rollback',
            'suspend',
            'resume',
            'resume',
            'delete',
            'test',
          ),
        })
        .map(changeKey),
    ],
    [
      2,
      fc
        .record(
          {
            ...common,
            mode: fc.constantFrom<Mode>('byok', 'managed'),
            limit: fc.constantFrom(1, 2, 3, null),
          },
          { requiredKeys: ['as', 'n', 'mishap'] },
        )
        .filter(({ mode, limit }) => mode !== undefined || limit !== undefined)
        .map((args) => settings(args as Parameters<typeof settings>[0])),
    ],
    [2, fc.record({ ...common, who: fc.nat(3), role: fc.constantFrom(...model.ROLES) }).map(saveMember)],
    [1, fc.record({ ...common, who: fc.nat(3) }).map(removeMember)],
    [1, fc.record({ ...common, maxDuration: fc.constantFrom(30, 600, 3_600) }).map(addSite)],
    [
      2,
      fc
        .record({
          ...common,
          maxDuration: fc.constantFrom(30, 600, 3_600),
          open: fc.constantFrom(true, true, false),
        })
        .map(changeSite),
    ],
    [1, fc.record({ ...common, as: fc.nat(3) }).map(archiveSite)],
    [1, fc.record({ n, plan: fc.constantFrom<PlanName>('free', 'starter', 'enterprise') }).map(setPlan)],
    [
      5,
      fc
        .constantFrom(1, 5, 20, 61, 74, 75, 90, 91, 600, 3_600, 6 * 3_600, 24 * 3_600 - 1, 25 * 3_600)
        .map(wait),
    ],
    [1, fc.constantFrom(-5, 0, 3_600).map(waitForMonth)],
    [
      2,
      fc
        .constantFrom<Weather>('good', 'good', 'failing', 'overloaded', 'out_of_credit', 'keys_revoked')
        .map(weather),
    ],
    [1, fc.constant(restart())],
    [2, mishap.map(sweep)],
    [2, mishap.map(project)],
    [1, fc.constant(look())],
    [1, fc.record({ ...common, as: fc.nat(3), n: fc.constantFrom(1, 1, 0) }).map(deleteWorkspace)],
  ] as const
).flatMap(([weight, step]) => Array.from({ length: weight }, () => step)) as never;
