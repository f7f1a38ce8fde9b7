import { type ComponentProps, type ReactNode, useId } from 'react';
import css from './ui.module.css';

interface Common {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly fault?: string | undefined;
}

/** Ties a label, a hint and a fault to one control, for eyes and for screen readers. */
const useField = ({ label, hint, fault }: Common) => {
  const id = useId();
  const described = [hint !== undefined && `${id}-hint`, fault !== undefined && `${id}-fault`].filter(
    Boolean,
  );
  return {
    control: {
      id,
      'aria-invalid': fault !== undefined,
      ...(described.length > 0 && { 'aria-describedby': described.join(' ') }),
    },
    wrap: (control: ReactNode) => (
      <div className={css['field']}>
        <label className={css['label']} htmlFor={id}>
          {label}
        </label>
        {control}
        {hint !== undefined && (
          <div className={css['hint']} id={`${id}-hint`}>
            {hint}
          </div>
        )}
        {fault !== undefined && (
          <div className={css['fault']} id={`${id}-fault`} role="alert">
            {fault}
          </div>
        )}
      </div>
    ),
  };
};

export const TextField = ({ label, hint, fault, ...rest }: Common & ComponentProps<'input'>) => {
  const { control, wrap } = useField({ label, hint, fault });
  return wrap(<input {...rest} {...control} className={css['input']} />);
};

export const TextArea = ({ label, hint, fault, ...rest }: Common & ComponentProps<'textarea'>) => {
  const { control, wrap } = useField({ label, hint, fault });
  return wrap(<textarea {...rest} {...control} className={css['input']} />);
};

export const SelectField = ({ label, hint, fault, ...rest }: Common & ComponentProps<'select'>) => {
  const { control, wrap } = useField({ label, hint, fault });
  return wrap(<select {...rest} {...control} className={css['input']} />);
};

/** A slider whose value is also said in words. */
export const RangeField = ({
  label,
  hint,
  fault,
  text,
  ...rest
}: Common & Omit<ComponentProps<'input'>, 'type'> & { readonly text: string }) => {
  const { control, wrap } = useField({ label: `${label}: ${text}`, hint, fault });
  return wrap(<input {...rest} {...control} type="range" aria-valuetext={text} className={css['range']} />);
};

/** Fields side by side while there is room. */
export const FieldRow = ({ children }: { readonly children: ReactNode }) => (
  <div className={css['row']}>{children}</div>
);
