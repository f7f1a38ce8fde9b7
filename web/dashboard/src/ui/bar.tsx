import css from './ui.module.css';

/** How much of something is used; changes its colour from 80 % on. `text` says it in words. */
export const Bar = ({
  label,
  value,
  max,
  text,
}: {
  readonly label: string;
  readonly value: number;
  readonly max: number;
  readonly text: string;
}) => {
  const share = max === 0 ? 0 : Math.min(1, value / max);
  return (
    // The browsers' own meter gives its value a part of the height, each another one.
    // biome-ignore lint/a11y/useSemanticElements: see above.
    <div
      role="meter"
      className={css['bar']}
      aria-label={label}
      aria-valuetext={text}
      aria-valuemin={0}
      aria-valuemax={1}
      aria-valuenow={share}
      data-level={share >= 1 ? 'full' : share >= 0.8 ? 'high' : 'fine'}
    >
      <span style={{ width: `${share * 100}%` }} />
    </div>
  );
};
