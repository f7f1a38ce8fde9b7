import type * as z from 'zod';

export interface TokenCounts {
  readonly input_text: number;
  readonly input_text_cached: number;
  readonly input_audio: number;
  readonly input_audio_cached: number;
  readonly input_image: number;
  readonly input_image_cached: number;
  readonly output_text: number;
  readonly output_audio: number;
}
interface Sums {
  readonly sessions: number;
  readonly seconds: number;
  readonly minutes: number;
  readonly tokens: TokenCounts;
  readonly cost_cents: number;
  readonly estimated: boolean;
  readonly unpriced_sessions: number;
  readonly flagged_sessions: number;
}
export interface Usage {
  readonly from: string;
  readonly to: string;
  readonly group_by: readonly string[];
  readonly rows: readonly (Sums & {
    readonly day?: string;
    readonly site_id?: string;
    readonly model?: string;
    readonly mode?: 'byok' | 'managed';
  })[];
  readonly totals: Sums;
  readonly plan: {
    readonly name: string;
    readonly period: string;
    readonly included_minutes: number | null;
    readonly hard_cap: boolean;
    readonly used_seconds: number;
    readonly used_minutes: number;
    readonly overage_minutes: number;
    readonly overage_cents: number;
    readonly notices: readonly { readonly percent: number; readonly at: string }[];
  };
}
export interface SessionRow {
  readonly session_id: string;
  readonly site_id: string;
  readonly state: 'reserved' | 'issued' | 'live' | 'ended' | 'refused' | 'used';
  readonly kind: string;
  readonly mode: 'byok' | 'managed';
  readonly model: string;
  readonly voice: string;
  readonly created_at: string;
  readonly connected_at: string | null;
  readonly ended_at: string | null;
  readonly end_reason: string | null;
  readonly seconds: number | null;
  readonly billed_seconds: number | null;
  readonly refusal: string | null;
  readonly openai_failure: string | null;
  readonly receipt: {
    readonly payer: 'byok' | 'managed';
    readonly key_scope: string | null;
    readonly key_version: number | null;
    readonly price_version: string | null;
    readonly tokens: TokenCounts;
    readonly cost_cents: number | null;
    readonly estimated: boolean;
    readonly flags: readonly string[];
    readonly flagged_tokens: TokenCounts | null;
  };
}
interface Rates {
  readonly input: number;
  readonly cached_input: number;
  readonly output: number;
}
export interface Pricing {
  readonly catalogue_version: string;
  readonly models: readonly {
    readonly model: string;
    readonly from: string;
    readonly status: 'active' | 'ending' | 'shut_down';
    readonly text: Rates;
    readonly audio: Rates;
    readonly shutdown_date: string | null;
  }[];
  readonly plans: readonly {
    readonly name: string;
    readonly monthly_usd: number | null;
    readonly included_minutes: number | null;
    readonly hard_cap: boolean;
    readonly overage_usd_per_minute: number | null;
    readonly max_sites: number | null;
  }[];
}
export interface EstimateRequest {
  readonly minutes_in: number;
  readonly minutes_out: number;
  readonly prompt_tokens: number;
  readonly turns: number;
  readonly cached_share: number;
  readonly model: string;
  readonly sessions_per_month: number;
}
export interface Estimate {
  readonly model: string;
  readonly price_version: string;
  readonly per_session: {
    readonly minutes: number;
    readonly tokens: TokenCounts;
    readonly cost_cents_by_kind: TokenCounts;
    readonly cost_cents: number;
  };
  readonly per_month: { readonly sessions: number; readonly minutes: number; readonly cost_cents: number };
  readonly plans: readonly {
    readonly name: string;
    readonly cost_cents: number | null;
    readonly overage_minutes: number;
    readonly served: boolean;
    readonly cheaper: 'byok' | 'managed' | 'equal' | null;
    readonly break_even_minutes: number | null;
    readonly byok_again_minutes: number | null;
  }[];
}
export interface Concurrency {
  readonly at: string;
  readonly keys: readonly {
    readonly scope: 'site' | 'workspace';
    readonly scope_id: string;
    readonly limit: number | null;
    readonly active: number;
    readonly earliest_release_at: string | null;
  }[];
}
interface UsageQuery {
  readonly from: string;
  readonly to: string;
  readonly group_by: string;
}
interface PageQuery {
  readonly limit: number;
  readonly cursor: string;
}
interface Page<Item> {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
}

export interface PendingRoutes {
  readonly readWorkspaceUsage: {
    readonly method: 'GET';
    readonly path: '/v1/workspaces/{workspaceId}/usage';
    readonly query: z.ZodType<UsageQuery>;
    readonly data: z.ZodType<Usage>;
  };
  readonly listSessions: {
    readonly method: 'GET';
    readonly path: '/v1/sites/{siteId}/sessions';
    readonly query: z.ZodType<PageQuery>;
    readonly data: z.ZodType<Page<SessionRow>>;
  };
  readonly readConcurrency: {
    readonly method: 'GET';
    readonly path: '/v1/workspaces/{workspaceId}/concurrency';
    readonly data: z.ZodType<Concurrency>;
  };
  readonly readPricing: {
    readonly method: 'GET';
    readonly path: '/v1/pricing';
    readonly data: z.ZodType<Pricing>;
  };
  readonly estimateCost: {
    readonly method: 'POST';
    readonly path: '/v1/cost-estimate';
    readonly body: z.ZodType<EstimateRequest, Partial<EstimateRequest>>;
    readonly data: z.ZodType<Estimate>;
  };
}
