/**
 * A model of the whole system, as the documents describe it, for one caller at a time: no product code, no I/O. Every
 * operation returns the expected answer, `200` or `<status> <code>`, and changes the model where that is a success.
 * One file, because it is read as one specification.
 */

export const ROLES = ['viewer', 'admin', 'owner'] as const;
export type Role = (typeof ROLES)[number];
export type Mode = 'byok' | 'managed';
/** How OpenAI behaves for a while, and what a mint is answered meanwhile. */
export const OPENAI_WEATHER = {
  good: '200',
  failing: '502 openai_error',
  overloaded: '429 busy',
  out_of_credit: '402 openai_quota_exhausted',
  keys_revoked: '422 openai_key_rejected',
} as const;
export type Weather = keyof typeof OPENAI_WEATHER;

/** Numbers of docs/sessions.md, docs/key-lifecycle.md and docs/pricing.md; seconds. */
const CONNECT_GRACE = 30;
const CLIENT_SECRET = 60;
const REPORT_LEASE = 75;
const HEARTBEAT = 20;
const OVERTIME = 30;
const LONGEST = 3_600;
const SKEW = 300;
const BELIEVED = 4 * 3_600;
const SHORTEST = 5;
const RETENTION = 24 * 3_600;
const PROBES_PER_MINUTE = 10;
const SLOTS_OF_TIER_2 = 10;
/** The share of one address: of the slots of a key, and of what is left of a hard-capped plan. */
export const ADDRESS_PERCENT = 34;
/** Seconds that a session of a hard-capped plan holds ahead of those it has used; with less than the second left it grows. */
const HOLD_AHEAD = 120;
const HOLD_GROWS_BELOW = 60;
/** The longest wait that a visitor is told when every slot is taken. */
const LONGEST_BUSY = 60;
export const PLANS = {
  free: { sites: 1, cap: 100 * 60, slots: 5 },
  starter: { sites: 3, cap: undefined, slots: 10 },
  enterprise: { sites: Number.POSITIVE_INFINITY, cap: undefined, slots: 100 },
} as const;
export type PlanName = keyof typeof PLANS;

/** The platform's key among the numbers that stand for OpenAI keys. */
export const PLATFORM = -1;

export interface Head {
  readonly openAiKey: number;
  readonly version: number;
  readonly suspended: boolean;
}

export interface Scope {
  head: Head | undefined;
  lastVersion: number;
  retained: { readonly openAiKey: number; readonly version: number; readonly until: number } | undefined;
  history: { readonly version: number; readonly reason: 'stored' | 'reencrypted' }[];
}

export interface Site {
  readonly id: string;
  readonly workspace: number;
  readonly key: Scope;
  maxDuration: number;
  /** Whether the page of the visitors is registered. */
  open: boolean;
  archived: boolean;
}

export interface Workspace {
  readonly id: string;
  readonly members: Map<number, Role>;
  readonly key: Scope;
  mode: Mode;
  plan: PlanName;
  limit: number | null;
  deleted: boolean;
  probes: { minute: number; spent: number };
  /** Types of the audit events of people, oldest first. */
  readonly trail: string[];
}

export interface Session {
  readonly id: string;
  readonly site: number;
  readonly mode: Mode;
  readonly scope: 'site' | 'workspace' | 'platform';
  readonly version: number;
  /** Milliseconds, as every `…At`. */
  readonly issuedAt: number;
  /** Seconds, as every other time. */
  readonly connectBy: number;
  /** Seconds of a hard-capped plan that it holds, 0 on any other plan; grows with its reports. */
  hold: number;
  /** Seconds of it that the totals contain while it runs under a hard cap. */
  settled: number;
  readonly maxDuration: number;
  /** The address of its visitor. */
  readonly address: string;
  /** The OpenAI key whose slot it takes. */
  readonly pool: number;
  /** Until when the slot is its own; 0: no more. */
  leaseEnds: number;
  /** When the next visitor may expect its slot; undefined: at the end of the lease. */
  expectedAt: number | undefined;
  /** undefined: no widget ever got it. */
  readonly signingSecret: string | undefined;
  metered: boolean;
  connectedAt: number | undefined;
  firstSeenAt: number | undefined;
  lastSeenAt: number | undefined;
  endedAt: number | undefined;
  receivedAt: number;
  silent: boolean;
  readonly seen: Set<string>;
  readonly tokens: { audioIn: number; audioOut: number };
  responses: number;
  flagged: boolean;
}

