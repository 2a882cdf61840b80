# What Bun needs: descriptors, and KiB. With less it ends in its banner, or half-way.
FILES=24 ADDRESSES=1048576 DATA=1048576 STACK=512

start() {
  [ -x "$bin/lib/$name" ] || fail "$bin/lib/$name is missing" "the programs need the folder lib beside them, as it was made or unpacked"
  export "CONTAIN_LAUNCH=$name:$files:$raised:$blocked:$ignored:$closed:$open:$place:$bin"
  # The first makes a thread that holds locks, for which a forked child would wait for ever. The second is a compiler that works on
  # threads of its own, which a forked child has not, and takes a twentieth of a start to get ready.
  export BUN_JSC_useWarmUpMarkedBlocks=0 BUN_JSC_useJIT=0
  exec "$bin/lib/$name" "$@"
}
