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
    <meter
      className={css['bar']}
      aria-label={label}
      aria-valuetext={text}
      min={0}
      max={1}
      value={share}
      data-level={share >= 1 ? 'full' : share >= 0.8 ? 'high' : 'fine'}
    >
      {text}
    </meter>
  );
};
