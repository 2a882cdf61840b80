# What Node needs: descriptors, and KiB. With less it aborts, or fails half-way.
FILES=36 ADDRESSES=1572864 DATA=524288 STACK=512

start() {
  command -v node >/dev/null || fail "missing program: node is not on PATH ($PATH)" "under sudo: sudo env PATH=\"\$PATH\" $name …, or link node into /usr/local/bin"
  [ "$bin/.." -ef "${bin%/*}/" ] || bin=$(CDPATH="" cd -P -- "$bin" && pwd) # Node looks for a file by the text of its path
  while read -r key value; do
    [ "$key" != SigBlk: ] || { blocked=0x$value && break; } # Node unblocks real-time signals too
  done </proc/self/status
  export "CONTAIN_LAUNCH=$name:$files:$raised:$blocked:$ignored:$closed:$open:$place:$bin"
  # The last three flags keep a resident init small: compiled code for its loop would take 5 MB of private memory and save nothing.
  # `--`: without it Node obeys its own option --env-file among the words after the script, and reads that file into its environment.
  exec node --v8-pool-size=0 --single-threaded --expose-gc --no-turbofan --no-maglev --no-sparkplug -- "$bin/../lib/contain.cjs" "$@"
}
