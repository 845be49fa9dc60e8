#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# sev-validate.sh           (environment: B, the build directory)
#
# libvirt's virt-qemu-sev-validate, as it is, as the guest owner's tool: it must accept the
# measurements of our launches, refuse those of others, and its secret must be taken; prints
# TAP. Matrix: kernel, initrd present or absent, command line empty or long, policy. Launches
# end when the secret was injected: no guest has to run, any KVM will do.
set -u
export LC_ALL=C

top=$(cd "$(dirname "$0")/../.." && pwd)
build=${B:-build/$(uname -m)}
case $build in /*) ;; *) build=$top/$build ;; esac
nr=0 failed=0
fw=$build/firmware/tvm-fw-x86_64.bin
tiny=$build/tests/guest/tiny

skip_all() { echo "1..0 # SKIP $*"; exit 0; }

# Required where the package is there to be had; a python of one's own may lack its modules.
validator=$(command -v virt-qemu-sev-validate) || {
    echo "1..1"
    echo "not ok 1 - virt-qemu-sev-validate is not installed: apt-get install libvirt-clients-qemu"
    exit 1
}
validate=("$validator")
"${validate[@]}" --help >/dev/null 2>&1 || validate=(/usr/bin/python3 "$validator")
"${validate[@]}" --help >/dev/null || exit 1
(: <>/dev/kvm) 2>/dev/null || skip_all "no usable /dev/kvm"

work=$(mktemp -d "${TMPDIR:-/tmp}/tvm-validate.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2

result() { # NAME STATUS
    nr=$((nr + 1))
    if [ "$2" = 0 ]; then
        echo "ok $nr - $1"
    else
        failed=$((failed + 1))
        tail -n 5 tool err 2>/dev/null | sed 's/^/# /'
        echo "not ok $nr - $1"
    fi
}

check() { # NAME COMMAND...
    "${@:2}"
    result "$1" $?
}

# One launch, up to the measurement; $pid then waits for a secret.
launch() { # KIND POLICY ARGUMENT...
    policy=$2
    rm -rf owner err metrics
    "$build/tvm-attest" session --soft platform --allow-soft --policy "$policy" --out owner \
        >tool 2>&1 || return
    cat owner/tek.bin owner/tik.bin >owner/tk.bin
    "$build/tvm-run" --memory 64M --metrics metrics "${@:3}" --tee "$1,platform=soft,soft-dir=\
platform,policy=$policy,session=owner/session.b64,dh-cert=owner/godh.b64,measurement=owner/m,\
secret-header=owner/header,secret=owner/payload,secret-timeout=30" >out 2>err </dev/null &
    pid=$!
    while [ ! -s owner/m ]; do
        kill -0 "$pid" 2>/dev/null || return
        sleep 0.02
    done
}

# Nothing comes after the measurement.
give_up() {
    kill "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
}

# The tool, told what the platform says of itself; its keys come first.
tool() { # ARGUMENT...
    "${validate[@]}" --measurement "$(cat owner/m)" --api-major "$major" --api-minor "$minor" \
        --build-id "$id" --policy $((policy)) --firmware "$fw" "$@" >tool 2>&1
}

accepts() { # ARGUMENT...
    tool --tik owner/tik.bin --tek owner/tek.bin "$@" && grep -q '^OK: Looks good' tool
}

# Status 1 is the tool's word for a measurement that does not match; others are errors.
refuses() { # ARGUMENT...
    tool --tik owner/tik.bin --tek owner/tek.bin "$@"
    [ $? = 1 ] && grep -q 'Measurement does not match' tool
}

# The processor took the packet and let the guest run, whatever became of that afterwards.
secret_taken() {
    wait "$pid"
    grep -q '"secret":[1-9][0-9]*,"finish":[1-9]' metrics
}

# A platform: its keys come with the first launch.
"$build/tvm-run" --memory 32M --kernel "$tiny/hello" --tee \
    sev,platform=soft,soft-dir=platform,secret-header=h,secret=s,secret-timeout=0 >out 2>err
about() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" platform/status.json; }
major=$(about api-major) minor=$(about api-minor) id=$(about build-id)
echo "# $(dpkg-query -W libvirt-clients-qemu 2>/dev/null); API $major.$minor build $id"

# ---- Measurements --------------------------------------------------------------------------

head -c 1234567 /dev/urandom >initrd
long=console=ttyS0$(printf ' word%.0s' {1..380})
for kernel in hello hello.bz; do
    for initrd in "" initrd; do
        for cmdline in "" "console=ttyS0" "$long"; do
            # NODBG, NOKS, NOSEND, DOMAIN, SEV; the last one wants an API of at least 0.22.
            for policy in 0 1 3 0x9 0x3b 0x16000001; do
                files=(--kernel "$tiny/$kernel")
                [ -z "$cmdline" ] || files+=(--cmdline "$cmdline")
                [ -z "$initrd" ] || files+=(--initrd initrd)
                launch sev $policy "${files[@]}"
                check "$kernel, ${initrd:-no initrd}, command line of ${#cmdline}, policy $policy" \
                    accepts "${files[@]}"
                give_up
            done
        done
    done
done

# ---- What it must refuse: our launch is one thing, its expectation another -----------------

launch sev 1 --kernel "$tiny/hello" --initrd initrd --cmdline "a b"
files=(--kernel "$tiny/hello" --initrd initrd --cmdline "a b")
check "the one to be spoilt" accepts "${files[@]}"
check "keys in one file" tool --tk owner/tk.bin "${files[@]}"
check "another kernel" refuses --kernel "$tiny/hello.bz" --initrd initrd --cmdline "a b"
check "no initrd" refuses --kernel "$tiny/hello" --cmdline "a b"
check "another command line" refuses --kernel "$tiny/hello" --initrd initrd --cmdline "a  b"
right=$fw
cp "$fw" other && printf '\001' | dd of=other bs=1 seek=4096 conv=notrunc 2>/dev/null
fw=other
cmp -s other "$right" && printf '\002' | dd of=other bs=1 seek=4096 conv=notrunc 2>/dev/null
check "a firmware byte" refuses "${files[@]}"
fw=$right
policy=3 && check "another policy" refuses "${files[@]}"
policy=1 id=$((id + 1)) && check "another build" refuses "${files[@]}"
id=$((id - 1))
head -c 16 /dev/urandom >owner/tik.bin
check "another TIK" refuses "${files[@]}"
give_up

# ---- Encrypted state -----------------------------------------------------------------------

# The tool's own register pages are those of KVM_SEV_ES_INIT. With KVM_SEV_INIT2 the FPU's reset
# state is in them, too: MXCSR and FCW, put in here.
vmsas() { # PREFIX: writes PREFIX0 and PREFIX1
    /usr/bin/python3 - "$validator" "$fw" "$1" <<'END'
import importlib.machinery, importlib.util, re, sys
loader = importlib.machinery.SourceFileLoader("validate", sys.argv[1])
spec = importlib.util.spec_from_loader("validate", loader)
sys.dont_write_bytecode = True
v = importlib.util.module_from_spec(spec)
loader.exec_module(v)
info = open("/proc/cpuinfo").read()
number = lambda name: int(re.search(r"^%s\s*: (\d+)$" % name, info, re.M)[1])
ovmf = v.OVMF()
ovmf.load(open(sys.argv[2], "rb").read())
vmsa = v.VMSA()
vmsa.amd64_cpu_init()
vmsa.kvm_cpu_init()
vmsa.qemu_cpu_init()
vmsa.cpu_sku(number("cpu family"), number("model"), number("stepping"))
for i in 0, 1:
    if i:
        vmsa.reset_addr(ovmf.reset_addr())
    page = bytearray(vmsa.pack())
    page[0x408:0x40c] = (0x1f80).to_bytes(4, "little")
    page[0x410:0x412] = (0x37f).to_bytes(2, "little")
    open(sys.argv[3] + str(i), "wb").write(page)
END
}

if grep -q AuthenticAMD /proc/cpuinfo; then
    check "register pages from the tool's parts" vmsas vmsa
    for cpus in 1 2 5; do
        launch sev-es 5 --kernel "$tiny/hello" --cpus $cpus
        check "sev-es, $cpus vCPUs" accepts --kernel "$tiny/hello" --num-cpus $cpus \
            --vmsa-cpu0 vmsa0 --vmsa-cpu1 vmsa1
        check "sev-es, $cpus vCPUs, another number" refuses --kernel "$tiny/hello" \
            --num-cpus $((cpus + 1)) --vmsa-cpu0 vmsa0 --vmsa-cpu1 vmsa1
        give_up
    done
fi

# ---- Its secrets ---------------------------------------------------------------------------

# Every length modulo 16: the tool pads with 1 to 16 bytes.
for length in 1 12 13 28 29 32 500 2000; do
    head -c $length /dev/urandom >text
    launch sev 1 --kernel "$tiny/hello"
    check "a secret of $length bytes is made" accepts --kernel "$tiny/hello" \
        --inject-secret luks-key:text --secret-header owner/header --secret-payload owner/payload
    check "a secret of $length bytes is taken" secret_taken
done
printf 'second' >second
launch sev 1 --kernel "$tiny/hello"
check "two secrets are made" accepts --kernel "$tiny/hello" --inject-secret luks-key:text \
    --inject-secret e6f5a162-d67f-4750-a67c-5d065f2a9910:second \
    --secret-header owner/header --secret-payload owner/payload
check "two secrets are taken" secret_taken

echo "1..$nr"
exit $((failed > 0))
