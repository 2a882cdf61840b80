# In an npm package: looks for the programs as Node looks for packages, in node_modules of this folder and of those above. Native ones
# come first, if this machine has their loader; without them (npm install --omit=optional) the bundles run on Node.
nearest() { # the package $1, from the folder $2 upwards
  at=$2
  while [ -n "$at" ]; do
    found=$at/node_modules/@contain-tools/$1
    [ ! -d "$found" ] || return 0
    at=${at%/*}
  done
  return 1
}
native() { [ -e "$2" ] && nearest "linux-$1" "$runtime" && bin=$found; }

case $bin in /*) ;; *) bin=$PWD/$bin ;; esac
nearest runtime "$bin" || {
  bin=$(CDPATH="" cd -P -- "$bin" && pwd)
  nearest runtime "$bin" || {
    printf '%s: missing package: @contain-tools/runtime, which has the programs\n  npm install @contain-tools/runtime\n' "$name" >&2
    exit 125
  }
}
runtime=$found
[ ! -h "$found" ] || runtime=$(CDPATH="" cd -P -- "$found" && pwd)
if native x64 /lib64/ld-linux-x86-64.so.2 || native x64-musl /lib/ld-musl-x86_64.so.1 ||
  native arm64 /lib/ld-linux-aarch64.so.1 || native arm64-musl /lib/ld-musl-aarch64.so.1; then
  @bun.sh@
else
  bin=$runtime/bin
  @node.sh@
fi
