// koffi.node without the C++ library. It uses eighteen of libstdc++'s 6,000 symbols, and the dynamic linker takes a millisecond at every
// start to bind the others to each other; and a machine may lack it. So these are bound to libc's functions, or to a few
// instructions at the end of the code, and the library is no longer asked for. Only for x86-64 and glibc; see elf(5) for the names.

import { PF_X, PT_LOAD, segmentsOf } from "./elf.mjs";

const NEEDED = ["libstdc++.so.6", "libgcc_s.so.1"];

/** A libc function that does the same with the same arguments; what koffi calls in no synchronous call, or to throw, ends us. */
const BY_LIBC = {
  _Znwm: "malloc",
  _Znam: "malloc",
  _ZdlPvm: "free",
  _ZdaPv: "free",
  _ZSt17__throw_bad_allocv: "abort",
  _ZSt19__throw_logic_errorPKc: "abort",
  _ZSt20__throw_length_errorPKc: "abort",
  _ZSt20__throw_system_errori: "abort",
  _ZSt25__throw_bad_function_callv: "abort",
  _ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE: "abort",
};
/**
 * Machine code; a name in it is the distance from there to the slot that holds the address of that function, or to the thread-local
 * variable. Nobody else initializes a static variable or waits meanwhile: koffi is called from one thread.
 */
const BY_CODE = {
  __cxa_guard_acquire: ["31c0 803f00 0f94c0 c3"], // xor eax, eax; cmp byte [rdi], 0; sete al; ret
  __cxa_guard_release: ["c60701 c3"], // mov byte [rdi], 1; ret
  _ZNSt18condition_variableC1Ev: ["31c0 b906000000 f348ab c3"], // xor eax, eax; mov ecx, 6; rep stosq; ret
  _ZNSt18condition_variableD1Ev: ["c3"],
  _ZNSt18condition_variable10notify_oneEv: ["c3"],
  _ZnwmSt11align_val_t: ["4887f7 ff25", "aligned_alloc"], // xchg rdi, rsi; jmp [slot]
  // push rax; lea rdi, [variable]; call [slot]; call [rax]; pop rcx; ret
  __once_proxy: ["50 488d3d", "_ZSt11__once_call", "ff15", "__tls_get_addr", "ff10 59 c3"],
};
/** Thread-local variables: with no symbol they are in koffi's own block, at this distance from its end. */
const THREAD_LOCAL = { _ZSt11__once_call: 0, _ZSt15__once_callable: 8 };

const EM_X86_64 = 62;
const PT_DYNAMIC = 2;
const PT_TLS = 7;
const DT = {
  NEEDED: 1,
  PLTRELSZ: 2,
  STRTAB: 5,
  SYMTAB: 6,
  RELA: 7,
  RELASZ: 8,
  JMPREL: 23,
  VERSYM: 0x6ffffff0,
  VERNEED: 0x6ffffffe,
  VERNEEDNUM: 0x6fffffff,
};
const LOCAL_FUNCTION = 2; // STB_LOCAL << 4 | STT_FUNC
const STV_HIDDEN = 2;

