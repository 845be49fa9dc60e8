# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What the groups of ../linux.sh share. For any POSIX shell (busybox in the nested test machine),
# in a folder with tvm-run, kernels and initrds. Prints TAP; linux.sh adds the plan.

count=0

result() { # RESULT NAME
    count=$((count + 1))
    echo "$1 $count - $2"
    [ "$1" = ok ] && return
    tail -n 15 out | sed 's/^/# out: /'
    tail -n 15 err | sed 's/^/# err: /'
    [ ! -s log ] || sed 's/^/# log: /' log
}

check() { # NAME COMMAND...
    label=$1
    shift
    if "$@"; then result ok "$label"; else result "not ok" "$label"; fi
}

not() { ! "$@"; }
has() { grep -qaF "tvm-guest: $1" out; }
value() { sed -n "s/^tvm-guest: $1=\([^\r]*\)\r*$/\1/p" out | head -n 1; }
# between LOW VALUE HIGH
between() { [ "${2:-0}" -ge "$1" ] && [ "$2" -le "$3" ]; }

# eventually SECONDS COMMAND...
eventually() {
    tries=$1
    shift
    until "$@"; do
        [ "$tries" -gt 0 ] || return 1
        tries=$((tries - 1))
        sleep 1
    done
}

# Behind each line with the guest's clock, the host's at the moment when it arrived.
stamp() { awk '{ print } /^tvm-guest: epoch=/ { print "host: epoch=" systime() }'; }

# vm STATUS NAME ARGUMENTS...: run a guest to its end and compare the exit status.
vm() {
    want=$1 name=$2
    shift 2
    { timeout 300 ./tvm-run "$@" 2>err </dev/null; echo $? >status; } | stamp >out
    got=$(cat status)
    [ "$got" = "$want" ] && return
    result "not ok" "$name (exit status $got, not $want)"
    return 1
}

# small STATUS NAME CASE ARGUMENTS...: the tests' own kernel.
small() {
    want=$1 name=$2 case=$3
    shift 3
    vm "$want" "$name" --kernel bzImage-small --initrd initrd-small --memory 256M \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.case=$case" "$@"
}

# The guest tells the time more than once. What delays a line on its way adds to the difference,
# so the smallest difference is the nearest to the truth.
clock_ok() {
    late=$(tr -d '\r' <out | sed -n 's/^tvm-guest: epoch=/guest /p; s/^host: epoch=/host /p' |
        awk '$1 == "guest" { guest = $2 }
            $1 == "host" { d = $2 - guest; if (n++ == 0 || d < least) least = d }
            END { print n ? least : "none" }')
    [ "$late" != none ] && between -1 "$late" 1
}

boots() { # KERNEL INITRD CPUS MEMORY LOW_MB HIGH_MB
    name="$1, $3 vCPUs, $4"
    vm 0 "$name" --kernel "$1" --initrd "$2" --cpus "$3" --memory "$4" \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.case=info" || return
    check "$name: boots to init and powers off" has ready
    check "$name: CPU count" [ "$(value cpus)" = "$3" ]
    check "$name: memory size" between $(($5 * 1024)) "$(value mem_kb)" $(($6 * 1024))
    check "$name: clock" clock_ok
    check "$name: says how it ended" grep -q 'powered off' err
}
