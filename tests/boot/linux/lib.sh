# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What the groups of ../linux.sh share. For any POSIX shell (busybox in the nested test machine),
# in a folder with tvm-run, kernels and initrds. Prints TAP; linux.sh adds the plan.

count=0
# What kernels' files are called here.
image=bzImage
[ "$(uname -m)" != aarch64 ] || image=Image

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

# A guest in the background is started behind ": >out": what the one before it said must not be
# taken for its words.
#
# finish: waits for the guest $pid, and leaves its $status. One that hangs is killed, so that the
# cases behind it still run.
finish() {
    { sleep 300; kill -KILL "$pid"; } >/dev/null 2>&1 &
    killer=$!
    wait "$pid"
    status=$?
    kill $killer 2>/dev/null
}

# press: the power button of $pid, time and again: the guest may not be listening yet.
press() {
    has button && return
    kill -USR1 "$pid" 2>/dev/null
    return 1
}

# net_serve K: what the guest's case_net finds at the other end of network K, once: the file blob,
# and who takes as much back, into back$K. The two processes are in $servers.
net_serve() {
    busybox nc -l -p "500$1" -e cat blob &
    servers="${servers-} $!"
    busybox nc -l -p "510$1" -e sh -c "head -c $(wc -c <blob) >back$1 && echo got" &
    servers="$servers $!"
}

# Behind each line with the guest's clock, the host's at the moment when it arrived.
stamp() { awk '{ print } /^tvm-guest: epoch=/ { print "host: epoch=" systime() }'; }

# vm STATUS NAME ARGUMENTS...: run a guest to its end and compare the exit status.
vm() {
    want=$1 name=$2
    shift 2
    date +%s >began
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
# so the smallest difference is the nearest to the truth. Until late in its boot a kernel counts
# ticks, and a guest so slow that it misses some is behind by these: in an emulated host, that
# much is granted, which is what the guest has run for on the host less what it thinks it has.
clock_ok() {
    tr -d '\r' <out | awk -v began="$(cat began)" -v emulated="$([ -e emulated ] && echo 1)" '
        function least(a, b) { return a == "" || b < a ? b : a }
        /^tvm-guest: epoch=/ { split($2, e, "="); split($3, u, "=") }
        /^host: epoch=/ {
            split($2, h, "=")
            behind = least(behind, h[2] - e[2])
            lost = least(lost, h[2] - began - u[2])
        }
        END {
            grant = emulated && lost > 0 ? lost : 0
            if (behind > 1) printf "# the clock is %d s behind, ticks of %d s were lost\n", behind, lost
            exit !(behind != "" && behind >= -1 && behind <= 1 + grant)
        }'
}

# boots KERNEL INITRD CPUS MEMORY LOW_MB HIGH_MB [ARGUMENT...]; more cases in $cases: ",disk"
boots() {
    name="$1, $3 vCPUs, $4"
    kernel=$1 initrd=$2 cpus=$3 memory=$4 low=$5 high=$6
    shift 6
    vm 0 "$name" --kernel "$kernel" --initrd "$initrd" --cpus "$cpus" --memory "$memory" \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.mib=64 tvm.case=info${cases-}" "$@" || return
    check "$name: boots to init and powers off" has ready
    check "$name: CPU count" [ "$(value cpus)" = "$cpus" ]
    check "$name: memory size" between $((low * 1024)) "$(value mem_kb)" $((high * 1024))
    check "$name: clock" clock_ok
    check "$name: says how it ended" grep -q 'powered off' err
}
