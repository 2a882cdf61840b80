# Starts one of the programs on its runtime; the build puts node.sh or bun.sh, and self.sh, before it. A runtime changes its process before the first
# line of JavaScript runs. This script notes what will change, so that the payload gets what the caller had: soft limits, blocked and
# ignored signals, closed descriptors, the environment.
nl='
'
fail() {
  echo "$name: $1$nl  $2" >&2
  exit 125
}

[ -r /proc/self/stat ] || {
  what="/proc is missing: a program finds itself by it"
  [ ! -e /proc/uptime ] || what="/proc belongs to a PID namespace without this process"
  fail "$what" "mount -t proc proc /proc"
}

# Some shells ignore SIGQUIT themselves; no shell can trap a signal that its caller ignored. After this line, ignored means by the caller.
trap : QUIT
# Fields 32 and 33 are the blocked and the ignored signals, 1 to 31 (proc_pid_stat(5)). Field 1 is our PID as /proc has it: $$ names
# another process there if an earlier link made a PID namespace. A process name with newlines makes several lines.
pid=
while read -r line; do
  pid=${pid:-${line%% *}} stat=$line
done </proc/self/stat
[ -n "$pid" ] || fail "the limit on open files is too low for /bin/sh, which starts this program" "ulimit -n $FILES"
signals() { blocked=${30} ignored=${31}; }
case $0 in
*\)*) signals ${stat##*) } ;;
*) signals ${stat#*) } ;; # faster
esac

closed=
true 2>&- 9<&0 || closed=0
true 2>&- 9>&1 || closed=${closed}1
true 9>&2 || closed=${closed}2

# The shell sets PWD, sorts the variables, and drops names that are not identifiers. So the original environment is noted in variables:
# everybody can read a command line, and one string has at most 128 KiB (execve(2)). A container gets none of it unless an option
# asks for it.
keep=yes
if [ "$name" = contain ]; then
  keep=
  for word; do
    case $word in
    --) break ;;
    lab | --*env* | -e* | -[!-]*e*) keep=yes ;;
    esac
  done
elif [ "$name" = contain-oci ]; then
  keep= # a container has what its configuration says
fi
noted=$(
  ulimit -Sn && ulimit -Hn && ulimit -Sv && ulimit -Hv && ulimit -Sd && ulimit -Hd && ulimit -Ss && ulimit -Hs && export -p && echo .
  [ -z "$keep" ] || {
    PATH=/usr/bin:/bin:$PATH
    command -v base64 >/dev/null || echo !
    LC_ALL=C exec base64 -w100000 "/proc/$pid/environ" 2>&-
  }
) || fail "the caller's environment could not be noted" "the shell that did it was killed, or found no free process or memory"

# Limits too low for the runtime are raised until the payload starts, or refused before anything is done.
raised=
room() { # what is limited, the letter of ulimit, soft, hard, and what the runtime needs, all in KiB
  [ "$3" != unlimited ] && [ "$3" -lt "$5" ] || return 0
  [ "$4" = unlimited ] || [ "$4" -ge "$5" ] || fail "the hard limit on $1 is $4 KiB, and this program needs $5" "ulimit -H$2 $5"
  ulimit "-S$2" "$5"
  raised="$raised $2$3"
}
limits() {
  files=$1
  [ "$2" = unlimited ] || [ "$2" -ge $FILES ] || fail "the hard limit on open files is $2, and this program needs $FILES" "ulimit -Hn $FILES"
  room "address space" v "$3" "$4" $ADDRESSES
  room "data" d "$5" "$6" $DATA
  room "the stack" s "$7" "$8" $STACK
}
IFS=$nl
set -f
limits $noted

# Variables that the runtimes and their libraries obey are unset. The environment follows the last line that is a single dot.
part=
for line in $noted; do
  case $line in
  .) part=0 ;;
  !) fail "missing program: base64, which encodes the environment" "coreutils and busybox have it" ;;
  "export BUN_"* | "export NODE_"* | "export UV_"* | "export MIMALLOC_"* | "export OPENSSL_"*)
    line=${line#export } line=${line%%=*}
    case $line in *[!A-Za-z0-9_]*) ;; *) unset "$line" ;; esac
    ;;
  *) [ -z "$part" ] || { export "CONTAIN_ENVIRON_$part=$line" && part=$((part + 1)); } ;;
  esac
done
[ "$keep$part" != yes0 ] || { export CONTAIN_ENVIRON_0= && part=1; } # an empty one
unset "CONTAIN_ENVIRON_$part"
set +f
unset IFS

open=
case " $*" in
*" --preserve-fds"*)
  for fd in /proc/self/fd/*; do # that of the folder itself is closed by now, that of this script will be
    [ "${fd##*/}" -lt 3 ] || [ ! -e "$fd" ] || [ "$fd" -ef "$self" ] || open="$open ${fd##*/}"
  done
  ;;
esac

# Bun does not start in a removed directory, so it starts elsewhere and returns by a descriptor.
place=
if [ ! "$PWD" -ef . ] && true 2>&- 9<.; then
  bin=$(CDPATH="" cd -P -- "$bin" && pwd)
  for fd in 9 8 7 6 5 4 3; do
    [ ! -e "/proc/self/fd/$fd" ] || continue
    eval "exec $fd<." && cd / && place=$fd
    break
  done
fi
case $bin in
/*) ;;
*) bin=$PWD/$bin ;;
esac

start "$@"
