// Paths as text, as node:path has them; no file is looked at. The native runtime takes longer to load its own than a start takes for all
// that it asks of these.

/** The last name of a path. */
export function basename(path: string): string {
  const end = endOf(path);
  return path.slice(path.lastIndexOf("/", end - 1) + 1, end);
}

/** A path without its last name; `.` if it has only one. */
export function dirname(path: string): string {
  const slash = path.lastIndexOf("/", endOf(path) - 1);
  if (slash === -1) return path.startsWith("/") ? "/" : ".";
  return path.slice(0, Math.max(1, endOf(path.slice(0, slash))));
}

/** Where the last name ends, before any trailing slashes. */
function endOf(path: string): number {
  let end = path.length;
  while (end > 1 && path[end - 1] === "/") end--;
  return end;
}

/** Joins names, and removes `.` and `..`. */
export function join(...parts: readonly string[]): string {
  const path = parts.filter((part) => part !== "").join("/");
  return path === "" ? "." : normalize(path);
}

/** The absolute path of the last one, when each of the others is the working directory for the next. */
export function resolve(...parts: readonly string[]): string {
  let path = "";
  for (let i = parts.length - 1; i >= 0 && !path.startsWith("/"); i--) if (parts[i]) path = `${parts[i]}/${path}`;
  if (!path.startsWith("/")) path = `${process.cwd()}/${path}`;
  const plain = normalize(path);
  return plain.length > 1 && plain.endsWith("/") ? plain.slice(0, -1) : plain;
}

/** The relative path from one directory to another path. */
export function relative(from: string, to: string): string {
  const [here, there] = [resolve(from).split("/").filter(Boolean), resolve(to).split("/").filter(Boolean)];
  let same = 0;
  while (same < here.length && here[same] === there[same]) same++;
  return [...here.slice(same).fill(".."), ...there.slice(same)].join("/");
}

function normalize(path: string): string {
  const absolute = path.startsWith("/");
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") names.push(name);
    else if (names.length > 0 && names.at(-1) !== "..") names.pop();
    else if (!absolute) names.push(name);
  }
  const plain = `${absolute ? "/" : ""}${names.join("/")}` || ".";
  return path.endsWith("/") && plain !== "/" ? `${plain}/` : plain;
}
