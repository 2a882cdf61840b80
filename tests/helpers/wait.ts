// Waiting for what another process does. A test waits for the event; it pauses only to see that nothing happens.

export const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Waits until `condition` holds; false when it did not within so many milliseconds. The longer it waits, the less often it looks: a look may start a program. */
export async function within(milliseconds: number, condition: () => boolean): Promise<boolean> {
  let every = 20;
  for (const end = performance.now() + milliseconds; !condition(); await pause(every)) {
    if (performance.now() > end) return condition();
    every = Math.min(1.2 * every, 200);
  }
  return true;
}

/** Waits until `condition` holds, for as long as a busy machine may take. @throws Error that says what did not come about */
export async function eventually(condition: () => boolean, what: string | (() => string) = `${condition}`): Promise<void> {
  if (!(await within(120_000, condition))) throw new Error(`not within two minutes: ${typeof what === "string" ? what : what()}`);
}
