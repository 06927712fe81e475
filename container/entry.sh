#!/bin/sh
# The way into the container: refuse a home that cannot keep the books, then become trader, which gets the signals.
set -eu
umask 077

refuse() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 3
}

user=$(id -u)
home=${TRADER_HOME:-}

[ "$user" -ne 0 ] || refuse \
    'the container runs as root, who could read and change what others keep' \
    'leave --user out, or give the owner of the home: --user "$(id -u):$(id -g)"'
[ -n "$home" ] || refuse 'TRADER_HOME is empty' 'leave it as the image sets it, and mount a volume there'
[ -d "$home" ] || refuse "the home $home is not there" "mount a volume: --volume trader:$home"
[ -w "$home" ] && [ -x "$home" ] || refuse \
    "user $user may not write to the home $home" \
    "mount a volume there, writable and owned by user $user: --volume trader:$home"

exec trader "$@"
