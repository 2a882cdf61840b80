// The answers of a seccomp filter to a call whose arguments are not known yet (Documentation/userspace-api/seccomp_filter.rst).

const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const RETURN = 0x06;
const AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP = 0x05; // BPF_JMP | BPF_JA
const BRANCHES: Readonly<Record<number, (a: number, k: number) => boolean>> = {
  21: (a, k) => a === k, // BPF_JMP | BPF_JEQ | BPF_K, and so on
  37: (a, k) => a > k,
  53: (a, k) => a >= k,
  69: (a, k) => (a & k) !== 0,
};
const NUMBER = 0; // offsets in struct seccomp_data
const ARCHITECTURE = 4;

/** Every SECCOMP_RET_* that the program may return, whatever the arguments are. undefined if it has an unknown instruction. */
export function answersTo(program: Buffer, arch: number, number: number): ReadonlySet<number> | undefined {
  const answers = new Set<number>();
  const seen = new Set<string>();
  const left: { readonly at: number; readonly a: number | undefined }[] = [{ at: 0, a: 0 }];
  for (let state = left.pop(); state !== undefined; state = left.pop()) {
    const { at, a } = state;
    if (seen.has(`${at} ${a}`) || 8 * at >= program.length) continue;
    seen.add(`${at} ${a}`);
    const code = program.readUInt16LE(8 * at);
    const k = program.readUInt32LE(8 * at + 4);
    const branch = BRANCHES[code];
    if (code === RETURN) answers.add(k);
    else if (code === LOAD) left.push({ at: at + 1, a: k === NUMBER ? number : k === ARCHITECTURE ? arch : undefined });
    else if (code === AND) left.push({ at: at + 1, a: a === undefined ? undefined : (a & k) >>> 0 });
    else if (code === JUMP) left.push({ at: at + 1 + k, a });
    else if (branch === undefined) return undefined;
    else {
      if (a === undefined || branch(a, k)) left.push({ at: at + 1 + program.readUInt8(8 * at + 2), a });
      if (a === undefined || !branch(a, k)) left.push({ at: at + 1 + program.readUInt8(8 * at + 3), a });
    }
  }
  return answers;
}
