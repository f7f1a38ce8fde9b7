import { UsageError } from '../../command.ts';

/**
 * Throws UsageError for arguments that are not options. Without `--`, npm keeps the options for itself: `npm run deploy
 * --stage dev` starts the program with `dev`, and npm's setting is in the environment.
 */
export const refuseSwallowedOptions = (
  script: 'deploy' | 'remove',
  stage: string | undefined,
  positionals: readonly string[],
): void => {
  if (stage === undefined && process.env['npm_config_stage'] !== undefined)
    throw new UsageError(`Put -- before the options, for example: npm run ${script} -- --stage dev`);
  const [unexpected] = positionals;
  if (unexpected !== undefined)
    throw new UsageError(`Unexpected argument '${unexpected}'. Use options only, for example --stage dev.`);
};
