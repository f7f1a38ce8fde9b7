/** The sum of each series over all points, in the order of the series. */
export const seriesTotals = (
  points: readonly Readonly<Record<string, string | number>>[],
  series: readonly { readonly id: string }[],
): readonly number[] =>
  series.map(({ id }) => points.reduce((sum, point) => sum + Number(point[id] ?? 0), 0));
