// The group that keeps a process frozen, in either version of control groups.
import { join } from "node:path";
import type { Finding } from "@contain-tools/chain";
import { isFrozen } from "@contain-tools/kernel";
import { fact, is, look } from "./finding.ts";
import { chainOf, type Groups, isChain } from "./groups.ts";

export function frozenBy(groups: Groups): Finding[] {
  const chain = chainOf("freezer", groups);
  if (!isChain(chain))
    return chain.certain
      ? []
      : [{ ...chain, code: "frozen-unknown", text: chain.text.replace("its freezer limits", "whether it is frozen") }];
  if (chain.version === 1) {
    const rule = "cgroup v1 freezer-subsystem.rst";
    const states = chain.levels.map((dir) => ({
      dir,
      state: look(join(dir, "freezer.state"), rule),
      self: look(join(dir, "freezer.self_freezing"), rule),
    }));
    const own = states[0];
    if (own !== undefined && (own.state.value === "FROZEN" || own.state.value === "FREEZING")) {
      const by = states.find(({ self }) => self.value === "1");
      return [
        is(
          "frozen-v1",
          `its group is frozen (${by?.dir ?? own.dir}): no signal reaches it, not even SIGKILL, until somebody thaws it`,
          [own.state, ...(by === undefined ? [] : [by.self])],
          `echo THAWED > ${join(by?.dir ?? own.dir, "freezer.state")} (or docker unpause)`,
        ),
      ];
    }
  }
  return frozenV2(groups);
}

/** The v2 hierarchy has its own freezer, even if another one is on v1. */
function frozenV2(groups: Groups): Finding[] {
  const unified = (groups.cgroups.value ?? "").split("\n").filter((line) => line.startsWith("0::"));
  const chain = chainOf("freezer", { ...groups, cgroups: { ...groups.cgroups, value: unified.join("\n") } });
  if (!isChain(chain)) return [];
  const [own = ""] = chain.levels;
  if (!isFrozen(own)) return [];
  const rule = "cgroup-v2.rst, cgroup.freeze";
  const by = chain.levels.map((dir) => ({ dir, proof: look(join(dir, "cgroup.freeze"), rule) })).find(({ proof }) => proof.value === "1");
  const proof = [fact(join(own, "cgroup.events frozen"), "1", rule), ...(by === undefined ? [] : [by.proof])];
  return [
    is(
      "frozen",
      `its group is frozen${by === undefined ? "" : ` (${by.dir})`}: it runs nothing, so no handler for a signal runs either; SIGKILL still ends it`,
      proof,
      `thaw it: echo 0 > ${join(by?.dir ?? own, "cgroup.freeze")} (contain unpause, docker unpause)`,
    ),
  ];
}
