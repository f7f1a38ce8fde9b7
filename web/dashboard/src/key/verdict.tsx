import type { VerdictCode } from '../../../../lambdas/domain/keys/verdict.ts';
import type { Verdict } from '../api/queries.ts';
import { formatTime } from '../ui/format.ts';
import { Note } from '../ui/states.tsx';
import css from '../ui/ui.module.css';

/**
 * The place at OpenAI, or here, where each verdict is put right. The API's own message says what is wrong. A new verdict
 * without an entry does not compile.
 */
const NEXT_STEPS: Readonly<Record<VerdictCode, string>> = {
  ok: 'Nothing to do. A passed test does not prove that the account has credit or access to every model, so try a conversation too.',
  some_sites_fail: 'Test the key: the result lists each site, and what to change for those that fail.',
  model_retiring: 'Choose a newer model under Sites before that day. Voice stops on that day.',
  record_damaged: 'Paste the key again to replace the record that can no longer be read.',
  key_invalid: 'platform.openai.com → API keys → Create new secret key. Paste it here, whole.',
  key_expired: 'platform.openai.com → API keys → Create new secret key, with a later expiry or none.',
  missing_permission:
    'platform.openai.com → API keys → edit the key: Models “Read”, Model capabilities “Request”. Set “Request” first, then narrow.',
  not_a_member: 'Ask an owner of the OpenAI organization for a service-account key of the project.',
  account_deactivated: 'help.openai.com → write to OpenAI, or paste a key of another account here.',
  project_archived: 'platform.openai.com → choose an active project → API keys → Create new secret key.',
  project_mismatch:
    'platform.openai.com → the project that you want to use → API keys → Create new secret key.',
  organization_unverified:
    'platform.openai.com → Settings → Organization → Verify organization. This can take 15 minutes to take effect.',
  model_unavailable:
    'platform.openai.com → Project → Limits → allowed models: allow the model, or choose another one under Sites.',
  wrong_region:
    'Settings → the workspace’s data residency, or Sites → the site → Advanced: choose the region of the OpenAI project.',
  ip_not_authorized:
    'platform.openai.com → Project → IP allowlist: add the outgoing address of this service, or remove the list.',
  country_not_supported: 'Ask your administrator to deploy this service in an AWS region that OpenAI serves.',
  quota_exhausted: 'platform.openai.com → Billing: add credit. This can take a few minutes to take effect.',
  spend_limit_reached:
    'platform.openai.com → Limits: raise the spend limit of the organization or the project.',
  billing_inactive: 'platform.openai.com → Billing: add a payment method or credit.',
  rate_limited: 'Wait a minute and test again. If it still fails, ask OpenAI for a higher usage tier.',
  request_refused: 'Sites → the site: check the model and the voice. If they are right, report this.',
  upstream_error: 'Wait and test again; status.openai.com says whether others are affected.',
  unreadable_answer: 'Wait and test again; status.openai.com says whether others are affected.',
  unreachable: 'Wait and test again; status.openai.com says whether others are affected.',
  timeout: 'Wait and test again; status.openai.com shows whether OpenAI is slow for everyone.',
};

/** The next step for a verdict, or for the detail of a refused key, which carries the same name. */
export const stepForVerdict = (code: string): string | undefined =>
  (NEXT_STEPS as Readonly<Record<string, string>>)[code];

export const VerdictNote = ({
  verdict,
  live = false,
}: {
  readonly verdict: Verdict;
  readonly live?: boolean;
}) => (
  <Note
    tone={!verdict.ok ? 'bad' : verdict.code === 'ok' ? 'good' : 'warn'}
    live={live}
    title={verdict.message}
  >
    <p>{NEXT_STEPS[verdict.code]}</p>
    {verdict.sites?.some(({ ok }) => ok !== true) && (
      <ul>
        {verdict.sites.map((site) => (
          <li key={site.site_id}>
            <strong>{site.name}</strong>: {site.message}
          </li>
        ))}
      </ul>
    )}
    <p className={css['meta']}>
      Tested {formatTime(verdict.checked_at)}
      {verdict.latency_ms > 0 && `, OpenAI took ${verdict.latency_ms} ms`}
      {verdict.code !== 'ok' && (
        <>
          {' '}
          · <span className={css['mono']}>{verdict.code}</span>
        </>
      )}
    </p>
  </Note>
);
