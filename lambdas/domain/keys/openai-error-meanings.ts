import type { OpenAiFailureName } from '../openai-failure.ts';
import { OPENAI_ERRORS, type OpenAiErrorRow } from './openai-errors.ts';

/**
 * Codes that OpenAI sends to a running session for a race between visitor and model, and at a session's regular end. The
 * session is not harmed, and the operator has nothing to do. Sources: OpenAI's Realtime guide; published reports.
 */
export const HARMLESS_IN_SESSION = [
  'session_expired',
  'response_cancel_not_active',
  'response_cancel_no_active_response',
  'response_not_active',
  'conversation_already_has_active_response',
  'input_audio_buffer_commit_empty',
  'item_truncate_invalid_item_id',
  'item_truncate_invalid_audio_end_ms',
  'item_delete_invalid_item_id',
  'item_retrieve_invalid_item_id',
  'item_not_found',
] as const;

const ROWS: readonly OpenAiErrorRow[] = Object.values(OPENAI_ERRORS);

/** OpenAI has added codes about money several times. Under any name, they do not blame the key. */
const ABOUT_A_LIMIT = /(?:spend|spending|usage|budget|cost)_limit|(?:hard|soft)_limit/;
const ABOUT_MONEY = /billing|payment|quota|credit|prepaid|insufficient_funds/;

/** Long names are not codes and are not searched. */
const CODE = /^[a-z][a-z0-9_.-]{1,79}$/;

/** The meaning of one value of `code` or `type`, in a refusal or in a session; undefined if it has none. */
export const meaningOfCode = (
  text: string | undefined,
  { vague = true }: { readonly vague?: boolean } = {},
): OpenAiFailureName | undefined => {
  const code = text?.toLowerCase();
  if (code === undefined || !CODE.test(code)) return undefined;
  const row = ROWS.find(({ example, aliases }) => example.code === code || aliases?.includes(code));
  if (row !== undefined) return row.vague === true && !vague ? undefined : row.means;
  if (ABOUT_A_LIMIT.test(code)) return 'spend_limit_reached';
  return ABOUT_MONEY.test(code) ? 'quota_exhausted' : undefined;
};

/** Every meaning of a message, in the order of the rows. */
export const meaningsOfMessage = (message: string): readonly OpenAiFailureName[] =>
  ROWS.filter(({ says }) => says?.test(message)).map(({ means }) => means);
