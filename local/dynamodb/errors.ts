/** No DynamoDB-compatible engine can be found; the message says what to install. */
export class MissingEngineError extends Error {
  override readonly name = 'MissingEngineError';
  readonly packageName: string;

  constructor(packageName: string) {
    super(
      `No DynamoDB engine found: run \`npm install --no-save ${packageName}\`, or put \`dynoxide\` on the PATH, or set DYNAMODB_ENDPOINT to the address of a DynamoDB-compatible engine.`,
    );
    this.packageName = packageName;
  }
}

/** The database file is not readable as a database; nothing in it was changed or deleted. */
export class DamagedDatabaseError extends Error {
  override readonly name = 'DamagedDatabaseError';
  readonly dbPath: string;

  constructor(dbPath: string) {
    super(
      `The local database ${dbPath} is damaged: run \`npm start -- --reset\` to delete it and start afresh.`,
    );
    this.dbPath = dbPath;
  }
}

/** The engine was found but did not come up; `lastLines` is the end of what it wrote to stderr. */
export class EngineStartError extends Error {
  override readonly name = 'EngineStartError';
  readonly lastLines: readonly string[];

  constructor(reason: string, lastLines: readonly string[]) {
    super([`The local DynamoDB engine did not start: ${reason}`, ...lastLines].join('\n  '));
    this.lastLines = lastLines;
  }
}