export interface SystemModel {
  now: number;
  weather: Weather;
  readonly workspaces: Workspace[];
  readonly sites: Site[];
  readonly sessions: Session[];
  /** Refusals that a session is on record for, by site. */
  readonly refused: { readonly site: number; readonly code: string }[];
}

export const emptyModel = (now: number): SystemModel => ({
  now,
  weather: 'good',
  workspaces: [],
  sites: [],
  sessions: [],
  refused: [],
});

export const seconds = ({ now }: Pick<SystemModel, 'now'>): number => Math.floor(now / 1_000);
export const emptyScope = (): Scope => ({
  head: undefined,
  lastVersion: 0,
  retained: undefined,
  history: [],
});

export type KeyOwner = { readonly site: number } | { readonly workspace: number };
export const workspaceOf = (model: SystemModel, owner: KeyOwner): Workspace => {
  const index = 'site' in owner ? at(model.sites, owner.site).workspace : owner.workspace;
  return at(model.workspaces, index);
};
export const scopeOf = (model: SystemModel, owner: KeyOwner): Scope =>
  'site' in owner ? at(model.sites, owner.site).key : at(model.workspaces, owner.workspace).key;
export const at = <Item>(items: readonly Item[], index: number): Item => {
  const item = items[index];
  if (item === undefined) throw new Error(`There is nothing at ${index}.`);
  return item;
};

/** `200`, or why `person` may not: nobody learns of what is not theirs; a member learns that a role is missing. */
export const mayTouch = (model: SystemModel, owner: KeyOwner, person: number, needed: Role): string => {
  const workspace = workspaceOf(model, owner);
  const missing = 'site' in owner ? '404 site_not_found' : '404 workspace_not_found';
  const role = workspace.members.get(person);
  const gone = workspace.deleted || ('site' in owner && at(model.sites, owner.site).archived);
  if (gone || role === undefined) return missing;
  return ROLES.indexOf(role) >= ROLES.indexOf(needed) ? '200' : '403 forbidden';
};

/** Runs `change` for a person who may, and takes its audit events down. */
const byRole = (
  model: SystemModel,
  owner: KeyOwner,
  person: number,
  needed: Role,
  change: (workspace: Workspace) => string | readonly string[],
): string => {
  const access = mayTouch(model, owner, person, needed);
  if (access !== '200') return access;
  const workspace = workspaceOf(model, owner);
  const result = change(workspace);
  if (typeof result === 'string') return result;
  workspace.trail.push(...result);
  return '200';
};

// Tenancy

export const addWorkspace = (model: SystemModel, person: number, mode: Mode, id: string): void => {
  model.workspaces.push({
    id,
    members: new Map([[person, 'owner']]),
    key: emptyScope(),
    mode,
    plan: 'free',
    limit: null,
    deleted: false,
    probes: { minute: 0, spent: 0 },
    trail: ['workspace.created'],
  });
};

export const addSite = (
  model: SystemModel,
  person: number,
  workspace: number,
  maxDuration: number,
  id: string,
): string =>
  byRole(model, { workspace }, person, 'admin', ({ plan, mode }) => {
    const standing = model.sites.filter((site) => site.workspace === workspace && !site.archived).length;
    // With your own key sites are not limited.
    if (mode === 'managed' && standing >= PLANS[plan].sites) return '409 site_limit_reached';
    model.sites.push({ id, workspace, maxDuration, open: true, key: emptyScope(), archived: false });
    return ['site.created'];
  });

export const changeSite = (
  model: SystemModel,
  person: number,
  site: number,
  change: Pick<Site, 'maxDuration' | 'open'>,
): string =>
  byRole(model, { site }, person, 'admin', () => {
    Object.assign(at(model.sites, site), change);
    return ['site.changed'];
  });

export const archiveSite = (model: SystemModel, person: number, site: number): string =>
  byRole(model, { site }, person, 'admin', () => {
    const ended = at(model.sites, site);
    const shredded = ended.key.head === undefined ? [] : ['key.deleted'];
    shred(ended.key);
    ended.archived = true;
    return [...shredded, 'site.archived'];
  });

