// Where the time of a start goes: `contain --profile run …` prints it. Each phase notes its end.

interface Phase {
  readonly name: string;
  /** Milliseconds since the runtime was started, which is after execve(2) and the dynamic linker. */
  readonly end: number;
}

const phases: Phase[] = [];

/** Whether times are wanted: the clock's first use is too slow for every start. */
const mayBeWanted = process.argv.includes("--profile");

/** Notes the end of a phase. */
export function phaseEnds(name: string): void {
  if (mayBeWanted) phases.push({ name, end: performance.now() });
}

/** Whether somebody does. */
export const profile = { wanted: false };

/** A table: the duration of each phase in milliseconds, and its share. */
export function profileTable(): string {
  const all = phases.at(-1)?.end ?? 0;
  const row = (name: string, from: number, to: number) =>
    `${(to - from).toFixed(1).padStart(8)} ms ${`${Math.round((100 * (to - from)) / all)}`.padStart(4)} %  ${name}\n`;
  return phases.map(({ name, end }, i) => row(name, phases[i - 1]?.end ?? 0, end)).join("") + row("since the runtime was started", 0, all);
}

phaseEnds("runtime"); // this file is evaluated before any other of ours
