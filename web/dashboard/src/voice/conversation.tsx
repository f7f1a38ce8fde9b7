import { useEffect, useRef, useState } from 'react';
import { Link } from 'react-router';
import { originAllowed } from '../../../../lambdas/domain/tenancy/origin.ts';
import { type Site, useChange, useRefresh, useRoute } from '../api/queries.ts';
import { useSession } from '../session.tsx';
import { useWidgetFiles } from '../sites/widget-files.ts';
import { Button } from '../ui/button.tsx';
import { formatCents, formatCode, formatSeconds, formatWhole } from '../ui/format.ts';
import { FailureNote, Loaded, Note } from '../ui/states.tsx';
import { Card } from '../ui/surface.tsx';
import tiles from '../ui/tiles.module.css';
import { useToast } from '../ui/toasts.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import { addUsage, centsOf, NO_TOKENS, type ReportedUsage, type Tokens } from './meter.ts';
import css from './voice.module.css';

/** The widget itself, as a visitor would meet it, with what it reports the call alongside it. */
export const Conversation = ({ site }: { readonly site: Site }) => {
  const { may } = useWorkspace();
  const origin = window.location.origin;
  const say = useToast();
  const allow = useChange(async (api) => {
    const path = { siteId: site.site_id };
    // The page may be hours old: what another person removed since then stays removed.
    const { allowed_origins } = await api.call('readSite', { path });
    const body = { allowed_origins: [...new Set([...allowed_origins, origin])] };
    return api.call('changeSite', { path, body });
  });
  if (!originAllowed(origin, site.allowed_origins))
    return (
      <Card title="2. Talk to it">
        <Note tone="warn" title="This site does not allow the dashboard’s own origin.">
          <p>
            The widget starts a session from the page it is on, here <code>{origin}</code>. To talk on this
            page, add that origin to the site’s allowed origins.
          </p>
          {may('admin') ? (
            <div>
              <Button
                small
                working={allow.isPending}
                onClick={() =>
                  allow.mutate(undefined, {
                    onSuccess: () => say(`${site.name} now allows ${origin}. You can remove it under Sites.`),
                  })
                }
              >
                Allow {origin} on this site
              </Button>
            </div>
          ) : (
            <p>Ask an admin or owner to add it under Sites.</p>
          )}
        </Note>
        {allow.error !== null && <FailureNote failure={allow.error} />}
      </Card>
    );
  return (
    <Card
      title="2. Talk to it"
      lead="The real widget with this site’s settings. It costs as much as a visitor’s session."
    >
      <Stage key={site.site_id} site={site} />
    </Card>
  );
};

interface Call {
  readonly state: string;
  readonly model: string;
  readonly beganAt: number | undefined;
  readonly seconds: number;
  readonly answers: number;
  readonly tokens: Tokens;
  readonly outcome: string | undefined;
}
const NO_CALL: Call = {
  state: 'idle',
  model: '',
  beganAt: undefined,
  seconds: 0,
  answers: 0,
  tokens: NO_TOKENS,
  outcome: undefined,
};

/** The fields of the widget's events that are shown here. */
interface Told {
  readonly state: { readonly state: string };
  readonly connected: { readonly model: string };
  readonly usage: { readonly usage: ReportedUsage };
  readonly ended: { readonly reason: string; readonly seconds: number };
}

const Stage = ({ site }: { readonly site: Site }) => {
  const { config } = useSession();
  const { workspace_id } = useWorkspace();
  const files = useWidgetFiles();
  const pricing = useRoute('readPricing', {});
  const refresh = useRefresh();
  const element = useRef<HTMLElement>(null);
  const [call, setCall] = useState(NO_CALL);
  const [broken, setBroken] = useState(false);
  const file = files.data?.file;

  useEffect(() => {
    // Defines the element, once; an import of the same file again does nothing.
    if (file !== undefined)
      import(/* @vite-ignore */ `${config.widget_base_url}${file}`).catch(() => setBroken(true));
  }, [file, config]);

  const isStaged = files.data !== undefined;
  useEffect(() => {
    const widget = element.current;
    if (widget === null || !isStaged) return;
    const on = <Name extends keyof Told>(name: Name, then: (detail: Told[Name]) => void): (() => void) => {
      const listener = (event: Event): void => then((event as CustomEvent).detail);
      widget.addEventListener(`spelo-${name}`, listener);
      return () => widget.removeEventListener(`spelo-${name}`, listener);
    };
    const off = [
      on('state', ({ state }) => setCall((now) => ({ ...now, state }))),
      on('connected', ({ model }) => setCall({ ...NO_CALL, state: 'listening', model, beganAt: Date.now() })),
      on('usage', ({ usage: counts }) =>
        setCall((now) => ({ ...now, answers: now.answers + 1, tokens: addUsage(now.tokens, counts) })),
      ),
      on('ended', ({ reason, seconds }) => {
        setCall((now) => ({
          ...now,
          beganAt: undefined,
          seconds: seconds === 0 ? now.seconds : seconds,
          outcome: reason,
        }));
        // The receipt is written once the last report has arrived.
        setTimeout(() => void refresh(), 1_500);
      }),
    ];
    const tick = setInterval(
      () =>
        setCall((now) =>
          now.beganAt === undefined ? now : { ...now, seconds: (Date.now() - now.beganAt) / 1_000 },
        ),
      500,
    );
    return () => {
      for (const stop of off) stop();
      clearInterval(tick);
    };
  }, [isStaged, refresh]);

  const cents = centsOf(
    call.tokens,
    pricing.data?.models ?? [],
    call.model || site.model,
    site.data_residency,
  );
  const { tokens } = call;
  return (
    <Loaded query={files} what="the widget">
      {() => (
        <div className={css['stage']}>
          <div className={css['widget']}>
            {broken ? (
              <Note tone="bad" title="The widget could not be loaded.">
                <p>Reload the page. If it happens again, contact your administrator.</p>
              </Note>
            ) : (
              <spelo-voice ref={element} site-id={site.site_id} api={config.widget_api_url} />
            )}
          </div>
          <dl className={tiles['tiles']} aria-label="Meters of this conversation">
            <div className={tiles['tile']}>
              <dt>State</dt>
              <dd data-testid="voice-state">{formatCode(call.state)}</dd>
            </div>
            <div className={tiles['tile']}>
              <dt>Time</dt>
              <dd>{formatSeconds(call.seconds)}</dd>
            </div>
            <div className={tiles['tile']}>
              <dt>Tokens</dt>
              <dd data-testid="voice-tokens">
                {formatWhole(tokens.audioIn + tokens.cachedAudioIn + tokens.textIn + tokens.cachedTextIn)} in
                <small>
                  {formatWhole(tokens.audioOut + tokens.textOut)} out, {formatWhole(call.answers)}{' '}
                  {call.answers === 1 ? 'answer' : 'answers'}
                </small>
              </dd>
            </div>
            <div className={tiles['tile']}>
              <dt>Cost so far</dt>
              <dd>
                {cents === undefined ? '–' : formatCents(cents)}
                <small>{cents === undefined ? 'no known price' : 'estimated from the price list'}</small>
              </dd>
            </div>
          </dl>
          {call.outcome !== undefined && (
            <p className={ui['hint']} role="status">
              Ended: {formatCode(call.outcome).toLowerCase()}. Its receipt is under{' '}
              <Link to={`/w/${workspace_id}/usage?tab=sessions`}>Usage, Sessions</Link>.
            </p>
          )}
        </div>
      )}
    </Loaded>
  );
};
