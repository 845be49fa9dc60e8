#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# modules.sh DIR NAME...
#
# Prints the files (relative to DIR, a kernel's module directory) that NAME...
# need, dependencies first, each once: the order for insmod. A module that is
# built into the kernel needs none. `-` and `_` are the same, as for modprobe.
set -eu

dir=$1
shift
[ -e "$dir/modules.dep" ] || { echo "modules: $dir has no modules.dep" >&2; exit 1; }

awk -v names="$*" '
function key(path) {
    sub(/.*\//, "", path)
    sub(/\.ko.*/, "", path)
    gsub(/-/, "_", path)
    return path
}
FILENAME ~ /builtin$/ { builtin[key($1)] = 1; next }
{
    sub(/:/, "")
    deps[key($1)] = $0
}
END {
    n = split(names, wanted, " ")
    for (i = 1; i <= n; i++) {
        name = key(wanted[i])
        if (name in builtin)
            continue
        if (!(name in deps)) {
            print "modules: no module " wanted[i] >"/dev/stderr"
            exit 1
        }
        # depmod lists what must be loaded first last.
        for (j = split(deps[name], file, " "); j > 0; j--)
            if (!seen[file[j]]++)
                print file[j]
    }
}' "$dir/modules.builtin" "$dir/modules.dep"
