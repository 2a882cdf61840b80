// Text that is safe to show on a terminal: names, paths and command lines come from strangers.

const PLAIN = /^[ -~]*$/; // the other pattern takes a millisecond to compile
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Text without characters that control the terminal or reverse a line: each becomes `\x1b` or `\u{202e}`. */
export function printable(text: string): string {
  return PLAIN.test(text) ? text : text.replace(UNSAFE, escaped);
}

/** The same, at most so many characters long; longer text ends in `…`. */
export function shortened(text: string, most: number): string {
  const letters = [...printable(text)];
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : letters.join("");
}

function escaped(char: string): string {
  const hex = (char.codePointAt(0) ?? 0).toString(16).padStart(2, "0");
  return hex.length === 2 ? `\\x${hex}` : `\\u{${hex}}`;
}

/** JSON that is safe to show: JSON.stringify leaves C1 and bidirectional controls in place. */
export function jsonText(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent);
  const unit = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return /^[\n -~]*$/.test(text) ? text : text.replace(/[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => char.split("").map(unit).join(""));
}