/** The bytes of such a koffi.node, from those of koffi.node; undefined where it needs something else than is known here. */
export function withoutCxx(original) {
  const file = Buffer.from(original);
  const u64 = (at) => Number(file.readBigUInt64LE(at));
  const put64 = (value, at) => file.writeBigUInt64LE(BigInt(value), at);
  const segments = segmentsOf(file);
  const loads = segments.filter(({ type }) => type === PT_LOAD);
  const place = (address) => {
    const { offset, address: from } = loads.find((load) => address >= load.address && address < load.address + load.size);
    return address - from + offset;
  };
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  const tls = segments.find(({ type }) => type === PT_TLS);
  if (tls === undefined || file.readUInt16LE(18) !== EM_X86_64) return undefined;
  const ownEnd = Math.ceil(tls.memory / 8) * 8;
  const entries = Array.from({ length: dynamic.size / 16 }, (_, i) => ({
    tag: u64(dynamic.offset + 16 * i),
    value: u64(dynamic.offset + 16 * i + 8),
  }));
  const value = (tag) => entries.find((entry) => entry.tag === tag)?.value;
  const string = (at) => file.toString("latin1", place(value(DT.STRTAB)) + at, file.indexOf(0, place(value(DT.STRTAB)) + at));
  const symbolAt = (i) => place(value(DT.SYMTAB)) + 24 * i;
  const versionAt = (i) => place(value(DT.VERSYM)) + 2 * i;

  const relocations = [
    [value(DT.RELA), value(DT.RELASZ)],
    [value(DT.JMPREL), value(DT.PLTRELSZ)],
  ].flatMap(([table, size]) => Array.from({ length: size / 24 }, (_, i) => place(table) + 24 * i));
  const symbolOf = (relocation) => file.readUInt32LE(relocation + 12);
  const nameOf = (relocation) => string(file.readUInt32LE(symbolAt(symbolOf(relocation))));
  const named = (name) => relocations.find((relocation) => symbolOf(relocation) !== 0 && nameOf(relocation) === name);
  const slots = new Map(["aligned_alloc", "__tls_get_addr", "_ZSt11__once_call"].map((name) => [name, named(name) && u64(named(name))]));
  if ([...slots.values()].includes(undefined)) return undefined;

  const versions = dropVersions();
  const code = loads.find(({ flags }) => flags & PF_X);
  let end = code.size; // there is room up to the end of the page
  for (const relocation of relocations) {
    const symbol = symbolOf(relocation);
    if (symbol === 0 || !versions.has(file.readUInt16LE(versionAt(symbol)))) continue;
    const name = nameOf(relocation);
    if (name in BY_LIBC) {
      const other = named(BY_LIBC[name]);
      if (other === undefined) return undefined;
      file.writeUInt32LE(symbolOf(other), relocation + 12);
    } else if (name in BY_CODE) {
      const start = end;
      for (const part of BY_CODE[name]) {
        if (/^[0-9a-f ]+$/.test(part)) end += file.write(part.replaceAll(" ", ""), code.offset + end, "hex");
        else end = file.writeInt32LE(slots.get(part) - (code.address + end + 4), code.offset + end) - code.offset;
      }
      // Local and hidden, so that it is not looked up by its name: at a binding at once glibc looks at the one, at a lazy one at the other.
      file[symbolAt(symbol) + 4] = LOCAL_FUNCTION;
      file[symbolAt(symbol) + 5] = STV_HIDDEN;
      file.writeUInt16LE(1, symbolAt(symbol) + 6);
      put64(code.address + start, symbolAt(symbol) + 8);
      file.writeUInt16LE(0, versionAt(symbol));
    } else if (name in THREAD_LOCAL) {
      file.writeUInt32LE(0, relocation + 12);
      put64(ownEnd + THREAD_LOCAL[name], relocation + 16);
    } else return undefined;
  }
  // There is room where nothing else of the file is, and nothing else in memory.
  const isAhead = (from, to) => from > code.offset && from < to;
  if (loads.some(({ offset, address }) => isAhead(offset, code.offset + end) || isAhead(address, code.address + end))) return undefined;
  if (original.subarray(code.offset + code.size, code.offset + end).some((byte) => byte !== 0)) return undefined;
  put64(ownEnd + 16, tls.at + 40);
  put64(end, code.at + 32);
  put64(end, code.at + 40);
  const kept = entries.filter(({ tag, value }) => tag !== DT.NEEDED || !NEEDED.includes(string(value)));
  for (const [i, entry] of [...kept, ...Array(entries.length - kept.length).fill({ tag: 0, value: 0 })].entries()) {
    put64(entry.tag, dynamic.offset + 16 * i);
    put64(entry.value, dynamic.offset + 16 * i + 8);
  }
  return file;

  /** Takes the versions of these libraries out of the list of what is needed, and returns their numbers. */
  function dropVersions() {
    const numbers = new Set();
    let before;
    let count = value(DT.VERNEEDNUM);
    for (let at = place(value(DT.VERNEED)), left = count; left > 0; left--) {
      const next = file.readUInt32LE(at + 12);
      if (NEEDED.includes(string(file.readUInt32LE(at + 4)))) {
        for (let aux = at + file.readUInt32LE(at + 8), more = file.readUInt16LE(at + 2); more > 0; more--) {
          numbers.add(file.readUInt16LE(aux + 6));
          aux += file.readUInt32LE(aux + 12);
        }
        count--;
        if (before === undefined) entries.find(({ tag }) => tag === DT.VERNEED).value += next;
        else file.writeUInt32LE(next === 0 ? 0 : file.readUInt32LE(before + 12) + next, before + 12);
      } else before = at;
      at += next;
    }
    entries.find(({ tag }) => tag === DT.VERNEEDNUM).value = count;
    return numbers;
  }
}
