import { type ReactNode, useId } from 'react';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';

/** A dialog around one form: "Cancel", and a button that submits it. Stays open until `onClose` is called. */
export const FormDialog = ({
  title,
  submit,
  working,
  onSubmit,
  onClose,
  children,
}: {
  readonly title: string;
  /** The text of the button. */
  readonly submit: string;
  readonly working: boolean;
  readonly onSubmit: () => void;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) => {
  const form = useId();
  return (
    <Dialog
      title={title}
      wide
      onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" form={form} kind="primary" working={working}>
            {submit}
          </Button>
        </>
      }
    >
      <form
        id={form}
        style={{ display: 'grid', gap: 16 }}
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        {children}
      </form>
    </Dialog>
  );
};
