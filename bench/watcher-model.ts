import { PRICES } from '../tools/operator/deploy/prices.ts';
import { AWS_QUOTAS } from './aws-quotas.ts';
import { tableOf } from './report.ts';

/**
 * Calculates the cost of watching calls: one run of a Lambda function for each call as long as it lasts, or processes that
 * hold the sidebands of many calls. Both write the same items, so DynamoDB is left out.
 */

export const LIVE_CALLS = [10, 1_000, 10_000] as const;

/** Memory of the function `watch`: docs/performance.md. */
const WATCH_GB = 0.5;
const HOURS_A_MONTH = 730;
/** Lowest cost of a minute at OpenAI: docs/cost.md. */
const OPENAI_USD_PER_MINUTE = 0.05;
/** A container of one processor and 2 GB, twice: a deployment or a failure of one must not end every watch. */
const CONTAINERS = 2;
const CONTAINER = { vcpu: 1, gb: 2 };

/** US dollars of one live call, watched without a pause for a month. */
const lambdaUsd = WATCH_GB * 3_600 * HOURS_A_MONTH * PRICES.lambdaTime.dollars;

/** US dollars of the containers for a month. */
const containersUsd =
  CONTAINERS *
  HOURS_A_MONTH *
  (CONTAINER.vcpu * PRICES.containerProcessor.dollars + CONTAINER.gb * PRICES.containerMemory.dollars);

/** The average number of live calls above which containers cost less. */
export const breakEvenCalls = containersUsd / lambdaUsd;

const usd = (amount: number): string => `$${Math.round(amount).toLocaleString('en-US')}`;
const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

export const watcherTable = (): readonly string[] =>
  tableOf(
    [
      'Live calls, on average',
      'containers at Lambda',
      'of the default quota',
      'Lambda, a month',
      'OpenAI, a month, at least',
      'watching, of that',
      'two processes instead, a month',
      'sockets in each',
    ],
    LIVE_CALLS.map((calls) => {
      const openAi = calls * HOURS_A_MONTH * 60 * OPENAI_USD_PER_MINUTE;
      return [
        whole(calls),
        whole(calls),
        `${whole((100 * calls) / AWS_QUOTAS.concurrency.value)} %`,
        usd(calls * lambdaUsd),
        usd(openAi),
        `${((100 * calls * lambdaUsd) / openAi).toFixed(1)} %`,
        usd(containersUsd),
        whole(calls / CONTAINERS),
      ];
    }),
    0,
  );

export const breakEvenLines = (): readonly string[] => [
  `Two containers of ${CONTAINER.vcpu} vCPU and ${CONTAINER.gb} GB, arm64, at $${PRICES.containerProcessor.dollars} ${PRICES.containerProcessor.unit} and $${PRICES.containerMemory.dollars} ${PRICES.containerMemory.unit} ([list price](${PRICES.containerMemory.source})),`,
  `cost $${containersUsd.toFixed(2)} a month;`,
  `one call that is watched by Lambda all month $${lambdaUsd.toFixed(2)}. From **${breakEvenCalls.toFixed(1)} live calls on average** on, ${whole(breakEvenCalls * HOURS_A_MONTH * 60)} call minutes a month, the containers cost less.`,
];
