# What the scripts of the cases share.
cg=/sys/fs/cgroup

# Runs a command until it succeeds: what another process does, is waited for.
until_ok() {
  local tries
  for tries in {1..600}; do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  echo "waited in vain: $*" >&2
  exit 99
}

# Starts a command, shows what it prints until it says "ready", and leaves it waiting for a line: `hold CMD…`, a look, `release`.
hold() {
  local line
  coproc HELD { [ "$(type -t "$1")" = function ] || exec "$@"; "$@"; }
  held=$HELD_PID
  exec {from}<&"${HELD[0]}" {to}>&"${HELD[1]}"
  while read -r line <&"$from" && [ "$line" != ready ]; do echo "$line"; done
}
release() {
  echo go >&"$to"
  exec {to}>&-
  cat <&"$from"
  wait "$held"
}

# `show GROUP FILE…`: the first line of each file. GROUP may be a pattern: the name of a container's group is not known before.
show() {
  local group=$1 file value
  shift
  for file; do value=$(cat $cg/$group/$file) && echo "$file ${value%%$'\n'*}"; done
}

# `field GROUP FILE KEY`: a field of a flat keyed file.
field() { sed -n "s/^$3 //p" $cg/$1/$2; }
