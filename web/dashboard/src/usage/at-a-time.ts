export interface Span {
  readonly connected_at: string | null;
  readonly ended_at: string | null;
}

/**
 * How many sessions ran at each moment at which that number changed, oldest first. One that has not ended runs until
 * `now`; one that never connected does not count.
 */
export const atATime = (
  sessions: readonly Span[],
  now: number,
): readonly { readonly at: number; readonly value: number }[] => {
  const changes = sessions
    .flatMap(({ connected_at, ended_at }) =>
      connected_at === null
        ? []
        : [
            { at: Date.parse(connected_at), by: 1 },
            // The times are those of different clocks: none ends before it began.
            {
              at: Math.max(Date.parse(connected_at), ended_at === null ? now : Date.parse(ended_at)),
              by: -1,
            },
          ],
    )
    .sort((a, b) => a.at - b.at);
  const points: { at: number; value: number }[] = [];
  let value = 0;
  for (const { at, by } of changes) {
    value += by;
    // Who leaves at a moment makes room for who comes at the same: one point, with the balance.
    if (points.at(-1)?.at === at) points.pop();
    points.push({ at, value });
  }
  return points;
};
