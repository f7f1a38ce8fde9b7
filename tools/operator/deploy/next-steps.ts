import type { StageConfig } from '../../../lib/stage-config.ts';
import type { FirstSite } from './first-site.ts';

type Outputs = Readonly<Record<string, string>>;

/** The DNS record that a person has to create; undefined if the stage has no domain. */
export const dnsStep = ({ domain }: StageConfig, api: Outputs, edge: Outputs): string | undefined => {
  const target = edge['EdgeTarget'] ?? api['DomainTarget'];
  return domain === undefined || target === undefined
    ? undefined
    : `If ${domain.name} does not resolve yet, point its DNS record at ${target}. Then run the same command again.`;
};

export const nextSteps = (
  {
    stage,
    config,
    region,
  }: { readonly stage: string; readonly config: StageConfig; readonly region: string },
  {
    url,
    dashboardUrl,
    site,
    token,
  }: {
    readonly url: string;
    readonly dashboardUrl: string | undefined;
    readonly site: FirstSite | undefined;
    readonly token: string | undefined;
  },
): readonly string[] => {
  const steps: string[] = [];
  if (token === undefined)
    steps.push(
      'cognito' in config.signIn
        ? `Sign in as the owner: run npm run deploy -- --stage ${stage} in a terminal, with --owner MAIL for the first one.`
        : `Get an access token of your issuer and run the command again with TOKEN in the environment.`,
    );
  else if (site === undefined)
    steps.push(`Store an OpenAI key: run the command again with --key own or --key platform.`);
  if (dashboardUrl !== undefined) {
    steps.push(`Open the dashboard: ${dashboardUrl}`);
    const origin = new URL(dashboardUrl).origin;
    if (
      'cognito' in config.signIn &&
      !config.signIn.cognito.callbackUrls.includes(`${origin}/dashboard/callback`)
    )
      steps.push(
        `Before the first sign-in there, add ${origin}/dashboard/callback and ${origin}/dashboard/ to signIn.cognito.callbackUrls of ${stage} in cdk.json, and run the command again.`,
      );
  }
  if (site !== undefined)
    steps.push(
      dashboardUrl === undefined
        ? `Show the widget on ${site.origin}. The stage has no dashboard, so its files are not served: add "dashboard" to the stage (docs/deploy.md), or run npm run build:widget and host dist/widget (docs/widget.md). Then add to the page: <script src="…/spelo-voice.js" data-api="${url}" data-site-id="${site.siteId}" async></script>`
        : `Show the widget on ${site.origin}. Add to the page: <script src="${new URL(dashboardUrl).origin}/widget/spelo-voice.js" data-api="${url}" data-site-id="${site.siteId}" async></script>`,
    );
  if (!config.deletionProtection)
    steps.push(`Set deletionProtection of ${stage} to true in cdk.json, and run the command again.`);
  if (config.alarmEmail !== undefined) steps.push('Confirm the email that AWS sent to alarmEmail.');
  steps.push(
    `Look at the dashboard spelo-byok-${stage} in CloudWatch, region ${region}.`,
    `To see later what a removal deletes and keeps, with its cost: npm run remove -- --stage ${stage} --data --plan`,
  );
  return [
    '',
    `The stage ${stage} is deployed: ${url}`,
    '',
    'Next',
    ...steps.map((step, index) => `  ${index + 1}. ${step}`),
  ];
};
