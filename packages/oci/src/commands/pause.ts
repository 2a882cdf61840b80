// pause, resume: cgset --freeze and --thaw of the container's group.
import { act, cgset } from "@contain-tools/cgset";
import { type Context, runAs } from "@contain-tools/chain";
import { findHierarchy, waitForField } from "@contain-tools/kernel";
import { OciError } from "../failure.ts";
import type { OciCommand } from "../program.ts";
import { readContainer, statusOf } from "../state.ts";
import { planOf } from "../tools.ts";
import { idOf } from "../words.ts";

const command =
  (name: string, freeze: boolean) =>
  (context: Context): OciCommand => ({
    name,
    about: freeze ? "freeze all processes of a container" : "thaw them",
    options: {},
    run(words, { root }) {
      const container = readContainer(root, idOf(words));
      const { group } = container;
      const status = statusOf(container);
      if (group === undefined) throw new OciError("container has no group, so it cannot be frozen");
      if (freeze ? status !== "running" && status !== "created" : status !== "paused")
        throw new OciError(`container not ${freeze ? "running" : "paused"}: it is ${status}`);
      const link = planOf(context, cgset, ["cgset", "--path", belowMount(group), freeze ? "--freeze" : "--thaw"]);
      runAs(context, link, (inner) => act(inner, link.plan));
      if (!waitForField(group, "cgroup.events", "frozen", freeze ? 1 : 0, 10_000))
        throw new OciError(`${group}: it does not ${freeze ? "freeze" : "thaw"} within 10 s`);
      return 0;
    },
  });

/** A group's directory as cgset --path names it. */
export const belowMount = (group: string): string => group.slice(findHierarchy().mountPoint.length);

export const pause = command("pause", true);
export const resume = command("resume", false);
