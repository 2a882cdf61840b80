// Numbers that are the same for the same seed: a failure of a fuzzer can be repeated by CONTAIN_FUZZ_SEED.

/** The seed of all fuzzers; CONTAIN_FUZZ_SEED sets another one. */
export const SEED = Number(process.env["CONTAIN_FUZZ_SEED"] ?? 20261130);

/** How many tries of `standard`; CONTAIN_FUZZ_TIMES multiplies. */
export const times = (standard: number) => Math.ceil(standard * Number(process.env["CONTAIN_FUZZ_TIMES"] ?? 1));

export class Random {
  private state: number;

  /** @param part so that each try has numbers of its own, and can be repeated alone */
  constructor(seed: number, part: number) {
    this.state = (seed ^ Math.imul(part + 1, 0x9e3779b1)) >>> 0;
    for (let i = 0; i < 4; i++) this.next();
  }

  /** From 0 to below 2^32 (mulberry32). */
  private next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    return this.next() % limit;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    const value = list[this.below(list.length)];
    if (value === undefined) throw new Error("nothing to pick from");
    return value;
  }

  /** Up to `most` of what `make` makes. */
  some<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }
}