export const deleteWorkspace = (model: SystemModel, person: number, workspace: number): string =>
  byRole(model, { workspace }, person, 'owner', (ended) => {
    ended.deleted = true;
    shred(ended.key);
    for (const site of model.sites)
      if (site.workspace === workspace) {
        site.archived = true;
        shred(site.key);
      }
    return ['workspace.deleted'];
  });

const ownersOf = ({ members }: Workspace): number =>
  [...members.values()].filter((role) => role === 'owner').length;

export const saveMember = (
  model: SystemModel,
  person: number,
  workspace: number,
  who: number,
  role: Role,
): string =>
  byRole(model, { workspace }, person, 'owner', (changed) => {
    const before = changed.members.get(who);
    if (before === undefined) return ['member.invited'];
    if (before === role) return [];
    if (before === 'owner' && ownersOf(changed) === 1) return '409 last_owner';
    changed.members.set(who, role);
    return ['member.saved'];
  });

/** The person `who` accepts the invitation that was just sent to them. */
export const acceptInvitation = (model: SystemModel, workspace: number, who: number, role: Role): string => {
  const joined = at(model.workspaces, workspace);
  joined.members.set(who, role);
  joined.trail.push('member.saved');
  return '200';
};

export const removeMember = (model: SystemModel, person: number, workspace: number, who: number): string =>
  byRole(model, { workspace }, person, who === person ? 'viewer' : 'owner', (changed) => {
    const before = changed.members.get(who);
    if (before === undefined) return '404 member_not_found';
    if (before === 'owner' && ownersOf(changed) === 1) return '409 last_owner';
    changed.members.delete(who);
    return ['member.removed'];
  });

export const changeWorkspace = (
  model: SystemModel,
  person: number,
  workspace: number,
  change: Partial<Pick<Workspace, 'mode' | 'limit'>>,
): string =>
  byRole(model, { workspace }, person, 'owner', (changed) => {
    Object.assign(changed, change);
    return ['workspace.changed'];
  });

// Keys

const shred = (scope: Scope): void => {
  scope.head = undefined;
  scope.retained = undefined;
};

/** A pasted or stored key is tried at OpenAI ten times a minute at most, in one workspace. */
const mayProbe = (model: SystemModel, { probes }: Workspace): boolean => {
  const minute = Math.floor(model.now / 60_000);
  if (probes.minute !== minute) Object.assign(probes, { minute, spent: 0 });
  if (probes.spent >= PROBES_PER_MINUTE) return false;
  probes.spent++;
  return true;
};

export const putKey = (model: SystemModel, person: number, owner: KeyOwner, openAiKey: number): string =>
  byRole(model, owner, person, 'admin', (workspace) => {
    if (!mayProbe(model, workspace)) return '429 rate_limited';
    // What OpenAI cannot judge is stored, unverified, where it replaces nothing; what it refuses is not.
    if (model.weather === 'out_of_credit' || model.weather === 'keys_revoked')
      return OPENAI_WEATHER[model.weather];
    const scope = scopeOf(model, owner);
    if (model.weather !== 'good' && scope.head) return '409 openai_key_unverified';
    scope.retained = scope.head && { ...scope.head, until: seconds(model) + RETENTION };
    scope.lastVersion++;
    scope.head = { openAiKey, version: scope.lastVersion, suspended: false };
    scope.history.push({ version: scope.lastVersion, reason: 'stored' });
    return ['key.stored'];
  });

export type KeyVerb = 'rotate' | 'rollback' | 'suspend' | 'resume' | 'delete' | 'test';

