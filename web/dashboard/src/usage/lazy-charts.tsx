import { lazy, type ReactNode, Suspense } from 'react';
import { Skeleton } from '../ui/states.tsx';

const load = () => import('./charts.tsx');

export const StackedBars = lazy(async () => ({ default: (await load()).StackedBars }));
export const Steps = lazy(async () => ({ default: (await load()).Steps }));
export const Curves = lazy(async () => ({ default: (await load()).Curves }));

/** Holds the place of a chart until the chart library is there. */
export const ChartFrame = ({ children }: { readonly children: ReactNode }) => (
  <Suspense fallback={<Skeleton height={260} />}>{children}</Suspense>
);
