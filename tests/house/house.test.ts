// The rooms: a package stands above all that it imports, no files import each other in a circle, and only the kernel package knows koffi.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, test } from "node:test";
import { root } from "../helpers/run.ts";

/** From the bottom up; those of one line do not know each other. */
const FLOORS = [
  ["kernel"],
  ["chain"],
  ["terminal", "pasta", "state", "image"],
  ["cgset", "nsexec", "pivot", "pid1", "confine", "hold", "veth"],
  ["explain"],
  ["record", "labs"],
  ["contain", "oci"],
  ["build"],
];
const LARGEST = 200; // lines of a file
const SHARE = 0.25; // of all lines, in one package

const packages = join(root, "packages");
const sources = (readdirSync(packages, { recursive: true }) as string[])
  .filter((path) => /^[a-z0-9]+\/src\/.*\.ts$/.test(path))
  .map((path) => join(packages, path));
const packageOf = (path: string) => relative(packages, path).split("/", 1)[0] ?? "";
const floorOf = (name: string) => FLOORS.findIndex((names) => names.includes(name));

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isType: boolean;
}

const imports: Import[] = sources.flatMap((from) =>
  [...readFileSync(from, "utf8").matchAll(/^(?:import|export)\s(type\s)?(?:[^;"]*?\sfrom\s)?"([^"]+)";/gm)].map(([, type, to = ""]) => ({
    from,
    to: to.startsWith(".") ? resolve(dirname(from), to) : to,
    isType: type !== undefined,
  })),
);

describe("the rooms", () => {
  test("every package has a floor", () => {
    const known = FLOORS.flat().toSorted();
    assert.deepEqual([...new Set(sources.map(packageOf))].toSorted(), known);
  });

  test("no import leads up, or to a neighbour", () => {
    const wrong = imports.filter(({ from, to }) => {
      const name = to.startsWith("/") ? packageOf(to) : /^@contain-tools\/(\w+)$/.exec(to)?.[1];
      if (name === undefined || name === packageOf(from)) return false;
      return floorOf(name) >= floorOf(packageOf(from));
    });
    assert.deepEqual(wrong, []);
  });

  test("only kernel imports koffi, and nobody reaches into another package past its index but build", () => {
    const wrong = imports.filter(({ from, to }) => {
      if (to === "koffi") return packageOf(from) !== "kernel";
      return to.startsWith("/") && packageOf(to) !== packageOf(from) && packageOf(from) !== "build";
    });
    assert.deepEqual(wrong, []);
  });

  test("no circle of files", () => {
    const next = new Map<string, string[]>();
    for (const { from, to } of imports) if (to.startsWith("/")) next.set(from, [...(next.get(from) ?? []), to]);
    const state = new Map<string, "open" | "done">();
    const circles: string[] = [];
    const visit = (file: string, way: readonly string[]): void => {
      if (state.get(file) === "done") return;
      if (state.get(file) === "open") {
        circles.push([...way.slice(way.indexOf(file)), file].map((path) => relative(packages, path)).join(" -> "));
        return;
      }
      state.set(file, "open");
      for (const to of next.get(file) ?? []) visit(to, [...way, file]);
      state.set(file, "done");
    };
    for (const file of sources) visit(file, []);
    assert.deepEqual(circles, []);
  });

  test("no index exports by *", () => {
    const stars = sources.filter((path) => /^export \*/m.test(readFileSync(path, "utf8")));
    assert.deepEqual(stars, []);
  });

  test(`no package has more than ${SHARE * 100} % of the lines, no file more than ${LARGEST}`, () => {
    const lines = sources.map((path) => ({ path, count: readFileSync(path, "utf8").split("\n").length - 1 }));
    const all = lines.reduce((sum, { count }) => sum + count, 0);
    const shares = FLOORS.flat().map((name) => {
      const own = lines.filter(({ path }) => packageOf(path) === name).reduce((sum, { count }) => sum + count, 0);
      return `${name}: ${((100 * own) / all).toFixed(1)} %`;
    });
    assert.deepEqual(
      shares.filter((line) => Number(line.split(" ")[1]) > 100 * SHARE),
      [],
    );
    assert.deepEqual(
      lines.filter(({ count }) => count > LARGEST).map(({ path, count }) => `${relative(packages, path)}: ${count}`),
      [],
    );
  });
});