export const changeKey = (model: SystemModel, person: number, owner: KeyOwner, verb: KeyVerb): string =>
  byRole(model, owner, person, 'admin', (workspace) => {
    const scope = scopeOf(model, owner);
    const { head, retained } = scope;
    if (head === undefined) return '404 openai_key_missing';
    switch (verb) {
      case 'delete':
        shred(scope);
        return ['key.deleted'];
      case 'suspend':
      case 'resume':
        if (head.suspended === (verb === 'suspend')) return [];
        scope.head = { ...head, suspended: verb === 'suspend' };
        return [`key.${verb}${verb === 'suspend' ? 'ed' : 'd'}`];
      case 'rollback':
        if (retained === undefined || retained.until <= seconds(model)) return '409 no_previous_version';
        scope.head = { ...head, openAiKey: retained.openAiKey, version: retained.version };
        scope.retained = { ...head, until: seconds(model) + RETENTION };
        return ['key.rolled_back'];
      case 'rotate':
        scope.lastVersion++;
        scope.head = { ...head, version: scope.lastVersion };
        scope.history.push({ version: scope.lastVersion, reason: 'reencrypted' });
        return ['key.reencrypted'];
      case 'test':
        if (head.suspended) return '423 openai_key_suspended';
        return mayProbe(model, workspace) ? [] : '429 rate_limited';
    }
  });

/** A key's versions as owners see them, newest first. */
export const versionsOf = (model: SystemModel, { head, retained, history }: Scope): readonly string[] =>
  history
    .map(({ version, reason }) => {
      const kept = retained?.version === version && retained.until > seconds(model);
      return `${version} ${reason} ${head?.version === version ? 'current' : kept ? 'retained' : 'shredded'}`;
    })
    .reverse();

// Mints

export interface Payer extends Pick<Session, 'mode' | 'scope' | 'version'> {
  readonly openAiKey: number;
  readonly slots: number;
  readonly cap: number | undefined;
}

/** Who pays for a session on this site, or the refusal. The site's key goes before the workspace's; neither falls back. */
export const payerOf = (model: SystemModel, site: number): Payer | string => {
  const workspace = workspaceOf(model, { site });
  if (workspace.mode === 'managed') {
    const { cap, slots: ofPlan } = PLANS[workspace.plan];
    const { used } = periodOf(model, workspace, model.now);
    if (cap !== undefined && used >= cap) return '402 minutes_exhausted';
    const slots = Math.min(workspace.limit ?? ofPlan, ofPlan);
    return { mode: 'managed', scope: 'platform', version: 1, openAiKey: PLATFORM, slots, cap };
  }
  const own = at(model.sites, site).key.head;
  const head = own ?? workspace.key.head;
  if (head === undefined) return '422 openai_key_missing';
  if (head.suspended) return '423 openai_key_suspended';
  return {
    mode: 'byok',
    scope: own === undefined ? 'workspace' : 'site',
    version: head.version,
    openAiKey: head.openAiKey,
    slots: workspace.limit ?? SLOTS_OF_TIER_2,
    cap: undefined,
  };
};

export const sessionsOf = (model: SystemModel, workspace: number): Session[] =>
  model.sessions.filter(({ site }) => at(model.sites, site).workspace === workspace);

/** The sessions that hold a slot of a key in a workspace. */
export const leasesOf = (model: SystemModel, workspace: number, openAiKey: number): readonly Session[] =>
  sessionsOf(model, workspace).filter(
    ({ pool, leaseEnds }) => pool === openAiKey && leaseEnds > seconds(model),
  );

/** Seconds until fewer than `limit` of the leases are out. */
const waitOf = (model: SystemModel, leases: readonly Session[], limit: number): number => {
  const ends = leases.map(({ leaseEnds, expectedAt = leaseEnds }) => Math.min(leaseEnds, expectedAt));
  return Math.max(
    1,
    at(
      ends.sort((a, b) => a - b),
      leases.length - limit,
    ) - seconds(model),
  );
};

/** Addresses are compared within one day (UTC). */
const addressAt = ({ now }: SystemModel, visitor: number): string =>
  `${visitor} ${new Date(now).toISOString().slice(0, 10)}`;

/** How many sessions one address may have on a key. */
const shareOf = (model: SystemModel, workspace: Workspace, { slots, cap }: Payer): number => {
  const ofSlots = Math.max(1, Math.floor((slots * ADDRESS_PERCENT) / 100));
  if (cap === undefined) return ofSlots;
  const left = cap - periodOf(model, workspace, model.now).used;
  return Math.min(ofSlots, Math.max(1, Math.floor((left * ADDRESS_PERCENT) / 100 / HOLD_AHEAD)));
};

export interface Admission {
  readonly answer: string;
  readonly retryAfter?: number;
  readonly payer?: Payer;
  readonly hold?: number;
  readonly maxDuration?: number;
  readonly remaining?: number;
  readonly address?: string;
}

