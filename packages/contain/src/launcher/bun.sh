# What Bun needs to start: descriptors, and KiB.
FILES=16 ADDRESSES=2097152 DATA=2097152 STACK=1024

start() {
  export "CONTAIN_LAUNCH=$name:$files:$raised:$blocked:$ignored:$closed:$open:$place:$bin"
  # The first makes a thread that holds locks, for which a forked child would wait for ever. The second is a compiler that works on
  # threads of its own, which a forked child has not, and takes a twentieth of a start to get ready.
  export BUN_JSC_useWarmUpMarkedBlocks=0 BUN_JSC_useJIT=0
  exec "$bin/lib/$name" "$@"
}
