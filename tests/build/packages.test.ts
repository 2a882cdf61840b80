// The npm packages as users get them: packed, installed from a registry of our own into clean folders, run and imported there.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { type Registry, serveRegistry } from "../helpers/registry.ts";
import { scratch } from "../helpers/rootfs.ts";
import { isNative, root, run } from "../helpers/run.ts";

const dir = scratch("packages");
const npm = join(root, "dist/npm");
const COMMANDS = ["nsexec", "cgset", "pivot", "pid1", "confine", "hold", "veth", "contain", "contain-oci"];

/** The packages of others that ours depend on. */
function others(): string[] {
  const packages = join(root, "packages");
  const koffi = realpathSync(join(packages, "kernel/node_modules/koffi"));
  const citty = ["citty", "fastest-levenshtein"].map((name) => realpathSync(join(packages, "chain/node_modules", name)));
  return [koffi, join(koffi, `../@koromix/koffi-linux-${process.arch}`), ...citty];
}

describe("npm packages", need("root"), () => {
  let registry: Registry;
  before(async () => {
    const env = { GITHUB_SERVER_URL: "https://forge.example", GITHUB_REPOSITORY: "some/where" }; // as a release's workflow has them
    const laid = run(["node", "packages/build/scripts/packages.mjs"], { cwd: root, env });
    assert.equal(laid.status, 0, laid.stdout + laid.stderr);
    registry = await serveRegistry([...readdirSync(npm).map((name) => join(npm, name)), ...others()], join(dir, "registry"));
  });
  after(() => registry.close());

  /** npm install in a folder that is new, with a cache that is new. Asynchronous: the registry is in this process. */
  function install(place: string, ...words: string[]): Promise<string> {
    const folder = join(dir, place);
    mkdirSync(folder, { recursive: true });
    const env = {
      ...process.env,
      npm_config_registry: registry.url,
      npm_config_cache: `${folder}-cache`,
      npm_config_update_notifier: "false",
    };
    return new Promise((resolve, reject) => {
      const child = spawn("npm", ["install", "--no-audit", "--no-fund", ...words], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
      let text = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (text += data));
      child.once("exit", (status) => (status === 0 ? resolve(folder) : reject(new Error(text))));
    });
  }

  /** The runtime that supervises a container which `contain` of that folder starts. */
  const runtimeOf = (bin: string) =>
    run([join(bin, "contain"), "run", "-q", "--pid", "host", "--", "/bin/sh", "-c", "readlink /proc/$PPID/exe; exit 3"]);

  test("npm i -g contain: every command, its manual page, native where there is a native package", async () => {
    const started = performance.now();
    const prefix = await install("global", "--global", "--prefix", join(dir, "global"), "@contain-tools/contain");
    const seconds = (performance.now() - started) / 1000;
    const bin = join(prefix, "bin");
    assert.deepEqual(readdirSync(bin).toSorted(), COMMANDS.toSorted());
    for (const name of COMMANDS) {
      const { status, stdout, stderr } = run([join(bin, name), "--version"]);
      assert.equal(status, 0, stderr);
      assert.match(stdout, new RegExp(`^${name} `));
    }
    const { status, stdout, stderr } = runtimeOf(bin);
    assert.equal(status, 3, stderr);
    assert.match(stdout, isNative ? /\/linux-\w+\/lib\/contain-tools\n$/ : /\/node\n$/);
    const exec = run([join(bin, "nsexec"), "--chain", "exec", "--uts", "--hostname", "there", "--", "pid1", "--", "hostname"]);
    assert.deepEqual([exec.status, exec.stdout], [0, "there\n"], exec.stderr);
    assert.match(readFileSync(join(prefix, "share/man/man1/contain-run.1"), "utf8"), /^\.TH/m);
    console.log(`# installed in ${seconds.toFixed(1)} s: ${run(["du", "-sm", prefix]).stdout.split("\t")[0]} MB`);
  });

  test("every manifest says what it is about, and where it comes from", () => {
    for (const name of readdirSync(npm)) {
      const { keywords, homepage, bugs, repository } = JSON.parse(readFileSync(join(npm, name, "package.json"), "utf8"));
      assert.ok(keywords.includes("linux"), name);
      assert.deepEqual([homepage, bugs], ["https://forge.example/some/where#readme", "https://forge.example/some/where/issues"]);
      assert.equal(repository.url, "git+https://forge.example/some/where.git");
      assert.equal(repository.directory, existsSync(join(root, "packages", name)) ? `packages/${name}` : undefined);
    }
  });

  test("without optional packages the same commands run on Node", async () => {
    const folder = await install("node", "--omit=optional", "@contain-tools/contain");
    const { status, stdout, stderr } = runtimeOf(join(folder, "node_modules/.bin"));
    assert.deepEqual([status, stdout], [3, `${run(["readlink", "-f", process.execPath]).stdout}`], stderr);
  });

  test("a tool alone, the libraries, and a program that uses them", async () => {
    const folder = await install("project", ...["nsexec", "kernel", "chain", "contain"].map((name) => `@contain-tools/${name}`));
    assert.match(readFileSync(join(folder, "node_modules/@contain-tools/kernel/docs/mount.md"), "utf8"), /MNT_DETACH[\s\S]*### mount\(\)/);
    assert.equal(run([join(folder, "node_modules/.bin/nsexec"), "--uts", "--", "/bin/true"]).status, 0);
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    writeFileSync(join(folder, "program.ts"), PROGRAM);
    const options = {
      strict: true,
      module: "nodenext",
      target: "es2023",
      outDir: ".",
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["program.ts"] }));
    const checked = run([join(root, "node_modules/.bin/tsc"), "-p", folder]);
    assert.equal(checked.status, 0, checked.stdout);
    for (const words of [[], ["--conditions=source"]]) {
      const { status, stdout, stderr } = run(["node", ...words, "program.js"], { cwd: folder });
      assert.deepEqual([status, stdout], [0, 'ENOENT 2\n1\n{"status":4,"reason":"exit status 4"}\n'], stderr);
    }
  });
});

const PROGRAM = `import { run, type End } from "@contain-tools/contain";
import { newContext } from "@contain-tools/chain";
import { SyscallError } from "@contain-tools/kernel";
import { mount } from "@contain-tools/kernel/mount";
newContext();
try {
  mount("none", "/there/is/no/such/place", "tmpfs", 0);
} catch (error) {
  if (error instanceof SyscallError) console.log(error.code, error.errno);
}
const box = run({ command: ["/bin/sh", "-c", "echo $$; exit 4"], stdio: ["ignore", "inherit", "inherit"] });
const { status, reason }: End = await box.ended;
console.log(JSON.stringify({ status, reason }));
`;