export interface Arrival {
  /** Whether the request comes from the registered page. */
  readonly ownPage: boolean;
  /** The visitor; no two share an address. */
  readonly visitor: number;
}

/** How a mint is answered, in the order of the contract. Changes nothing: the session has an id only afterwards. */
export const judgeMint = (model: SystemModel, site: number, { ownPage, visitor }: Arrival): Admission => {
  const { archived, maxDuration, open, workspace: index } = at(model.sites, site);
  const workspace = workspaceOf(model, { site });
  if (archived || workspace.deleted) return { answer: '404 site_not_found' };
  if (!ownPage || !open) return { answer: '403 origin_not_allowed' };
  const payer = payerOf(model, site);
  if (typeof payer === 'string') return { answer: payer };
  const leases = leasesOf(model, index, payer.openAiKey);
  if (leases.length >= payer.slots)
    return { answer: '429 busy', retryAfter: Math.min(LONGEST_BUSY, waitOf(model, leases, payer.slots)) };
  const address = addressAt(model, visitor);
  const own = leases.filter((lease) => lease.address === address);
  const share = shareOf(model, workspace, payer);
  if (own.length >= share) return { answer: '429 rate_limited', retryAfter: waitOf(model, own, share) };
  const left =
    payer.cap === undefined ? undefined : payer.cap - periodOf(model, workspace, model.now).committed;
  if (left !== undefined && left < SHORTEST) return { answer: '402 minutes_exhausted' };
  const longest = left === undefined ? maxDuration : Math.min(maxDuration, left);
  return {
    answer: OPENAI_WEATHER[model.weather],
    payer,
    hold: left === undefined ? 0 : Math.min(longest, HOLD_AHEAD),
    maxDuration: longest,
    remaining: payer.slots - leases.length - 1,
    address,
  };
};

/** Puts an admitted session into the model. */
export const addSession = (
  model: SystemModel,
  site: number,
  { payer, hold = 0, maxDuration = 0, address = '' }: Admission,
  { id, signingSecret }: Pick<Session, 'id' | 'signingSecret'>,
): Session => {
  if (payer === undefined) throw new Error('It was not admitted.');
  const connectBy = seconds(model) + CLIENT_SECRET + CONNECT_GRACE;
  const session: Session = {
    id,
    site,
    mode: payer.mode,
    scope: payer.scope,
    version: payer.version,
    issuedAt: model.now,
    connectBy,
    hold,
    settled: 0,
    maxDuration,
    address,
    pool: payer.openAiKey,
    leaseEnds: connectBy,
    expectedAt: undefined,
    signingSecret,
    metered: payer.mode === 'managed',
    connectedAt: undefined,
    firstSeenAt: undefined,
    lastSeenAt: undefined,
    endedAt: undefined,
    receivedAt: model.now,
    silent: false,
    seen: new Set(),
    tokens: { audioIn: 0, audioOut: 0 },
    responses: 0,
    flagged: false,
  };
  model.sessions.push(session);
  return session;
};

// Reports

export interface ReportedEvent {
  readonly id: string;
  readonly type: 'connected' | 'heartbeat' | 'usage' | 'error' | 'ended';
  readonly at: number;
}

export const USAGE_OF_A_RESPONSE = { audioIn: 40, audioOut: 20 } as const;

export interface ReportAnswer {
  readonly accepted: number;
  readonly duplicates: number;
  readonly flagged: number;
  readonly reason: string | null;
}

const least = (a: number | undefined, b: number): number => (a === undefined ? b : Math.min(a, b));
const most = (a: number | undefined, b: number): number => (a === undefined ? b : Math.max(a, b));

/** Responses that a session can have had: one a second, times 1.5, over its time and 10 seconds. */
const responsesAt = ({ now }: SystemModel, { issuedAt, connectBy }: Session): number =>
  ((Math.min(now, (connectBy + LONGEST) * 1_000) - issuedAt) / 1_000 + 10) * 1.5;

