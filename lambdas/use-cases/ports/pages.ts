export interface Page<Item> {
  readonly items: readonly Item[];
  /** The start of the next page; undefined on the last one. */
  readonly next: string | undefined;
}

export interface PageRequest {
  readonly limit: number;
  readonly after: string | undefined;
}
