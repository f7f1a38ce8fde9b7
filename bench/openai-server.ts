import { startLocalOpenAi } from '../local/openai/server.ts';

/** The stand-in for OpenAI in a separate process, which mints after `DELAY_MS`. */

const openAi = await startLocalOpenAi();
openAi.inject({ path: '/v1/realtime/client_secrets', delayMs: Number(process.env['DELAY_MS'] ?? 0) });
process.send?.({ url: openAi.baseUrl });
