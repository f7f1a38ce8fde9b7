import { createContext, type ReactNode, useCallback, useContext, useState } from 'react';
import css from './ui.module.css';

const Say = createContext<(text: string) => void>(() => undefined);

/** Says in a corner, and to screen readers, that something went well. Failures stay where they happened. */
export const useToast = () => useContext(Say);

const SHOWN_MS = 4_500;

export const Toasts = ({ children }: { readonly children: ReactNode }) => {
  const [toasts, setToasts] = useState<readonly { readonly id: number; readonly text: string }[]>([]);
  const say = useCallback((text: string) => {
    const id = Math.random();
    setToasts((now) => [...now, { id, text }]);
    setTimeout(() => setToasts((now) => now.filter((toast) => toast.id !== id)), SHOWN_MS);
  }, []);
  return (
    <Say value={say}>
      {children}
      <div className={css['toasts']} role="status" aria-live="polite">
        {toasts.map(({ id, text }) => (
          <div key={id} className={css['toast']}>
            {text}
          </div>
        ))}
      </div>
    </Say>
  );
};
