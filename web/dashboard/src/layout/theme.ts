const STORED = 'spelo.theme';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export const storedTheme = (): Theme => {
  const stored = window.localStorage.getItem(STORED);
  return THEMES.find((theme) => theme === stored) ?? 'system';
};

/** Without a choice of the person, the stylesheet follows the system. */
export const applyTheme = (theme: Theme): void => {
  const { dataset } = document.documentElement;
  if (theme === 'system') {
    delete dataset['theme'];
    window.localStorage.removeItem(STORED);
  } else {
    dataset['theme'] = theme;
    window.localStorage.setItem(STORED, theme);
  }
};
