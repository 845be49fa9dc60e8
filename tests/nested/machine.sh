# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# x86_64.sh, aarch64.sh [--tries N] [--mem MIB] [--smp N] [--timeout S] [--log FILE]
#                       [--add HOSTPATH=PATHINSIDE]... SCRIPT
#
# Run SCRIPT (by busybox sh, as root) on an emulated host that has KVM: an emulator in pure
# software, a Debian kernel, and an initramfs of busybox, some modules, the added files and
# directories. An added dynamic program brings its libraries along. Modules other than
# KVM's are there to be loaded: `modprobe tun vhost_net vhost_vsock`.
#
# stdout is, byte for byte, what SCRIPT printed. The machine's kernel writes to
# --log. Exit status: that of SCRIPT; 124 when the time was up; 125 when the
# machine failed before SCRIPT or under it; 126 for an error of this script.
#
# The emulator changes a processor's pending interrupts from two threads at once and so may lose
# one, now and then even with one CPU, and a machine that waits for its timer would sleep for ever.
# The next interrupt brings a lost one to notice: a byte for the line that SCRIPT's output comes
# on causes one every second. If the machine is silent for two minutes all the same, or its kernel
# panics, that is status 125. --tries, which comes first, begins anew in that case; stdout is held
# back until the end.
#
# This file is sourced by the two, which set: emulator, machine (its arguments, an array),
# kernel_asset, busybox_asset, host_modules (what makes it a KVM host), append (kernel
# parameters) and the function channels LOG COURSE, which sets the array of the same name: log,
# our stdout and course as the devices that append names.
: "${emulator:?}"
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tvm

say() { echo "nested: $*" >&2; }
die() { say "$*"; exit 126; }

if [[ ${1-} = --tries && ${2-} =~ ^[1-9]$ ]]; then
    tries=$2 held=$(mktemp)
    trap 'rm -f "$held"' EXIT
    shift 2
    for ((try = 1; ; try++)); do
        status=0
        "$0" "$@" >"$held" || status=$?
        [[ $status = 125 && $try -lt $tries ]] || break
        say "the emulated host died; trying again"
    done
    cat "$held"
    exit "$status"
fi

. "$here/tree.sh"

mem=2048 smp=1 limit=300 log="" adds=()
while [[ ${1-} = --* ]]; do
    [[ $# -ge 2 ]] || die "$1 needs a value"
    case $1 in
    --mem) mem=$2 ;;
    --smp) smp=$2 ;;
    --timeout) limit=$2 ;;
    --log) log=$2 ;;
    --add) adds+=("$2") ;;
    *) die "unknown option $1" ;;
    esac
    shift 2
done
[[ $# = 1 && -f $1 ]] || die "usage: $(basename "$0") [OPTION VALUE]... SCRIPT"
script=$1

PATH=$PATH:/usr/sbin:/sbin
for tool in "$emulator" cpio modinfo; do
    command -v "$tool" >/dev/null || die "needs $tool"
done
assets=$("$here/assets.sh" "$kernel_asset" "${kernel_asset%/*}/modules" "$busybox_asset") || exit 126
{ read -r kernel; read -r modules; read -r busybox; } <<<"$assets"

work=$(mktemp -d "${TMPDIR:-/tmp}/tvm-nested.XXXXXX")
trap 'rm -rf "$work"' EXIT
log=${log:-$work/log}

# What a payload may load: KVM, and the host's side of networks and sockets.
host_modules+=" tun tap vhost_net vhost_vsock vsock_loopback vsock_diag veth bridge overlay loop ext4 dm_mod"

release_of() { modinfo -F vermagic "$(find "$1" -name '*.ko' -print -quit)" | cut -d' ' -f 1; }

# The part that stays the same: busybox, modules and init.
base() {
    local root=$work/base image release
    image=$cache/nested-$(cat "$here"/{init,tree}.sh <(echo "$busybox $modules $host_modules") |
        sha256sum | head -c 12).cpio
    if [[ ! -e $image ]]; then
        release=$(release_of "$modules")
        busybox_tree "$root" "$busybox"
        cp "$here/init.sh" "$root/init"
        chmod +x "$root/init"
        mkdir -p "$root/test" "$root/lib/modules/$release"
        # shellcheck disable=SC2086
        (cd "$modules" && "$here/modules.sh" . $host_modules | cat - <(ls -d modules.*) |
            xargs cp --parents -t "$root/lib/modules/$release")
        archive "$root" >"$work/base.cpio"
        mv "$work/base.cpio" "$image.$$"
        mv "$image.$$" "$image"
    fi
    echo "$image"
}

# The part that differs: SCRIPT and the added files.
payload() {
    local root=$work/payload add
    mkdir -p "$root/test"
    cp "$script" "$root/test/run"
    for add in "${adds[@]}"; do
        add_path "$root" "$add"
    done
    archive "$root"
}

image=$(base)
payload >"$work/payload.cpio"
cat "$image" "$work/payload.cpio" >"$work/initrd"
rm -rf "$work"/payload*

append+=" quiet panic=-1 watchdog_thresh=30 softlockup_panic=1"
channels "$log" "$work/course"

: >"$work/course"
: >"$log"
mkfifo "$work/pulse"
exec 7<>"$work/pulse"
# The machine's kernel may be dead without knowing it: no beat for two minutes.
while sleep 1 && [[ -e $work/course ]]; do
    # Not before SCRIPT runs: the line would send it back.
    [[ ! -s $work/course ]] || echo >&7
    if (($(date +%s) - $(stat -c %Y "$work/course") > 120)); then
        touch "$work/silent"
        kill "$(cat "$work/pid")"
        break
    fi
done >/dev/null 2>&1 </dev/null &
watcher=$!
# The pipe keeps the emulator from making our own stdout non-blocking.
set +e
timeout --foreground -k 5 "$limit" "$emulator" "${machine[@]}" \
    -smp "$smp" -m "$mem" -nodefaults -display none -no-reboot \
    -kernel "$kernel" -initrd "$work/initrd" -append "$append" -pidfile "$work/pid" \
    "${channels[@]}" \
    <&7 2>"$work/stderr" | tee "$work/out"
status=${PIPESTATUS[0]}
kill $watcher 2>/dev/null
set -e

course=$(cat "$work/course")
if [[ $course =~ exit\ ([0-9]+) ]]; then
    exit "${BASH_REMATCH[1]}"
fi

if [[ $status = 124 || $status = 137 ]]; then
    say "no end after $limit s; the last lines:"
    status=124
elif [[ -e $work/silent ]]; then
    say "the machine was silent for two minutes; the last lines:"
    status=125
elif [[ $course ]]; then
    say "the machine stopped while the script ran; the last lines:"
    status=125
else
    say "the machine stopped before the script ran; the last lines:"
    status=125
fi
{ tail -n 5 "$work/out"
  grep -aE -m 3 'Kernel panic|BUG:|Out of memory' "$log" || true
  tail -qn 3 "$log" "$work/stderr"; } | sed 's/^/nested:   /' >&2
exit "$status"
