#!/bin/sh
# Starts one of the five programs on Node. What Node changes before its first line of JavaScript runs is noted here, so that the
# programs can give the payload what their caller had: the soft limit on open files, blocked and ignored signals, closed
# descriptors. The shell itself sets PWD and drops variables whose names are no identifiers, so the environment is noted too,
# in variables: a command line is for everybody to read, and a single string has at most 128 KiB (execve(2)).
self=$0
[ ! -h "$self" ] || self=$(readlink -f "$self")
case $self in
*/*) bin=${self%/*} ;;
*) self=$(command -v "$self") bin=${self%/*} ;;
esac
bin=$(CDPATH="" cd -P -- "$bin" && pwd) # as Node looks for a file: by the text of its path

command -v node >/dev/null || {
  echo "${self##*/}: there is no \`node\` on PATH ($PATH)" >&2
  echo "  under sudo: sudo env PATH=\"\$PATH\" ${self##*/} …, or link node into /usr/local/bin" >&2
  exit 125
}

# Its own PID is what /proc says: $$ is another process there when a link before us has made a PID namespace.
pid= blocked= ignored= closed= limit= open=
if [ -r /proc/self/status ]; then
  while read -r key value; do
    case $key in
    Pid:) pid=$value ;;
    SigBlk:) blocked=$value ;;
    SigIgn:) ignored=$value && break ;;
    esac
  done </proc/self/status
  while read -r _ _ what soft _; do
    [ "$what" != files ] || { limit=$soft && break; } # Max open files
  done </proc/self/limits
  for fd in 0 1 2; do [ -e /proc/self/fd/$fd ] || closed=$closed$fd; done
  case " $*" in
  *" --preserve-fds"*)
    for fd in /proc/self/fd/*; do # that of the folder itself is closed by now, that of this script will be
      [ "${fd##*/}" -lt 3 ] || [ ! -e "$fd" ] || [ "$fd" -ef "$self" ] || open="$open ${fd##*/}"
    done
    ;;
  esac
fi
noted=$limit:$blocked:$ignored:$closed:$open

part=0
for text in $(base64 -w100000 /proc/$pid/environ 2>/dev/null); do
  export "CONTAIN_ENVIRON_$part=$text" && part=$((part + 1))
done
unset "CONTAIN_ENVIRON_$part" NODE_OPTIONS NODE_EXTRA_CA_CERTS NODE_V8_COVERAGE
# The last three flags keep a resident init small: compiled code for its loop would be 5 MB of private memory, and buy nothing.
# `--`: without it Node looks for its own --env-file among the words behind the script, and reads that file into its environment.
exec node --v8-pool-size=0 --single-threaded --no-turbofan --no-maglev --no-sparkplug -- "$bin/../lib/contain.cjs" "$bin" "${self##*/}" "$noted" "$@"
