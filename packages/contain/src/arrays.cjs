// JavaScriptCore has these functions in JavaScript, and compiles each from its source at its first call: a fifth of a millisecond for
// flatMap. As functions of the native program's own they are in its bytecode. For arrays without holes and callbacks without a thisArg, as all of ours are.
const functions = {
  every(test) {
    for (let i = 0, { length } = this; i < length; i++) if (!test(this[i], i, this)) return false;
    return true;
  },
  filter(test) {
    const kept = [];
    for (let i = 0, { length } = this; i < length; i++) if (test(this[i], i, this)) kept.push(this[i]);
    return kept;
  },
  find(test) {
    for (let i = 0, { length } = this; i < length; i++) if (test(this[i], i, this)) return this[i];
    return undefined;
  },
  findLast(test) {
    for (let i = this.length - 1; i >= 0; i--) if (test(this[i], i, this)) return this[i];
    return undefined;
  },
  flatMap(change) {
    const all = [];
    for (let i = 0, { length } = this; i < length; i++) {
      const some = change(this[i], i, this);
      if (Array.isArray(some)) for (let j = 0; j < some.length; j++) all.push(some[j]);
      else all.push(some);
    }
    return all;
  },
  map(change) {
    const changed = [];
    for (let i = 0, { length } = this; i < length; i++) changed.push(change(this[i], i, this));
    return changed;
  },
  reduce(merge, ...start) {
    let all = start.length > 0 ? start[0] : this[0];
    for (let i = 1 - start.length, { length } = this; i < length; i++) all = merge(all, this[i], i, this);
    return all;
  },
  some(test) {
    for (let i = 0, { length } = this; i < length; i++) if (test(this[i], i, this)) return true;
    return false;
  },
};
for (const name in functions)
  Object.defineProperty(Array.prototype, name, { value: functions[name], writable: true, enumerable: false, configurable: true });
