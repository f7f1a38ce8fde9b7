import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import * as z from 'zod';
import type { CsvTable } from '../contract/routes.ts';
import { csvFileName, csvOf } from './csv.ts';
import type { Result } from './request-state.ts';

/** The response as a file to save. If the list continues, `Link` has the next page (RFC 8288). */
export const csvResponse = (table: CsvTable, shown: unknown, event: APIGatewayProxyEventV2): Result => {
  const { siteId, workspaceId } = event.pathParameters ?? {};
  const { from, to, next_cursor: cursor } = csvFacts.parse(shown);
  const next = new URLSearchParams({ ...event.queryStringParameters, cursor: cursor ?? '' });
  return {
    statusCode: 200,
    headers: {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': `attachment; filename="${csvFileName(table, [siteId ?? workspaceId, from, to])}"`,
      ...(cursor && { link: `<${event.rawPath}?${next}>; rel="next"` }),
    },
    body: csvOf(table, shown),
  };
};

const csvFacts = z.object({
  from: z.string().optional(),
  to: z.string().optional(),
  next_cursor: z.string().nullish(),
});
