/** The config.json of an OCI bundle as the words of the tools. */
export interface Bundle {
  /** Absolute. */
  readonly rootfs: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly terminal: boolean;
  readonly writable: boolean;
  readonly hostname: string | undefined;
  /** cgset's: limits and devices. */
  readonly limits: readonly string[];
  /** nsexec's. */
  readonly namespaces: readonly string[];
  /** pivot's, its ROOTFS first. */
  readonly root: readonly string[];
  /** confine's. */
  readonly confine: readonly string[];
  /** The seccomp profile as the text of a file, for `contain exec`. */
  readonly profile: string | undefined;
  /** What in the configuration has no effect. */
  readonly remarks: readonly string[];
}
