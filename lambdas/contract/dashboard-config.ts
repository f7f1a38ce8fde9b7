import * as z from 'zod';

/**
 * The dashboard's configuration at run time, at `/dashboard/config.json`: written by the stack that deploys it, or by
 * the local run. It contains no secret: every visitor of the page can read it.
 */
export const dashboardConfig = z.strictObject({
  oidc: z.strictObject({
    /** The issuer, exactly as in `iss` of the tokens. */
    issuer: z.url(),
    /** A public client with authorization code and PKCE, whose redirect address is `<dashboard>/callback`. */
    client_id: z.string().min(1),
    scope: z.string().min(1),
    /** Sent as `audience` with the sign-in request, for issuers that require one (Auth0); null for the others. */
    audience: z.string().min(1).nullable(),
  }),
  /** Origin of the management routes; empty for the dashboard's own origin. */
  api_base_url: z.union([z.url(), z.literal('')]),
  /** Origin of the public routes, as widgets on other sites call it. */
  widget_api_url: z.url(),
  /** Folder of the widget's files, for the embed snippet and for Test voice. */
  widget_base_url: z.url(),
});

export type DashboardConfig = z.output<typeof dashboardConfig>;