const takeEvent = (model: SystemModel, session: Session, { id, type, at: atMs }: ReportedEvent): string => {
  const { now } = model;
  if (session.seen.has(id)) return 'duplicates';
  if (now > session.issuedAt + BELIEVED * 1_000) return 'flagged';
  if (atMs < session.issuedAt - SKEW * 1_000 || atMs > now + SKEW * 1_000) {
    session.flagged = true;
    return 'flagged';
  }
  const before = [session.connectedAt, session.firstSeenAt, session.lastSeenAt, session.endedAt].join();
  const seen = (): void => {
    session.firstSeenAt = least(session.firstSeenAt, atMs);
    session.lastSeenAt = most(session.lastSeenAt, atMs);
  };
  if (type === 'usage' || type === 'error') session.seen.add(id);
  if (type === 'usage' && session.responses + 1 > responsesAt(model, session)) {
    session.flagged = true;
    return 'flagged';
  }
  if (type === 'usage') {
    seen();
    session.responses++;
    session.tokens.audioIn += USAGE_OF_A_RESPONSE.audioIn;
    session.tokens.audioOut += USAGE_OF_A_RESPONSE.audioOut;
  } else if (type === 'ended') session.endedAt = least(session.endedAt, atMs);
  else if (type !== 'error') {
    if (type === 'connected') session.connectedAt = least(session.connectedAt, atMs);
    seen();
  }
  const after = [session.connectedAt, session.firstSeenAt, session.lastSeenAt, session.endedAt].join();
  if (before === after && type !== 'usage' && type !== 'error') return 'duplicates';
  session.receivedAt = Math.max(session.receivedAt, now);
  return 'accepted';
};

export const isOver = ({ endedAt, silent }: Session): boolean => endedAt !== undefined || silent;

export const report = (
  model: SystemModel,
  session: Session,
  events: readonly ReportedEvent[],
): ReportAnswer => {
  const tally: Record<string, number> = { accepted: 0, duplicates: 0, flagged: 0 };
  const wasOver = isOver(session);
  const { committed } = periodOf(model, workspaceOf(model, { site: session.site }), session.issuedAt);
  const counted = billedOf(session);
  for (const event of events) {
    const outcome = takeEvent(model, session, event);
    tally[outcome] = (tally[outcome] ?? 0) + 1;
  }
  session.metered = true;
  if (wasOver) limitLate(model, session, committed, counted);
  else growHold(model, session, committed);
  session.settled = settledAfterReport(session);
  const now = seconds(model);
  const reason = hangUpOf(model, session, session.leaseEnds > now);
  if (reason === 'ended') session.leaseEnds = 0;
  if (reason === 'max_duration') session.expectedAt = now;
  if (reason === null) {
    session.expectedAt = undefined;
    session.leaseEnds = Math.min(
      Math.max(now + REPORT_LEASE, session.connectBy),
      session.connectBy + LONGEST,
    );
  }
  return { ...(tally as unknown as ReportAnswer), reason };
};

/**
 * A hold that runs short grows to two minutes more than was used, to the session's longest duration at most, and as far as
 * the plan still has seconds; `committed` are those of its period before the report.
 */
const growHold = (model: SystemModel, session: Session, committed: number): void => {
  const { hold, maxDuration } = session;
  const used = secondsOf(session);
  if (hold === 0 || (!isOver(session) && hold - used >= HOLD_GROWS_BELOW)) return;
  const wanted = Math.min(isOver(session) ? used : used + HOLD_AHEAD, maxDuration, LONGEST - OVERTIME);
  const { mode, plan } = workspaceOf(model, { site: session.site });
  const cap = mode === 'managed' ? PLANS[plan].cap : undefined;
  const free = cap === undefined ? Number.POSITIVE_INFINITY : cap - committed;
  session.hold = Math.max(hold, Math.min(wanted, hold + free));
};

/** A session that has ended gave the rest of its hold back: late seconds count as far as the plan still has them. */
const limitLate = (model: SystemModel, session: Session, committed: number, counted: number): void => {
  const { mode, plan } = workspaceOf(model, { site: session.site });
  const cap = mode === 'managed' ? PLANS[plan].cap : undefined;
  if (cap === undefined || session.hold === 0 || billedOf(session) <= counted) return;
  const granted = counted + cap - committed;
  if (granted < billedOf(session)) session.hold = Math.max(1, counted, granted);
};

