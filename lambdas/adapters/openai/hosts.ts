import type { DataResidency } from '../../domain/openai-models.ts';

const GLOBAL_BASE_URL = 'https://api.openai.com/v1';

/**
 * The base URL of OpenAI for a site. Regional hosts exist only at OpenAI itself; any other configured base URL (this
 * machine, or one region for the whole deployment) is used unchanged. The only part of the URL that comes from a request
 * or a table is one of seven known regions. Source: openai-node 7.57.0, src/internal/data-residency.ts.
 */
export const baseUrlFor = (configuredBaseUrl: string, residency: DataResidency): string =>
  configuredBaseUrl === GLOBAL_BASE_URL && residency !== 'global'
    ? `https://${residency}.api.openai.com/v1`
    : configuredBaseUrl;
