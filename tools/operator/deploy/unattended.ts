import type { StageConfig } from '../../../lib/stage-config.ts';
import type { Payer } from './first-site.ts';
import type { Prepared } from './prepare.ts';
import { DeployStop } from './stop.ts';

interface GivenOptions {
  readonly stage: string;
  readonly config: StageConfig;
  readonly token: string | undefined;
  readonly key: Payer | undefined;
  readonly tier: number | undefined;
  readonly origin: string | undefined;
}

/** Throws DeployStop for options about a first site where nobody can sign in: they would have no effect. */
export const refuseUnused = (
  { stage, config, token, key, tier, origin }: GivenOptions,
  interactive: boolean,
): void => {
  if (interactive || token !== undefined || !('cognito' in config.signIn)) return;
  const given = Object.entries({ '--key': key, '--tier': tier, '--origin': origin }).flatMap(
    ([name, value]) => (value === undefined || value === 'none' ? [] : [name]),
  );
  if (given.length === 0) return;
  throw new DeployStop(
    `Nobody can sign in here, so ${given.join(', ')} would have no effect. Nothing was changed.`,
    [
      'Deploy without them, then sign in as the owner on a terminal, or give a token of the owner:',
      `npm run deploy -- --stage ${stage} --yes --owner MAIL`,
      `TOKEN=… npm run deploy -- --stage ${stage} --yes --key own --tier 1 --origin https://shop.example.com < KEY_FILE`,
    ].join('\n'),
  );
};

/**
 * Throws DeployStop where a token replaces the person and the options leave a question open. Only for a stage without tables: one with
 * tables may have the workspace, which answers the question.
 */
export const refuseUnanswered = (
  { stage, token, key, tier, origin }: GivenOptions,
  { states }: Pick<Prepared, 'states'>,
  interactive: boolean,
): void => {
  const wantsSite = key !== 'none' && (key ?? tier ?? origin) !== undefined;
  const hasTables = states.some(
    ({ name, condition }) => name === `spelo-byok-${stage}-data` && condition !== 'absent',
  );
  if (interactive || token === undefined || !wantsSite || hasTables) return;
  const missing = [
    ...(key === undefined ? ['--key'] : []),
    ...(origin === undefined ? ['--origin'] : []),
  ].join(' and ');
  if (missing !== '')
    throw new DeployStop(
      `The first workspace and its site need ${missing}, and nobody can answer here. Nothing was changed.`,
      `Run the same command again, with ${missing}. See --help.`,
    );
};
