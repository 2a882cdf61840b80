// What a kubelet asks of a CRI for a pod, against the CRI plugin of containerd: node pods.cjs SOCKET DIR HANDLER
const grpc = require("@grpc/grpc-js"),
  loader = require("@grpc/proto-loader"),
  fs = require("node:fs");
const [sock, dir, handler, contain] = process.argv.slice(2);
const said = (...words) => require("node:child_process").execFileSync(contain, words, { encoding: "utf8" });
const { runtime } = grpc.loadPackageDefinition(
  loader.loadSync(`${__dirname}/cri.proto`, { keepCase: true, longs: Number, defaults: true }),
);
const c = new runtime.v1.RuntimeService(`unix://${sock}`, grpc.credentials.createInsecure());
const call = (m, r) => new Promise((ok, no) => c[m](r, { deadline: Date.now() + 90000 }, (e, v) => (e ? no(e) : ok(v))));
const step = async (name, f) => {
  const t = Date.now();
  try {
    const v = await f();
    console.log(`ok   ${name} (${Date.now() - t} ms)`);
    return v;
  } catch (e) {
    console.log(`FAIL ${name}: ${String(e.details || e.message).slice(0, 300)}`);
  }
};
const want = (x, what) => {
  if (!x) throw new Error(`not ${what}`);
};
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
(async () => {
  console.log(JSON.stringify(await call("Version", {})));
  for (const [podname, network] of [
    ["hostnet", 2],
    ["podnet", 0],
  ]) {
    const pod = {
      metadata: { name: podname, uid: `${podname}-uid`, namespace: "default" },
      hostname: network === 0 ? podname : "",
      log_directory: `${dir}/logs`,
      linux: { cgroup_parent: `/kubepods/burstable/pod${podname}`, security_context: { namespace_options: { network, pid: 1 } } },
    };
    const sb = await step(`${podname} RunPodSandbox`, () => call("RunPodSandbox", { config: pod, runtime_handler: handler }));
    if (!sb) continue;
    const make = (name, command, linux = {}, rest = {}) =>
      call("CreateContainer", {
        pod_sandbox_id: sb.pod_sandbox_id,
        sandbox_config: pod,
        config: {
          metadata: { name },
          image: { image: "localhost/bb:latest" },
          command,
          log_path: `${name}.log`,
          linux: {
            resources: {
              cpu_shares: 256,
              cpu_period: 100000,
              cpu_quota: 50000,
              memory_limit_in_bytes: 64 << 20,
              oom_score_adj: 900,
              ...linux.resources,
            },
            security_context: { namespace_options: { network, pid: 1 }, ...linux.security_context },
          },
          ...rest,
        },
      });
    const id = (
      await step(`${podname} CreateContainer`, () =>
        make(
          "a",
          ["sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done"],
          {
            security_context: {
              seccomp: { profile_type: 0 },
              no_new_privs: true,
              capabilities: { drop_capabilities: ["ALL"] },
              run_as_user: { value: 1000 },
              readonly_rootfs: true,
            },
          },
          { mounts: [{ container_path: "/etc/hosts", host_path: "/etc/hosts", readonly: true }], envs: [{ key: "A", value: "b" }] },
        ),
      )
    )?.container_id;
    if (id) {
      await step("StartContainer", () => call("StartContainer", { container_id: id }));
      await step("ExecSync", async () => {
        const r = await call("ExecSync", { container_id: id, cmd: ["sh", "-c", "id -u; echo $A; exit 3"], timeout: 30 });
        want(
          r.exit_code === 3 && r.stdout.toString() === "1000\nb\n",
          JSON.stringify({ s: r.exit_code, o: r.stdout.toString(), e: r.stderr.toString() }),
        );
      });
      await step("ExecSync no program", async () => {
        let r;
        try {
          r = await call("ExecSync", { container_id: id, cmd: ["/nope"], timeout: 30 });
        } catch {
          return;
        }
        want(false, `refused ${r.exit_code}`);
      });
      await step("liveness probe times out", async () => {
        try {
          await call("ExecSync", { container_id: id, cmd: ["sleep", "100"], timeout: 1 });
        } catch {
          return;
        }
        want(false, "timed out");
      });
      await step("UpdateContainerResources", () =>
        call("UpdateContainerResources", { container_id: id, linux: { memory_limit_in_bytes: 128 << 20, cpu_shares: 512 } }),
      );
      await sleep(300);
      await step("log", async () => want(/stdout F up/.test(fs.readFileSync(`${dir}/logs/a.log`, "utf8")), "up"));
      await step("StopContainer", () => call("StopContainer", { container_id: id, timeout: 5 }));
      await step("exit code 5", async () => {
        const s = await call("ContainerStatus", { container_id: id });
        want(s.status.exit_code === 5, JSON.stringify(s.status));
      });
      await step("RemoveContainer", () => call("RemoveContainer", { container_id: id }));
    }
    const oom = (
      await step("Create for OOM", () => make("oom", ["sh", "-c", "tail /dev/zero"], { resources: { memory_limit_in_bytes: 16 << 20 } }))
    )?.container_id;
    if (oom) {
      await call("StartContainer", { container_id: oom }).catch((e) => console.log(e.details));
      let s;
      for (let i = 0; i < 60; i++) {
        await sleep(500);
        s = (await call("ContainerStatus", { container_id: oom })).status;
        if (s.state === 2 && s.reason === "OOMKilled") break; // two events, in any order
      }
      await step("OOMKilled is told", async () => want(s.reason === "OOMKilled" && s.exit_code === 137, JSON.stringify(s)));
      await call("RemoveContainer", { container_id: oom });
      const name = `default/${podname}/oom`;
      await step("contain explain tells it", async () => want(/"code": ?"oom/.test(said("explain", "--json", name)), "oom"));
      await step("contain list --engines tells it", async () =>
        want(said("list", "--engines").includes(`${oom.slice(0, 12)} `) && said("list", "--engines").includes(name), name),
      );
    }
    const nope = (await step("Create a program that is not there", () => make("nope", ["/nope"])))?.container_id;
    if (nope)
      await step("StartContainer fails", async () => {
        try {
          await call("StartContainer", { container_id: nope });
        } catch (e) {
          console.log(`     ${String(e.details).slice(0, 200)}`);
          return;
        }
        want(false, "refused");
      });
    await step("StopPodSandbox", () => call("StopPodSandbox", { pod_sandbox_id: sb.pod_sandbox_id }));
    await step("RemovePodSandbox", () => call("RemovePodSandbox", { pod_sandbox_id: sb.pod_sandbox_id }));
  }
  process.exit(0);
})();
