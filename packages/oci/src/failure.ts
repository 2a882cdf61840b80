// A failure of contain-oci: one line, the fault first. The command line decides the exit status.

export class OciError extends Error {
  /** 1 for most commands, 255 for exec. */
  readonly status: number | undefined;
  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

/** The errno of an error of node:fs. */
export const codeOf = (error: unknown): string | undefined => (error as { code?: string } | undefined)?.code;

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
