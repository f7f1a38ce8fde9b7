import { z } from 'zod';

/**
 * The body of a CloudWatch dashboard, as far as ours goes.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
 */

const look = z.object({
  label: z.string().optional(),
  expression: z.string().optional(),
  color: z.string().optional(),
  visible: z.boolean().optional(),
  yAxis: z.enum(['left', 'right']).optional(),
});

/** `[namespace, metric, dimension, value, …, { label, … }]`, or `[{ expression, label }]`. */
const metric = z.array(z.union([z.string(), look])).transform((parts) => {
  const last = parts.at(-1);
  const options = typeof last === 'object' ? last : {};
  const name = typeof parts[1] === 'string' ? parts[1] : '';
  return { ...options, label: options.label ?? name };
});

const place = { x: z.number(), y: z.number(), width: z.number(), height: z.number() };

const widget = z.discriminatedUnion('type', [
  z.object({ ...place, type: z.literal('text'), properties: z.object({ markdown: z.string() }) }),
  z.object({
    ...place,
    type: z.literal('alarm'),
    properties: z.object({ title: z.string(), alarms: z.array(z.string()) }),
  }),
  z.object({
    ...place,
    type: z.literal('metric'),
    properties: z.object({
      title: z.string(),
      stacked: z.boolean().optional(),
      metrics: z.array(metric),
      yAxis: z.object({ left: z.object({ label: z.string() }) }),
    }),
  }),
  z.object({
    ...place,
    type: z.literal('log'),
    properties: z.object({ title: z.string(), query: z.string() }),
  }),
]);

export const dashboardBody = z.object({ widgets: z.array(widget) });
export type DashboardBody = z.infer<typeof dashboardBody>;
export type Widget = DashboardBody['widgets'][number];
export type WidgetOf<Type extends Widget['type']> = Extract<Widget, { readonly type: Type }>;
