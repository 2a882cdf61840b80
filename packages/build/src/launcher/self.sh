# Where the programs are, and the name of this one.
self=$0
[ ! -h "$self" ] || self=$(PATH=/usr/bin:/bin:$PATH && readlink -f "$self")
case $self in
*/*) ;;
*) [ -e "./$self" ] && self=./$self || self=$(command -v "$self") ;;
esac
bin=${self%/*} name=${self##*/}
bin=${bin:-/}
