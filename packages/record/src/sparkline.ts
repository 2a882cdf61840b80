// The last values of a figure as a row of blocks: ▁▂▃▅█.

const BLOCKS = "▁▂▃▄▅▆▇█";

/** The lowest block is 0, the highest `most` or more. Undefined values are blanks. */
export function sparkline(values: readonly (number | undefined)[], most: number, width: number): string {
  const shown = values.slice(-width).map((value) => {
    if (value === undefined) return " ";
    const part = most > 0 ? Math.min(1, Math.max(0, value / most)) : 0;
    return BLOCKS[Math.min(BLOCKS.length - 1, Math.ceil(part * (BLOCKS.length - 1)))] ?? " ";
  });
  return shown.join("").padStart(width);
}
