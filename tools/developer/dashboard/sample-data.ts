import { createHash } from 'node:crypto';

/** Points of a graph: three hours, five minutes each. */
export const POINTS = 37;

interface Shape {
  readonly level: number;
  /** Variation of the values, as a share of the level. */
  readonly noise: number;
  /** Share of the points that have a value. */
  readonly often?: number;
}

/** Graphs of a quiet afternoon, by the title of the graph and the label of the line; the first that fits. */
const SHAPES: readonly (readonly [RegExp, Shape])[] = [
  [/^Mints.*: ok$/, { level: 180, noise: 0.2 }],
  [/^Mints.*: (?:rate_limited|busy)$/, { level: 9, noise: 0.9, often: 0.6 }],
  [/^Mints/, { level: 3, noise: 0.9, often: 0.25 }],
  [/: p50$/, { level: 420, noise: 0.1 }],
  [/: p95$/, { level: 830, noise: 0.15 }],
  [/: p99$/, { level: 1_450, noise: 0.2 }],
  [/: OpenAI$/, { level: 610, noise: 0.15 }],
  [/: DynamoDB$/, { level: 14, noise: 0.2 }],
  [/: KMS$/, { level: 22, noise: 0.2 }],
  [/: own$/, { level: 11, noise: 0.2 }],
  [/: (?:decrypts|rows)$/, { level: 181, noise: 0.15 }],
  [/^Age of/, { level: 900, noise: 0.5 }],
  [/^Every line busy.*: tier [12]$/, { level: 5, noise: 0.8, often: 0.5 }],
  [/^Every line busy/, { level: 1, noise: 0.9, often: 0.1 }],
  [/^Cost.*: byok$/, { level: 640, noise: 0.25 }],
  [/^Cost.*: managed$/, { level: 210, noise: 0.3 }],
  [/: requests$/, { level: 2_100, noise: 0.15 }],
  [/: 4xx$/, { level: 24, noise: 0.5 }],
  [/^Containers.*: (?:token|events)$/, { level: 9, noise: 0.4 }],
  [/^Containers/, { level: 1.4, noise: 0.5 }],
  [/^KMS:/, { level: 0.6, noise: 0.3 }],
  [/^DynamoDB: use/, { level: 0.05, noise: 0.6 }],
  [/^Blocked by WAF/, { level: 4, noise: 0.9, often: 0.4 }],
];

const QUIET: Shape = { level: 1, noise: 0, often: 0 };

/** A number from 0 to 1 that is the same for the same text. */
const chance = (text: string): number => createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;

/**
 * Generated values of one line, the same on every run. Decrypts and audit rows have equal values at each point, as they
 * should.
 */
export const sampleValues = (title: string, label: string): readonly number[] => {
  const name = `${title}: ${label}`;
  const [, shape] = SHAPES.find(([pattern]) => pattern.test(name)) ?? [undefined, QUIET];
  const seed = title.startsWith('Decrypts') ? title : name;
  return Array.from({ length: POINTS }, (_, i) => {
    if (chance(`${seed} at ${i}`) >= (shape.often ?? 1)) return 0;
    const wave = 1 + 0.25 * Math.sin((i / POINTS) * Math.PI * 1.6);
    return shape.level * wave * (1 + shape.noise * (2 * chance(`${seed} is ${i}`) - 1));
  });
};
