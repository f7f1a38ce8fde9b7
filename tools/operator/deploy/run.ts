import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signInPrefix } from '../../../lib/sign-in-prefix.ts';
import type { StageConfig } from '../../../lib/stage-config.ts';
import { smokeTest } from '../smoke/steps.ts';
import { askOwner, firstSiteAnswers } from './answers.ts';
import { explainingAwsErrors } from './aws-failure.ts';
import type { Programs } from './cdk.ts';
import { checkPlaceholders } from './checks.ts';
import type { AwsClients } from './clients.ts';
import { ensureFirstSite, existingFirstSite, isPageOrigin, NO_ORIGIN, type Payer } from './first-site.ts';
import { dnsStep, nextSteps } from './next-steps.ts';
import { inviteOwner, poolHasOwner } from './owner.ts';
import { findingLines, planLines } from './plan.ts';
import { storePlatformKey } from './platform-key.ts';
import { environmentOf, type Prepared, prepare } from './prepare.ts';
import { signInWithBrowser } from './sign-in.ts';
import { explainFailure, settledState } from './stacks.ts';
import { DeployStop } from './stop.ts';
import type { Terminal } from './terminal.ts';
import { refuseUnanswered, refuseUnused } from './unattended.ts';

export interface DeployOptions {
  readonly stage: string;
  readonly config: StageConfig;
  /** Only shows the plan. */
  readonly plan: boolean;
  /** Does not ask whether to begin. */
  readonly yes: boolean;
  /** Mail address of the first owner. */
  readonly owner: string | undefined;
  /** The owner of the OpenAI key for the first workspace; `none` stores no key now. */
  readonly key: Payer | undefined;
  readonly tier: number | undefined;
  readonly origin: string | undefined;
  readonly workspace: string;
  /** An access token of the owner, for a stage that signs in elsewhere. */
  readonly token: string | undefined;
}

export interface DeployPorts {
  readonly aws: AwsClients;
  readonly programs: Programs;
  readonly terminal: Terminal;
  /** Milliseconds between two checks of a stack that CloudFormation works on. */
  readonly pollMs: number;
}

type Outputs = Readonly<Record<string, string>>;

/** Exit status of a run in which only manual steps are missing. */
export const WAITS_FOR_A_PERSON = 3;

const deployStack = async (
  { aws, programs, terminal: { say }, pollMs }: DeployPorts,
  { account, assembly }: Prepared,
  stack: { readonly name: string; readonly region: string },
): Promise<Outputs> => {
  const before = await settledState(aws, stack, say, pollMs);
  say(`\n${stack.name}: ${before.condition === 'deployed' ? 'comparing' : 'creating'} …`);
  const status = await programs.cdk(
    [
      'deploy',
      stack.name,
      '--app',
      assembly,
      '--exclusively',
      '--require-approval',
      'never',
      '--progress',
      'events',
    ],
    environmentOf(account),
  );
  const after = await settledState(aws, stack, say, pollMs);
  if (status === 0 && after.condition === 'deployed') return after.outputs;
  const lines = await explainFailure(aws, after);
  throw new DeployStop(
    lines.join('\n'),
    'Then run the same command again: it continues with this stack. Stacks before it are complete.',
  );
};

const bootstrapRegions = async (
  { programs, terminal: { say } }: DeployPorts,
  { account, bootstrap }: Prepared,
): Promise<void> => {
  for (const region of bootstrap) {
    say(`\nBootstrapping the CDK in ${region} …`);
    const status = await programs.cdk(
      ['bootstrap', `aws://${account.account}/${region}`],
      environmentOf(account),
    );
    if (status !== 0)
      throw new DeployStop(
        `The CDK could not be bootstrapped in ${region}.`,
        'The text above names the cause, often a missing permission. Then run the same command again.',
      );
  }
};

