import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { DATA_RESIDENCIES, type DataResidency } from '../../../../lambdas/domain/openai-models.ts';
import { type Estimate, useRoute } from '../api/queries.ts';
import type { DataOf } from '../api/routes.ts';
import css from '../calculator/calculator.module.css';
import { planIsCheaper } from '../calculator/cheaper-plan.ts';
import { curvePoints } from '../calculator/curve.ts';
import { type Inputs, TYPICAL } from '../calculator/typical.ts';
import { useSession } from '../session.tsx';
import { Button } from '../ui/button.tsx';
import { RangeField, SelectField } from '../ui/field.tsx';
import { formatCents, formatMonth, formatNumber, formatWhole } from '../ui/format.ts';
import { Empty, FailureNote, Loaded, Loading, Note } from '../ui/states.tsx';
import { Badge, Card, Page } from '../ui/surface.tsx';
import { Table } from '../ui/table.tsx';
import tiles from '../ui/tiles.module.css';
import ui from '../ui/ui.module.css';
import { ChartFrame, Curves } from '../usage/lazy-charts.tsx';
import { useWorkspace } from '../workspace.tsx';

export default function CalculatorPage() {
  const pricing = useRoute('readPricing', {});
  return (
    <Page
      title="Calculator"
      lead="What conversations cost on your own OpenAI key, and on each plan. Computed from the price list of the service."
    >
      <Loaded query={pricing} what="the price list" lines={5}>
        {(prices) => <Calculator prices={prices} />}
      </Loaded>
    </Page>
  );
}

