#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Whether the checks beside this file can fail: each is shown a small tree with what it is to
# find. Those of the library's objects carry such a test themselves.
. "$(dirname "$0")/lib.sh"
here=$TREE/tests/lint
bad=$scratch/tree
spdx='/* SPDX-License-Identifier: Apache-2.0 */'

mkdir -p "$bad/vmm" "$bad/devices/virtio" "$bad/base" "$bad/arch/x86_64"

# finds CHECK TEXT: CHECK, run on the bad tree, fails and names TEXT
finds()
{
	status=0
	TREE=$bad "$here/$1.sh" >"$scratch/out" 2>&1 || status=$?
	{
		[ $status = 1 ] || echo "exit status $status"
		grep -qF -- "$2" "$scratch/out" || { echo "does not say '$2':"; cat "$scratch/out"; }
	} | report "$1 finds $3"
}

printf '%s\n' "$spdx" '#include "arch/x86_64/layout.h"' '#include <json-c/json.h>' >"$bad/vmm/a.c"
printf '%s\n' "$spdx" '#include "../base/b.h"' '#include "vmm/vm.h"' >"$bad/devices/virtio/blk.c"
printf '%s\n' "$spdx" >"$bad/base/b.h"
printf '%s\n' "$spdx" '#include <errno.h>' '#include "base/b.h"' >"$bad/base/b.c"
finds includes 'vmm/a.c:2: must not include "arch/x86_64/layout.h"' "vmm that knows an arch"
finds includes 'devices/virtio/blk.c:3: must not include "vmm/vm.h"' "a device that knows the VM"
finds includes 'vmm/a.c:3: <json-c/json.h> does not belong here' "a library's header out of place"
finds includes '"../base/b.h" is not a path from the root' "a relative path"
finds includes 'base/b.c:2: its own header comes first' "an own header that comes late"

printf '%s\n' "$spdx" 'int f(void)' '{' '        return 1;	' '}' '' >"$bad/base/c.c"
printf '%s\n' "$spdx" 'int g(int a) {' '	if(a)' '		return 1; // why' \
	'	char *s = "http://x if(";	/* if( // */' '}' >"$bad/base/d.c"
printf '/* %0100d */' 0 >"$bad/base/e.c"
finds format 'base/c.c:4: trailing blank' "trailing blanks"
finds format 'base/c.c: ends with an empty line' "an empty line at the end"
finds format 'base/e.c: no newline at its end' "a missing newline"
finds format 'base/e.c:1: 106 columns' "a long line"
finds format 'base/c.c:4: indented by blanks' "blanks for tabs"
finds format 'base/d.c:4: a // comment' "a // comment"
finds format "base/d.c:2: a function's { has a line of its own" "a brace out of place"
finds format 'base/d.c:3: no blank before (' "a missing blank"
grep 'd\.c:5' "$scratch/out" | report "format leaves strings and comments alone"

awk 'BEGIN { for (i = 0; i < 701; i++) print "/* */" }' >"$bad/base/f.c"
printf '#!/bin/sh\n' >"$bad/base/g.sh"
finds files 'base/e.c' "a file without a licence"
finds files 'base/f.c: 701 lines' "a file that is too long"
finds files 'base/g.sh: not executable' "a script without its mode"

printf '%s\n' "$spdx" '/* TODO #12: fine */' '/* TODO: what? */' '#if 0' '#endif' >"$bad/base/h.c"
finds words 'base/h.c:3:' "a note without an issue"
finds words 'base/h.c:4:' "disabled code"
grep 'h\.c:2' "$scratch/out" | report "words lets a note with an issue be"

finish
