# Starts one of the programs on its runtime; node.sh or bun.sh stands before it. A runtime changes its process before its first line of
# JavaScript runs. What it changes is noted here, so that the programs can give the payload what their caller had: soft limits, blocked
# and ignored signals, closed descriptors, the environment.
nl='
'
self=$0
[ ! -h "$self" ] || self=$(PATH=/usr/bin:/bin:$PATH && readlink -f "$self")
case $self in
*/*) ;;
*) [ -e "./$self" ] && self=./$self || self=$(command -v "$self") ;;
esac
bin=${self%/*} name=${self##*/}
bin=${bin:-/}

fail() {
  echo "$name: $1$nl  $2" >&2
  exit 125
}

[ -r /proc/self/stat ] || {
  what="there is no /proc, by which a program finds itself"
  [ ! -e /proc/uptime ] || what="/proc is that of a PID namespace that this process is not in"
  fail "$what" "mount -t proc proc /proc"
}

# Some shells ignore SIGQUIT themselves; none can trap a signal that its caller ignored. So what is ignored now is the caller's doing.
trap : QUIT
# Fields 32 and 33 are the blocked and the ignored ones of signals 1 to 31 (proc_pid_stat(5)). The first is our PID as /proc has it:
# $$ is another process there when a link before us has made a PID namespace. A name with newlines makes it several lines.
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

# The shell sets PWD, sorts the variables, and drops those whose names are no identifiers. So the environment is noted as it was, in
# variables: a command line is for everybody to read, and a single string has at most 128 KiB (execve(2)). A container gets none of it
# unless a word says so.
keep=yes
if [ "$name" = contain ]; then
  keep=
  for word; do
    case $word in
    --) break ;;
    lab | --*env* | -e* | -[!-]*e*) keep=yes ;;
    esac
  done
fi
noted=$(
  ulimit -Sn && ulimit -Hn && ulimit -Sv && ulimit -Hv && ulimit -Sd && ulimit -Hd && ulimit -Ss && ulimit -Hs && export -p && echo .
  [ -z "$keep" ] || {
    PATH=/usr/bin:/bin:$PATH
    command -v base64 >/dev/null || echo !
    LC_ALL=C exec base64 -w100000 "/proc/$pid/environ" 2>&-
  }
) || fail "what the caller has set could not be noted" "the shell that noted it was killed, or had no process or memory left"

# Limits that the runtime cannot live with are raised until the payload starts, or refused before anything has been done.
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

# What the runtimes and their libraries obey is unset. Behind the last line with a dot alone is the environment.
part=
for line in $noted; do
  case $line in
  .) part=0 ;;
  !) fail "there is no \`base64\`, by which the environment is noted" "it is one of coreutils, and of busybox" ;;
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

# Bun does not start in a directory that is gone, so it starts elsewhere and comes back by a descriptor.
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
