import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { dynamoDbClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbAllSites } from '../../lambdas/adapters/aws/tenancy/dynamodb-all-sites.ts';
import { ENVIRONMENTS } from '../../lambdas/contract/environment.ts';
import { runCommand } from '../command.ts';
import { checkModels, compareWithList } from './models/check-models.ts';
import { commandVariables, failureText } from './operator.ts';

const USAGE = `npm run model-check -- [--models models.json] [--local]

Lists the sites whose model OpenAI shuts down, and what the next runs of retire-models will do: send a notice, move the
site, or nothing because the site opted out. Changes nothing.

  --models FILE  compare the dates of this version with OpenAI's list:
                   curl -H "Authorization: Bearer $OPENAI_API_KEY" https://api.openai.com/v1/models > models.json
  --local        the running \`npm start\` instead of a deployment
  --help         this text

For a deployment, set TENANCY_TABLE (an output of the data stack) and use the AWS credentials of the role
ModelCheckOperator. Exit status: 1 if a date differs or a site is left without a model.
`;

const environment = ENVIRONMENTS['retire-models'].pick({
  AWS_REGION: true,
  TENANCY_TABLE: true,
  AWS_ENDPOINT_URL_DYNAMODB: true,
});

/** The fields of `GET /v1/models` that are looked at. */
const modelList = z.object({
  data: z.array(z.object({ id: z.string(), shutdown_date: z.iso.date().nullish() })),
});

const readModels = (file: string) => {
  const parsed = modelList.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success) throw new Error(`${file} is not an answer of GET /v1/models.`);
  return parsed.data.data.map(({ id, shutdown_date }) => ({ id, shutdownDate: shutdown_date ?? undefined }));
};

await runCommand({
  usage: USAGE,
  options: {
    models: { type: 'string' },
    local: { type: 'boolean', default: false },
  },
  run: async (values) => {
    const now = new Date();
    const listed = values.models === undefined ? undefined : readModels(values.models);
    const settings = commandVariables(environment, values.local);
    const sites = dynamoDbAllSites(dynamoDbClient(settings), settings.TENANCY_TABLE);
    const check = await checkModels(sites.scanSites(), now);
    const differences = listed === undefined ? [] : compareWithList(listed, now);
    process.stdout.write(`${[...check.lines, ...differences].join('\n')}\n`);
    return check.stranded > 0 || differences.length > 0 ? 1 : 0;
  },
  describe: (error) => failureText(error, 'Nothing was changed.'),
});
