import css from './layout.module.css';

export const Brand = () => (
  <span className={css['brand']}>
    <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#0b6b55" />
      <g fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round">
        <path d="M8 13.5v5" />
        <path d="M13.3 9.5v13" />
        <path d="M18.6 12v8" />
        <path d="M24 14.5v3" />
      </g>
    </svg>
    Spelo
  </span>
);