/** Uploads the dashboard's files to its bucket, like `npm run upload-dashboard`. */
const uploadDashboard = async (
  { programs, terminal: { say } }: DeployPorts,
  { account }: Prepared,
  stackName: string,
  outputs: Outputs,
): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'spelo-byok-outputs-'));
  try {
    const file = join(folder, 'outputs.json');
    writeFileSync(file, JSON.stringify({ [stackName]: outputs }));
    say('\nUploading the dashboard and the widget …');
    const status = await programs.script(
      'tools/operator/upload-dashboard.ts',
      [file],
      environmentOf(account),
    );
    if (status !== 0)
      throw new DeployStop(
        'The dashboard was not uploaded.',
        'Run the same command again: it continues here.',
      );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const invite = async (
  { aws, terminal }: DeployPorts,
  { owner }: DeployOptions,
  { region }: Prepared['account'],
  userPoolId: string,
): Promise<void> => {
  const { say, interactive } = terminal;
  if (owner === undefined && (await poolHasOwner(aws, region, userPoolId))) return;
  if (owner === undefined && !interactive) return;
  const email = owner ?? (await askOwner(terminal));
  const SENTENCES = {
    invited: 'Cognito is sending an email with a temporary password, which is valid for three days.',
    'invited again': 'The old invitation had expired. Cognito is sending a new email.',
    waiting: 'An earlier invitation is still valid. Look for an email from no-reply@verificationemail.com.',
    there: 'The owner has already signed in.',
  };
  say(SENTENCES[await inviteOwner(aws, region, userPoolId, email)]);
};

/** An access token of the owner; undefined if a person must get one but no one is present. */
const tokenOf = async (
  { programs, terminal }: DeployPorts,
  { token, config, stage }: DeployOptions,
  { account }: Prepared,
  data: Outputs,
): Promise<string | undefined> => {
  if (token !== undefined) return token;
  if (!('cognito' in config.signIn)) return undefined;
  if (!terminal.interactive) return undefined;
  const redirectUri = config.signIn.cognito.callbackUrls.find((url) => /^http:\/\/localhost:\d+\//.test(url));
  if (redirectUri === undefined)
    throw new DeployStop(
      'The sign-in cannot return to this command.',
      `Add http://localhost:8789/callback to signIn.cognito.callbackUrls of ${stage}, and run the command again.`,
    );
  const signInUrl =
    data['SignInUrl'] ??
    `https://${signInPrefix(stage, config.signIn.cognito, account.account)}.auth.${account.region}.amazoncognito.com`;
  return signInWithBrowser(
    {
      authorizeUrl: `${signInUrl}/oauth2/authorize`,
      tokenUrl: `${signInUrl}/oauth2/token`,
      clientId: data['Audience'] ?? '',
      redirectUri,
    },
    terminal,
    programs.openBrowser,
  );
};

/**
 * Deploys a stage from any state to a passing smoke test, and returns the exit status. Can be stopped and repeated at
 * any point: finished steps are read from AWS and from the API. Throws DeployStop with the next step.
 */
export const deploy = (ports: DeployPorts, options: DeployOptions): Promise<number> =>
  explainingAwsErrors(() => deployStage(ports, options));

const deployStage = async (ports: DeployPorts, options: DeployOptions): Promise<number> => {
  const { aws, programs, terminal } = ports;
  const { say, ask, interactive } = terminal;
  const { stage, config } = options;
  if (!options.plan && !options.yes && !interactive)
    throw new DeployStop(
      `The deployment needs a confirmation, and ${terminal.obstacle ?? 'there is no terminal'}.`,
      'Give --yes to deploy without confirmation, or --plan to see the plan.',
    );

  if (options.origin !== undefined && !isPageOrigin(options.origin))
    throw new DeployStop(NO_ORIGIN, 'Nothing was changed. Give the origin with --origin, without a path.');
  if (!options.plan) refuseUnused(options, interactive);

  const placeholders = checkPlaceholders(config);
  if (placeholders.some(({ level }) => level === 'stop')) {
    for (const line of findingLines(placeholders)) say(line);
    say('\nNothing was changed, and AWS was not called: the settings still have placeholders.');
    return 1;
  }
  say(`Checking the settings, the account and the templates of ${stage} …\n`);
  const prepared = await prepare(stage, config, aws, programs, { bundled: !options.plan });
  const { account, planned, states, bootstrap, leftOver, findings } = prepared;
  for (const line of planLines(stage, account, planned, states, bootstrap, leftOver)) say(line);
  say();
  for (const line of findingLines(findings)) say(line);
  const stops = findings.filter(({ level }) => level === 'stop').length;
  if (stops > 0) {
    say(`\nNothing was changed: ${stops === 1 ? 'one check stops' : `${stops} checks stop`} the deployment.`);
    return 1;
  }
  if (options.plan) {
    say(
      '\nNothing was changed. Without --plan, the command asks for confirmation and then does all of this. Costs: docs/cost.md.',
    );
    return 0;
  }
  refuseUnanswered(options, prepared, interactive);
  if (!options.yes && !/^y(?:es)?$/i.test(await ask('\nDeploy this? yes or no:', 'no'))) {
    say('Nothing was changed.');
    return 1;
  }

  await bootstrapRegions(ports, prepared);
  const outputs = new Map<string, Outputs>();
  for (const stack of planned) outputs.set(stack.name, await deployStack(ports, prepared, stack));
  const of = (stack: string): Outputs => outputs.get(`spelo-byok-${stage}-${stack}`) ?? {};
  const dashboard = of('dashboard');
  if (config.dashboard !== undefined)
    await uploadDashboard(ports, prepared, `spelo-byok-${stage}-dashboard`, dashboard);

  const data = of('data');
  const url = of('edge')['EdgeUrl'] ?? of('api')['ApiUrl'] ?? '';
  const dashboardUrl = Object.entries(dashboard).find(([name]) => /^DashboardUrl/.test(name))?.[1];
  const userPoolId = data['UserPoolId'];
  // An owner who has a token needs no invitation.
  if (userPoolId !== undefined && (options.token === undefined || options.owner !== undefined))
    await invite(ports, options, account, userPoolId);
  const token = await tokenOf(ports, options, prepared, data);
  const { key, tier, origin } = options;
  // Without a terminal, nobody can answer questions. Without an option, an existing site is used unchanged.
  const isAsIs = !interactive && key === undefined && tier === undefined && origin === undefined;
  const firstSite = isAsIs ? existingFirstSite : ensureFirstSite;
  const site =
    token === undefined
      ? undefined
      : await firstSite({
          url,
          token,
          workspace: options.workspace,
          given: { payer: key, tier, origin },
          answers: firstSiteAnswers(terminal, (openAiKey) =>
            storePlatformKey(aws, account, config, data, openAiKey, terminal, programs),
          ),
        });

  say('\nSmoke test');
  const { ok } = await smokeTest(
    { url, token, site: site?.siteId, origin: site?.origin, mint: site !== undefined },
    ({ step, ok: passed, says }) => say(`  ${passed ? 'ok  ' : 'FAIL'}  ${step.padEnd(13)} ${says}`),
  );
  if (!ok)
    throw new DeployStop(
      'The stage is deployed, but the smoke test failed.',
      dnsStep(config, of('api'), of('edge')) ??
        'Follow the instructions in the failed line above, then run the same command again.',
    );
  for (const line of nextSteps({ stage, config, region: account.region }, { url, dashboardUrl, site, token }))
    say(line);
  return token === undefined ? WAITS_FOR_A_PERSON : 0;
};
