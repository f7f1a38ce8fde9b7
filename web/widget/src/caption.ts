/** The words of one side in one turn. */
export interface Caption {
  readonly role: 'visitor' | 'assistant';
  readonly id: string;
  /** The whole of it so far. */
  readonly text: string;
  readonly final: boolean;
}
