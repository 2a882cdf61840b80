// --monotonic and --boottime: offsets of the clocks in a new time namespace (time_namespaces(7)).
import type { Values } from "@contain-tools/chain";
import { quote, UsageError } from "@contain-tools/kernel";

/** The offset is the sum of `seconds` and `nanoseconds`, which is 0 to 999999999, as the kernel takes it: -1.5 s is -2 and 500000000. */
export interface ClockOffset {
  readonly clock: "monotonic" | "boottime";
  readonly seconds: number;
  readonly nanoseconds: number;
}

const MAX_SECONDS = 2 ** 40;

/** @throws UsageError */
export function readOffsets(given: Values<"monotonic" | "boottime">): ClockOffset[] {
  return (["monotonic", "boottime"] as const).flatMap((clock) => {
    const text = given.value(clock);
    return text === undefined ? [] : [readOffset(clock, text)];
  });
}

function readOffset(clock: ClockOffset["clock"], text: string): ClockOffset {
  const [, sign = "", whole = "", fraction = ""] = /^([+-]?)(\d+)(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (whole === "" || Number(whole) > MAX_SECONDS)
    throw new UsageError(
      `--${clock} ${quote(text)} is not an offset`,
      `seconds from -${MAX_SECONDS} to ${MAX_SECONDS}, with up to nine decimals: 86400, -1.5`,
    );
  const nanoseconds = Number(fraction.padEnd(9, "0"));
  if (sign !== "-") return { clock, seconds: Number(whole), nanoseconds };
  if (nanoseconds === 0) return { clock, seconds: -Number(whole), nanoseconds };
  return { clock, seconds: -Number(whole) - 1, nanoseconds: 1e9 - nanoseconds };
}
