# What Bun needs: descriptors, and KiB. With less it prints its crash banner, or fails half-way.
FILES=24 ADDRESSES=1048576 DATA=1048576 STACK=512

start() {
  program=$bin/lib/$name
  [ -x "$program" ] || program=$bin/lib/contain-tools # in an npm package
  [ -x "$program" ] || fail "$bin/lib/$name is missing" "the programs need the folder lib beside them, as it was made or unpacked"
  export "CONTAIN_LAUNCH=$name:$files:$raised:$blocked:$ignored:$closed:$open:$place:$bin"
  # The first starts a thread that holds locks, on which a forked child would wait forever. The second is a compiler that works on
  # threads of its own, which a forked child lacks; its set-up takes a twentieth of a start.
  # The third keeps a collection on one thread: a forked child would wait forever for the helpers of its parent's.
  export BUN_JSC_useWarmUpMarkedBlocks=0 BUN_JSC_useJIT=0 BUN_JSC_numberOfGCMarkers=1
  # The engine wants SIGPWR for its own threads. Where the caller ignores it, it takes another one rather than complain.
  [ $((ignored >> 29 & 1)) = 0 ] || {
    for gc in 26 24 23 29 31; do [ $((ignored >> (gc - 1) & 1)) != 0 ] || break; done
    export "JSC_SIGNAL_FOR_GC=$gc"
  }
  exec "$program" "$@"
}
