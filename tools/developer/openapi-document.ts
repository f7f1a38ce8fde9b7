import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { apiTokenIdSchema } from '../../lambdas/contract/api-tokens.ts';
import {
  failure,
  sessionIdSchema,
  siteIdSchema,
  subSchema,
  workspaceIdSchema,
} from '../../lambdas/contract/common.ts';
import { invitationIdSchema } from '../../lambdas/contract/members.ts';
import { deliveryIdSchema, webhookIdSchema } from '../../lambdas/contract/notices.ts';
import { PROBLEMS, type Problem, type ProblemName } from '../../lambdas/contract/problems.ts';
import { commonRefusals, ROUTES, type Route, type RouteId } from '../../lambdas/contract/routes.ts';
import { SERVICE_VERSION } from '../../lambdas/contract/version.ts';

const PATH_PARAMETERS = {
  siteId: siteIdSchema,
  workspaceId: workspaceIdSchema,
  sessionId: sessionIdSchema,
  webhookId: webhookIdSchema,
  deliveryId: deliveryIdSchema,
  invitationId: invitationIdSchema,
  tokenId: apiTokenIdSchema,
  sub: subSchema,
} as const;

const SIGNATURE_HEADER = z.object({
  'X-Spelo-Signature': z
    .string()
    .optional()
    .describe(
      '`t=<unix seconds>,v1=<hex HMAC-SHA256(signing_secret, t + "." + raw body)>`; at most five minutes old.',
    ),
});

const RETRY_HEADERS = z.object({ 'Retry-After': z.int().describe('Seconds') });

const DESCRIPTION = `Keeps the OpenAI key of a site operator sealed and mints short-lived OpenAI Realtime client secrets for browser voice widgets.

Every answer carries \`Cache-Control: no-store\`, \`X-Content-Type-Options: nosniff\` and \`X-Request-Id\`. On AWS, a management call without a valid token is stopped by API Gateway before it reaches us: status 401 with its own body, \`{"message":"Unauthorized"}\`.`;

/** The HTTP contract as OpenAPI 3.1, generated only from the route table, the schemas and the problem catalogue. */
export const openApiDocument = (): unknown => {
  const paths: ZodOpenApiPathsObject = {};
  for (const [id, route] of Object.entries(ROUTES) as [RouteId, Route][]) {
    paths[route.path] = {
      ...paths[route.path],
      [route.method.toLowerCase()]: operationOf(id, route),
    };
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Spelo BYOK',
      version: SERVICE_VERSION,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://127.0.0.1:8787', description: 'npm start' }],
    components: {
      securitySchemes: {
        accessToken: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'Access token of the configured OIDC issuer.',
        },
      },
    },
    paths,
  });
};

const operationOf = (operationId: string, route: Route): ZodOpenApiOperationObject => {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(
    ([, name]) => name as keyof typeof PATH_PARAMETERS,
  );
  const parameters = {
    ...(names.length > 0 && {
      path: z.object(Object.fromEntries(names.map((name) => [name, PATH_PARAMETERS[name]]))),
    }),
    ...(route.query !== undefined && { query: route.query }),
    ...(route.signed === true && { header: SIGNATURE_HEADER }),
  };
  return {
    operationId,
    summary: route.summary,
    ...(route.access === 'public' || route.access === 'any'
      ? {}
      : { description: `Role: ${route.access} or higher.` }),
    security: route.access === 'public' ? [] : [{ accessToken: [] }],
    ...(Object.keys(parameters).length > 0 && { requestParams: parameters }),
    ...(route.body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: route.body } } },
    }),
    responses: { ...successOf(route), ...failuresOf(route) },
  };
};

const successOf = ({ status, data }: Route): ZodOpenApiResponsesObject => ({
  [String(status) as '200']: {
    description: status === 204 ? 'Allowed' : 'Success',
    ...(data !== undefined && {
      content: { 'application/json': { schema: z.object({ success: z.literal(true), data }) } },
    }),
  },
});

/** One response per status; its description lists each code that can occur. */
const failuresOf = (route: Route): ZodOpenApiResponsesObject => {
  const names = [...new Set<ProblemName>([...route.refusals, ...commonRefusals(route)])];
  const byStatus = Map.groupBy(names, (name) => PROBLEMS[name].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      String(status),
      {
        description: group.map((name) => sentence(PROBLEMS[name])).join('\n\n'),
        ...(group.some((name) => carriesRetryAfter(PROBLEMS[name])) && { headers: RETRY_HEADERS }),
        content: { 'application/json': { schema: failure } },
      },
    ]),
  );
};

const sentence = ({ code, message }: Problem): string => `\`${code}\`: ${message}`;

const carriesRetryAfter = ({ status }: Problem): boolean => status === 429 || status === 503;