const Calculator = ({ prices }: { readonly prices: DataOf<'readPricing'> }) => {
  const { api } = useSession();
  const [inputs, setInputs] = useState(TYPICAL);
  const asked = useDeferredValue(inputs);
  const estimate = useQuery({
    queryKey: ['estimate', asked],
    queryFn: ({ signal }) => api.call('estimateCost', { body: asked, signal }),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const set = (change: Partial<Inputs>): void => setInputs((now) => ({ ...now, ...change }));
  return (
    <div className={css['layout']}>
      <Card
        title="A typical session"
        aside={
          <Button small onClick={() => setInputs(TYPICAL)}>
            Reset
          </Button>
        }
      >
        <Sliders inputs={inputs} models={modelsOf(prices)} set={set} />
      </Card>
      <div className={css['results']}>
        {prices.catalogue_stale && (
          <Note tone="warn" title={`These prices are ${prices.catalogue_age_days} days old.`}>
            <p>OpenAI may have changed them. Ask your administrator to update the price list.</p>
          </Note>
        )}
        {estimate.error !== null && <FailureNote failure={estimate.error} />}
        {estimate.data === undefined ? (
          estimate.error === null && <Loading what="the estimate" lines={5} />
        ) : (
          <Results estimate={estimate.data} prices={prices} />
        )}
        <History prices={prices} />
      </div>
    </div>
  );
};

/** Models that can still be used, each once. */
const modelsOf = ({ models }: DataOf<'readPricing'>): readonly string[] => [
  ...new Set(models.filter(({ status }) => status !== 'shut_down').map(({ model }) => model)),
];

const Sliders = ({
  inputs,
  models,
  set,
}: {
  readonly inputs: Inputs;
  readonly models: readonly string[];
  readonly set: (change: Partial<Inputs>) => void;
}) => (
  <div className={css['sliders']}>
    <SelectField label="Model" value={inputs.model} onChange={(event) => set({ model: event.target.value })}>
      {[...new Set([...models, inputs.model])].map((model) => (
        <option key={model} value={model}>
          {model}
        </option>
      ))}
    </SelectField>
    <SelectField
      label="Data residency"
      value={inputs.data_residency}
      hint="OpenAI charges newer models 10 % more for a project with data residency."
      onChange={(event) => set({ data_residency: event.target.value as DataResidency })}
    >
      {DATA_RESIDENCIES.map((region) => (
        <option key={region} value={region}>
          {region === 'global' ? 'None' : region.toUpperCase()}
        </option>
      ))}
    </SelectField>
    <RangeField
      label="The visitor speaks"
      text={`${formatNumber(inputs.minutes_in)} min`}
      min={0}
      max={20}
      step={0.5}
      value={inputs.minutes_in}
      onChange={(event) => set({ minutes_in: event.target.valueAsNumber })}
    />
    <RangeField
      label="The assistant speaks"
      text={`${formatNumber(inputs.minutes_out)} min`}
      min={0}
      max={20}
      step={0.5}
      value={inputs.minutes_out}
      onChange={(event) => set({ minutes_out: event.target.valueAsNumber })}
    />
    <RangeField
      label="Answers in a session"
      text={formatWhole(inputs.turns)}
      hint="For each answer, the conversation so far is sent again."
      min={1}
      max={60}
      step={1}
      value={inputs.turns}
      onChange={(event) => set({ turns: event.target.valueAsNumber })}
    />
    <RangeField
      label="Instructions"
      text={`${formatWhole(inputs.prompt_tokens)} tokens`}
      min={0}
      max={20_000}
      step={250}
      value={inputs.prompt_tokens}
      onChange={(event) => set({ prompt_tokens: event.target.valueAsNumber })}
    />
    <RangeField
      label="Sessions a month"
      text={formatWhole(inputs.sessions_per_month)}
      min={10}
      max={5_000}
      step={10}
      value={inputs.sessions_per_month}
      onChange={(event) => set({ sessions_per_month: event.target.valueAsNumber })}
    />
  </div>
);

const KINDS: Readonly<Record<keyof Estimate['per_session']['cost_cents_by_kind'], string>> = {
  input_audio: 'Audio in',
  input_audio_cached: 'Audio in, cached',
  input_text: 'Text in',
  input_text_cached: 'Text in, cached',
  input_image: 'Images in',
  input_image_cached: 'Images in, cached',
  output_audio: 'Audio out',
  output_text: 'Text out',
};

const Results = ({
  estimate,
  prices,
}: {
  readonly estimate: Estimate;
  readonly prices: DataOf<'readPricing'>;
}) => {
  const { per_session, per_month } = estimate;
  const kinds = (Object.entries(per_session.cost_cents_by_kind) as [keyof typeof KINDS, number][])
    .filter(([, cents]) => cents > 0)
    .sort(([, a], [, b]) => b - a);
  const most = kinds[0]?.[1] ?? 1;
  return (
    <>
      <dl className={tiles['tiles']}>
        <div className={tiles['tile']}>
          <dt>A session</dt>
          <dd>
            {formatCents(per_session.cost_cents)}
            <small>{formatNumber(per_session.minutes)} minutes</small>
          </dd>
        </div>
        <div className={tiles['tile']}>
          <dt>A month on your own key</dt>
          <dd>
            {formatCents(per_month.cost_cents)}
            <small>
              {formatWhole(per_month.sessions)} sessions, {formatWhole(per_month.minutes)} minutes
            </small>
          </dd>
        </div>
      </dl>
      <Card title="What a session is made of" lead={`Prices: ${estimate.price_version}`}>
        <ul className={css['kinds']}>
          {kinds.map(([kind, cents]) => (
            <li key={kind} className={css['kind']}>
              <span>{KINDS[kind]}</span>
              <span>
                <span
                  className={css['kindBar']}
                  style={{ display: 'block', width: `${(cents / most) * 100}%` }}
                  aria-hidden="true"
                />
              </span>
              <span>{formatCents(cents)}</span>
            </li>
          ))}
        </ul>
      </Card>
      <Comparison estimate={estimate} prices={prices} />
    </>
  );
};

const nameOf = (plan: string): string => plan.charAt(0).toUpperCase() + plan.slice(1);

const Comparison = ({
  estimate,
  prices,
}: {
  readonly estimate: Estimate;
  readonly prices: DataOf<'readPricing'>;
}) => {
  const { per_month, per_session, plans } = estimate;
  const drawn = prices.plans.filter(({ monthly_usd }) => monthly_usd !== null);
  const centsPerMinute = per_session.minutes === 0 ? 0 : per_session.cost_cents / per_session.minutes;
  const reach = Math.max(
    per_month.minutes * 1.5,
    ...drawn.map(({ included_minutes }) => (included_minutes ?? 0) * 1.2),
    100,
  );
  return (
    <Card title="Own key against each plan" lead="Per month, for the same minutes." flush>
      <PlanTable caption="Costs by plan" plans={plans} prices={prices} byokCents={per_month.cost_cents} />
      <div className={css['chart']}>
        <ChartFrame>
          <Curves
            label="Cost by minutes a month, own key and plans"
            xName={(x) => `${formatWhole(x)} min`}
            format={(dollars) => formatCents(Math.round(dollars * 100))}
            series={[
              { id: 'byok', name: 'Own key' },
              ...drawn.map(({ name }) => ({ id: name, name: nameOf(name) })),
            ]}
            points={curvePoints(centsPerMinute, drawn, Math.round(reach))}
            mark={{ x: per_month.minutes, y: (centsPerMinute * per_month.minutes) / 100 }}
          />
        </ChartFrame>
      </div>
    </Card>
  );
};

const PlanTable = ({
  caption,
  plans,
  prices,
  byokCents,
}: {
  readonly caption: string;
  readonly plans: Estimate['plans'];
  readonly prices: DataOf<'readPricing'>;
  readonly byokCents: number;
}) => {
  const capOf = (plan: string): number | null => {
    const stated = prices.plans.find(({ name }) => name === plan);
    return stated?.hard_cap === true ? stated.included_minutes : null;
  };
  return (
    <Table
      caption={caption}
      columnPx={100}
      rows={plans}
      keyOf={({ name }) => name}
      columns={[
        { head: 'Plan', cell: ({ name }) => nameOf(name) },
        {
          head: 'Plan cost',
          cell: ({ cost_cents, served }) =>
            cost_cents === null ? (served ? 'by contract' : 'cap reached') : formatCents(cost_cents),
          number: true,
        },
        { head: 'Own key', cell: () => formatCents(byokCents), number: true },
        {
          head: 'Cheaper',
          cell: ({ cheaper }) =>
            cheaper === null ? (
              '–'
            ) : (
              <Badge tone={cheaper === 'byok' ? 'good' : 'neutral'}>{CHEAPER[cheaper]}</Badge>
            ),
        },
        {
          head: 'Plan is cheaper',
          cell: (plan) => planIsCheaper(plan, capOf(plan.name)),
          nowrap: true,
        },
      ]}
    />
  );
};

const CHEAPER = { byok: 'Own key', managed: 'Plan', equal: 'The same' } as const;

/** `2026-11`, UTC; `back` months before the current one. */
const monthOf = (now: Date, back: number): string =>
  new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString().slice(0, 7);

/** A month of the workspace itself, replayed under both modes. */
const History = ({ prices }: { readonly prices: DataOf<'readPricing'> }) => {
  const { workspace_id } = useWorkspace();
  const { api } = useSession();
  const months = [0, 1, 2, 3].map((back) => monthOf(new Date(), back));
  const [month, setMonth] = useState(months[0] ?? '');
  const history = useQuery({
    queryKey: ['own-month', workspace_id, month],
    queryFn: ({ signal }) =>
      api.call('compareOwnMonth', { path: { workspaceId: workspace_id }, body: { month }, signal }),
  });
  return (
    <Card
      title="Your own months"
      lead="The real usage of your sites, priced in both modes."
      aside={
        <select
          className={ui['input']}
          aria-label="Month"
          value={month}
          onChange={(event) => setMonth(event.target.value)}
        >
          {months.map((each) => (
            <option key={each} value={each}>
              {formatMonth(each)}
            </option>
          ))}
        </select>
      }
      flush
    >
      <Loaded query={history} what="your usage" lines={2}>
        {({ from_history: past, byok, plans }) =>
          past.sessions === 0 ? (
            <Empty title="No sessions in this month">
              After your first conversations, this shows what they cost on your own key and on each plan.
            </Empty>
          ) : (
            <>
              <div className={css['past']}>
                <Note
                  title={`${formatWhole(past.sessions)} sessions, ${formatWhole(past.minutes)} minutes, ${formatCents(byok.cost_cents)} at OpenAI${past.estimated ? ', estimated' : ''}`}
                >
                  {past.unpriced_sessions > 0 && (
                    <p>
                      {formatWhole(past.unpriced_sessions)} sessions without a known price are not included.
                    </p>
                  )}
                </Note>
              </div>
              <PlanTable
                caption="Costs of your own month by plan"
                plans={plans}
                prices={prices}
                byokCents={byok.cost_cents}
              />
            </>
          )
        }
      </Loaded>
    </Card>
  );
};
