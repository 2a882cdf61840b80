// The flight recorder where there are limits to record: memory up to the kill, throttling, refused forks.
import assert from "node:assert/strict";
import { checkSchema } from "../../helpers/schemas.ts";
import type { Case } from "../machine.ts";

interface Line {
  readonly event: string;
  readonly [file: string]: unknown;
}

const lines = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
const field = (line: Line | undefined, file: string, key: string) => (line?.[file] as Record<string, number> | undefined)?.[key] ?? -1;

/** Busy for a while, then forks too often, then 3M more each quarter of a second. */
const GREEDY = `
  my $end = time + 2; 1 while time < $end;
  for (1 .. 8) { defined(my $pid = fork) or next; $pid or do { sleep 100; exit } }
  my @held; for (1 .. 40) { push @held, "x" x (3 << 20); select undef, undef, undef, 0.25 }`;

export const recordCases: readonly Case[] = [
  {
    name: "contain run --record: memory by kind up to the OOM kill, throttling, refused forks; contain report shows them",
    script: `
      contain run -q --memory 24M --pids 5 --cpu 20% --record rec -- perl -e '${GREEDY}'; echo "status $?"
      echo --; cat rec
      echo --; contain report rec
      contain report rec -o page.html; grep -c '<script' page.html
      rm rec page.html`,
    check({ stdout }) {
      const [status, rec = "", report = ""] = stdout.split("--\n");
      assert.equal(status, "status 137\n");
      const all = lines(rec);
      for (const line of all) checkSchema("record", line);
      const [start] = all;
      // This kernel has no PSI; all controllers are there because limits asked for them.
      assert.deepEqual(
        ((start?.["missing"] ?? []) as { what: string }[]).map(({ what }) => what),
        ["memory.pressure, cpu.pressure, io.pressure", "reaped orphans"],
      );
      const samples = all.filter(({ event }) => event === "sample");
      const anon = samples.map((line) => field(line, "memory.stat", "anon"));
      assert.ok(Math.max(...anon) > 12 << 20, `anon grows: ${anon}`);
      assert.ok(
        samples.every((line) => line["memory.max"] === 24 << 20 && Number(line["memory.current"]) <= 24 << 20),
        "the limit is in every sample",
      );
      const last = samples.at(-1);
      assert.ok(field(last, "cpu.stat", "nr_throttled") > 0 && field(last, "pids.events", "max") > 0, JSON.stringify(last));
      const oom = all.findIndex(({ event, oom_kill }) => event === "oom" && oom_kill === 1);
      const exited = all.findIndex(({ event, state }) => event === "state" && state === "exited");
      assert.ok(oom > 0 && oom < exited, "the OOM kill is told before the end");
      assert.match(report, /^memory +[▁-█ ]+ +most \S+ of 24M$/m);
      assert.match(report, /^cpu +[▁-█ ]+ +most \S+% of 20.0%$/m);
      assert.match(report, /^processes +[▁-█ ]+ +most 5 of 5$/m);
      assert.match(report, /^O +\S+ s .*the OOM killer took a process \(oom_kill 1\)/m);
      assert.match(report, /^2$/m); // the data, and the script of the template
    },
  },
  {
    name: "contain run --detach --record: signals with their senders, pauses",
    script: `
      id=$(contain run -d --memory 32M --record rec -- sleep 100 2>/dev/null)
      sleep 1
      contain pause $id; contain unpause $id
      contain stop --grace 0.5s $id; contain wait $id; contain rm $id
      echo --; cat rec; rm rec`,
    check({ stdout }) {
      const [status, rec = ""] = stdout.split("--\n");
      assert.equal(status, "137\n");
      const events = lines(rec).filter(({ event }) => event !== "sample" && event !== "start");
      assert.deepEqual(
        events.map((line) => line["state"] ?? line["signal"]),
        ["started", "paused", "resumed", "SIGTERM", "SIGKILL", "exited"],
      );
      assert.match(JSON.stringify(events[3]), /"from":\{"pid":\d+,"comm":"contain"\},"forwarded":"SIGTERM"/);
      assert.ok(lines(rec).filter(({ event }) => event === "sample").length >= 4);
    },
  },
];
