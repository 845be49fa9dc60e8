#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Dependencies point one way: who may include whom. The first row whose file pattern matches
# decides; "tvm.h" is the contract that every layer speaks (struct tvm_error).
. "$(dirname "$0")/lib.sh"

cat >"$scratch/rules" <<'RULES'
# file                            may include, beside tvm.h
^tests/                           .
^include/                         ^$
^examples/                        ^$
^cli/tvm-attest/cmd_platform      ^(cli|attest)/|^tee/csv/backend\.h$|^tee/virtcca/soft/platform\.h$
^cli/tvm-attest/realm             ^(cli|attest)/|^firmware/image\.h$
^cli/tvm-attest                   ^(cli|attest)/
^cli/                             ^cli/
^base/                            ^base/
^vmm/                             ^(vmm|base|attest)/|^arch/arch\.h$|^tee/tee\.h$|^firmware/image\.h$
^arch/arch\.h                     ^(vmm|base)/
^arch/aarch64/                    ^(arch/aarch64|vmm|firmware|base|attest)/|^(arch/arch|tee/tee)\.h$
^arch/x86_64/                     ^(arch/x86_64|vmm|firmware|base|attest)/|^(arch/arch|tee/tee)\.h$
^tee/[^/]*$                       ^tee/tee\.h$|^(vmm|base)/
^attest/                          ^(attest|base)/
^tee/soft/                        ^(tee/soft|base)/
^tee/csv/                         ^(tee/csv|tee/soft|attest)/|^tee/tee\.h$|^vmm/(vm|vcpu|gmem|kvm)\.h$|^base/
^tee/virtcca/                     ^(tee/virtcca|tee/soft|attest)/|^tee/tee\.h$|^vmm/(vm|vcpu|gmem|kvm)\.h$|^base/
^devices/virtio/pci[^/]*$         ^devices/(virtio/|pci/pci\.h|(chardev|devices|later)\.h)|^vmm/(device|devopts|bus|gmem|irq)\.h$|^base/
^devices/virtio/                  ^devices/(virtio/|(chardev|devices|later)\.h)|^vmm/(device|devopts|bus|gmem|irq)\.h$|^base/
^devices/pci/                     ^devices/(pci/|(devices|later)\.h)|^vmm/(device|devopts|bus|gmem|irq)\.h$|^base/
^devices/serial/                  ^devices/(serial/|(chardev|devices|later)\.h)|^vmm/(device|devopts|bus|gmem|irq)\.h$|^base/
^devices/platform/fw_port          ^devices/devices\.h$|^firmware/x86_64/fw_abi\.h$|^base/
^devices/platform/                ^devices/(platform/|(devices|later)\.h)|^vmm/(device|devopts|bus|gmem|irq)\.h$|^base/
^devices/[^/]*$                   ^devices/[^/]*$|^vmm/(device|devopts|bus|gmem|irq)\.h$|^base/
^firmware/x86_64/                 ^(firmware/x86_64|base)/|^arch/x86_64/(acpi_tables|aml)\.h$
^firmware/                        ^(firmware|base)/
RULES

# Headers of the kernel and of libraries stay where they belong.
cat >"$scratch/outside" <<'RULES'
# header              only in
^linux/kvm\.h$        ^(vmm|arch|tee|tests)/
^json-c/              ^(vmm/config_json\.c|tests/.*)$
^liburing             ^(devices/virtio/blk[^/]*|tests/.*)$
^(libelf|gelf)\.h$    ^(firmware/elf\.c|tests/.*)$
^libfdt\.h$           ^(arch/aarch64/fdt\.c|tests/.*)$
^openssl/             ^(attest|tee|tests)/
RULES

tree_files '*.c' '*.h' >"$scratch/files"
xargs awk '/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
	h = $0; sub(/^[^<"]*/, "", h); sub(/[>"][^>"]*$/, "", h)
	print FILENAME, FNR, substr(h, 1, 1) == "<" ? "system" : "own", substr(h, 2)
}' <"$scratch/files" >"$scratch/includes"

awk '
	FNR == NR { if ($1 !~ /^#/) { file[++n] = $1; may[n] = $2 }; next }
	$3 == "own" && $4 != "tvm.h" {
		for (i = 1; i <= n && $1 !~ file[i]; i++)
			;
		if (i > n)
			print $1 ":" $2 ": no rule for this folder"
		else if ($4 !~ may[i])
			print $1 ":" $2 ": must not include \"" $4 "\""
	}' "$scratch/rules" "$scratch/includes" | report "includes point the right way"

awk '
	FNR == NR { if ($1 !~ /^#/) { header[++n] = $1; where[n] = $2 }; next }
	$3 == "system" {
		for (i = 1; i <= n; i++)
			if ($4 ~ header[i] && $1 !~ where[i])
				print $1 ":" $2 ": <" $4 "> does not belong here"
	}' "$scratch/outside" "$scratch/includes" | report "headers of libraries stay where they belong"

while read -r file line kind header; do
	[ "$kind" != own ] || [ "$header" = tvm.h ] || [ -f "$header" ] ||
		echo "$file:$line: \"$header\" is not a path from the root"
done <"$scratch/includes" | report "includes are written from the root"

# A header proves that it stands alone by coming first in its own source file.
while read -r file; do
	own=${file%.c}.h
	[ "$own" != "$file" ] && [ -f "$own" ] || continue
	awk -v f="$file" -v own="$own" '$1 == f {
		if ($4 != own) print f ":" $2 ": its own header comes first"
		exit
	}' "$scratch/includes"
done <"$scratch/files" | report "own header comes first"

finish
