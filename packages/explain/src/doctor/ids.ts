// Our ids, and the ids that we may use: capabilities, newuidmap and newgidmap, subordinate ids.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { canRun, type Evidence, evidenceFrom } from "@contain-tools/chain";
import { capget, codeOf, hasFileCapabilities, readIfThere, statusField } from "@contain-tools/kernel";
import { isPrivileged } from "./attempts.ts";
import { answered, asRoot, type Check, cannotTell, check, quoteEvidence, type Verdict } from "./check.ts";

export function idChecks(): Check[] {
  return [
    check("privilege", privilege),
    check("newuidmap", () => helper("newuidmap")),
    check("newgidmap", () => helper("newgidmap")),
    check("subordinate uids", () => subordinate("/etc/subuid", "uid")),
    check("subordinate gids", () => subordinate("/etc/subgid", "gid")),
  ];
}

const uid = () => process.geteuid?.() ?? 0;

function privilege(): Verdict {
  const effective = `0x${capget().effective.toString(16)}`;
  const evidence = [
    answered("geteuid(2)", `${uid()}`, "user_namespaces(7)"),
    answered("capget(2) effective", effective, "capabilities(7): bit 21 is CAP_SYS_ADMIN, which mounts and namespaces need"),
  ];
  const text = `euid ${uid()}, capabilities ${effective}`;
  if (isPrivileged()) return { state: "ok", text: `${text}: CAP_SYS_ADMIN is there`, evidence };
  const fix = uid() === 0 ? "root of a container lacks it: start outside, or with --privileged" : "everything is done in a user namespace";
  return { state: "limited", text: `${text}: no CAP_SYS_ADMIN`, evidence, fix };
}

const INSTALL = "install it: package uidmap (Debian, Ubuntu), shadow-utils (Fedora), shadow (Arch, Alpine: shadow-uidmap)";

function helper(name: string): Verdict {
  const rule = `${name}(1): writes a map of several ids for an ordinary user; root writes it itself`;
  const folders = (process.env["PATH"] ?? "").split(":").filter((dir) => dir.startsWith("/"));
  const path = folders.map((dir) => join(dir, name)).find(canRun);
  const who = uid() === 0 ? "; root does not need it, an ordinary user does for more than one id" : "";
  if (path === undefined) {
    const evidence = [{ source: `PATH=${folders.join(":")}`, value: "not found", rule }];
    return { state: "missing", text: `not in PATH=${folders.join(":")}${who}`, evidence, fix: INSTALL };
  }
  const { mode, uid: owner } = statSync(path);
  const octal = (mode & 0o7777).toString(8);
  const setUser = (mode & 0o4000) !== 0 && owner === 0;
  const capabilities = hasFileCapabilities(path);
  const evidence = [
    { source: `stat(${path})`, value: `mode ${octal}, uid ${owner}`, rule: "inode(7): 4000 is set-user-ID" },
    {
      source: `getxattr(${path}, security.capability)`,
      value: capabilities ? "set" : "not set",
      rule: "capabilities(7), File capabilities",
    },
  ];
  const text = `${path}: mode ${octal}, owner ${owner}${capabilities ? ", file capabilities" : ""}`;
  if (!setUser && !capabilities)
    return {
      state: "limited",
      text: `${text}: neither set-user-ID root nor with file capabilities`,
      evidence,
      fix: asRoot(`chmod u+s ${path}`),
    };
  const noNewPrivileges = statusField(readIfThere("/proc/self/status") ?? "", "NoNewPrivs");
  if (noNewPrivileges === "1") {
    const source = "/proc/self/status NoNewPrivs";
    const flag = { source, value: "1", rule: "prctl(2) PR_SET_NO_NEW_PRIVS: execve(2) gives no privileges" };
    return {
      state: "limited",
      text: `${text}; ${source}: 1, so it gets no privileges here`,
      evidence: [...evidence, flag],
      fix: "start from another session",
    };
  }
  return { state: "ok", text, evidence };
}

function subordinate(file: string, kind: "uid" | "gid"): Verdict {
  const rule = `sub${kind}(5): NAME:FIRST:COUNT; all that fit are used by --map-auto, and by a container of an ordinary user`;
  const found = evidenceFrom(file, rule);
  const names = [uid() === 0 ? "containers" : undefined, userName(), `${uid()}`].filter((name) => name !== undefined);
  const lines = (found.value ?? "")
    .split("\n")
    .filter((line) => names.includes(line.split(":")[0] ?? "") && /^[^:]+:\d+:[1-9]\d*$/.test(line));
  const own: Evidence = found.value === undefined ? found : { ...found, value: lines.join("\n") || `no line for ${names.join(" or ")}` };
  const fromNss = evidenceFrom("/etc/nsswitch.conf", "subid in nsswitch.conf(5): ranges may come from a directory service");
  if (lines.length > 0) return { state: "ok", text: quoteEvidence(own), evidence: [own] };
  if (found.problem !== undefined && found.problem !== "ENOENT") return cannotTell(quoteEvidence(found), [own]);
  if (/^subid:/m.test(fromNss.value ?? ""))
    return cannotTell(`${quoteEvidence(own)}, but /etc/nsswitch.conf has a line subid: \`getsubids ${names[0]}\` would tell`, [
      own,
      fromNss,
    ]);
  if (uid() === 0)
    return {
      state: "ok",
      text: `${quoteEvidence(own)}; root maps any ids, but \`contain run --userns auto\` needs a line`,
      evidence: [own],
    };
  const fix = asRoot(`usermod --add-sub${kind}s 100000-165535 ${names[0]}`);
  return { state: "missing", text: `${quoteEvidence(own)}, so there is one id inside a user namespace`, evidence: [own], fix };
}

function userName(): string | undefined {
  try {
    const lines = readFileSync("/etc/passwd", "utf8").split("\n");
    return lines.find((line) => line.split(":")[2] === String(uid()))?.split(":")[0];
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}