/** A running session with a hold adds its seconds to the totals when the hold grows or is used up. */
const settledAfterReport = (session: Session): number => {
  const billed = billedOf(session);
  return billed === session.hold
    ? billed
    : Math.min(billed, Math.max(session.settled, session.hold - HOLD_AHEAD));
};

const hangUpOf = (model: SystemModel, session: Session, held: boolean): string | null => {
  const longest = session.maxDuration + OVERTIME;
  if (isOver(session)) return 'ended';
  if (at(model.sites, session.site).archived || workspaceOf(model, { site: session.site }).deleted)
    return 'site_gone';
  if (!held) return 'slot_lost';
  const tooLong = secondsOf(session) >= longest || model.now > (session.connectBy + longest) * 1_000;
  const { hold, maxDuration } = session;
  const usedUp = hold > 0 && hold < Math.min(maxDuration, LONGEST - OVERTIME) && secondsOf(session) >= hold;
  return tooLong || usedUp ? 'max_duration' : null;
};

/** Closes what has fallen silent. */
export const sweep = (model: SystemModel): void => {
  for (const session of model.sessions) {
    const silentFrom = Math.max(session.receivedAt + REPORT_LEASE * 1_000, session.connectBy * 1_000);
    if (session.metered && !isOver(session) && model.now >= silentFrom) session.silent = true;
  }
};

// Books

/** How long a session counts, by its reports and never longer than our clock allows. */
export const secondsOf = (session: Session): number => {
  const { connectedAt, firstSeenAt, lastSeenAt, endedAt, silent } = session;
  const start = connectedAt ?? firstSeenAt;
  if (start === undefined) return 0;
  const silence = silent && endedAt === undefined ? HEARTBEAT : 0;
  const end = endedAt ?? (lastSeenAt === undefined ? undefined : lastSeenAt + silence * 1_000);
  if (end === undefined) return 0;
  const possible = Math.ceil((session.receivedAt - session.issuedAt) / 1_000) + silence;
  const longest = Math.min(session.maxDuration + OVERTIME, LONGEST);
  return Math.max(0, Math.min(Math.floor((end - start) / 1_000), possible, longest));
};

/** The seconds that are billed: on a hard-capped plan never more than the session holds. */
export const billedOf = (session: Session): number => {
  const lasted = secondsOf(session);
  const held = session.hold === 0 ? lasted : Math.min(lasted, session.hold);
  return session.mode === 'managed' && held >= SHORTEST ? held : 0;
};

/** The billed seconds that the totals contain. */
const settledOf = (session: Session): number =>
  session.hold === 0 || isOver(session) ? billedOf(session) : session.settled;

export const hasBegun = ({ connectedAt, firstSeenAt }: Session): boolean =>
  (connectedAt ?? firstSeenAt) !== undefined;

export const stateOf = (session: Session): 'issued' | 'live' | 'ended' =>
  isOver(session) ? 'ended' : hasBegun(session) ? 'live' : 'issued';

const monthOf = (ms: number): string => new Date(ms).toISOString().slice(0, 7);

/** Seconds used, and used or set aside, in the billing period that `ms` is in. */
export const periodOf = (
  model: SystemModel,
  workspace: Workspace,
  ms: number,
): { readonly used: number; readonly committed: number } => {
  const index = model.workspaces.indexOf(workspace);
  let used = 0;
  let committed = 0;
  for (const session of sessionsOf(model, index)) {
    if (monthOf(session.issuedAt) !== monthOf(ms)) continue;
    const settled = settledOf(session);
    used += settled;
    committed += isOver(session) ? settled : Math.max(settled, session.hold);
  }
  return { used, committed };
};

/** Totals of the month of now. */
export const usageOf = (model: SystemModel, workspace: number) => {
  const own = sessionsOf(model, workspace).filter(({ issuedAt }) => monthOf(issuedAt) === monthOf(model.now));
  const sum = (count: (session: Session) => number): number =>
    own.reduce((total, session) => total + count(session), 0);
  return {
    sessions: own.filter(hasBegun).length,
    seconds: sum(secondsOf),
    billed_seconds: sum(settledOf),
    flagged_sessions: own.filter(({ flagged }) => flagged).length,
    input_audio: sum(({ tokens }) => tokens.audioIn),
    output_audio: sum(({ tokens }) => tokens.audioOut),
  };
};
