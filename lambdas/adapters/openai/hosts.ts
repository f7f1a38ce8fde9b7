import type { DataResidency } from '../../domain/openai-models.ts';

const GLOBAL_BASE_URL = 'https://api.openai.com/v1';

/**
 * Where calls for a site go. Regional hosts exist only at OpenAI itself; any other configured base URL (this machine, or
 * one region for the whole deployment) is used as it is. Nothing from a request or a table gets into the URL but one of
 * seven known regions. Source: openai-node 7.57.0, src/internal/data-residency.ts.
 */
export const baseUrlFor = (configuredBaseUrl: string, residency: DataResidency): string =>
  configuredBaseUrl === GLOBAL_BASE_URL && residency !== 'global'
    ? `https://${residency}.api.openai.com/v1`
    : configuredBaseUrl;
