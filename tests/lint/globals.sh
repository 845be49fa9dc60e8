#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# No writable globals: many machines live in one process. Looks at the sections and symbols
# of every object, because sources can hide a static local. What relocation makes read-only
# again (.data.rel.ro: constant tables with pointers) is fine.
. "$(dirname "$0")/lib.sh"
lib=$B/libtvm.a

# writable FILE: each writable object, or the section when no symbol tells.
writable()
{
	readelf -SsW "$1" | awk '
		function flush(i) {
			for (i in size)
				if (size[i] && !(i in told))
					print object ": " size[i] " bytes in " name[i]
			split("", size); split("", told); split("", name)
		}
		/^File: / { flush(); object = $2 }
		/^ *\[ *[0-9]+\]/ {
			sub(/^ *\[ */, ""); sub(/\]/, "")
			if ($2 ~ /^\.(data|bss|tdata|tbss)/ && $2 !~ /^\.data\.rel\.ro/ &&
			    $6 !~ /^0+$/) {
				name[$1] = $2
				size[$1] = "0x" $6
				sub(/^0x0+/, "0x", size[$1])
			}
		}
		$4 == "OBJECT" || $4 == "TLS" || $7 == "COM" {
			if ($7 in size || $7 == "COM") {
				print object ": " $8 ", " $3 " bytes in " \
					($7 == "COM" ? "COMMON" : name[$7])
				told[$7]
			}
		}
		END { flush() }'
}

[ -f "$lib" ] || skip_all "$lib is not built"
command -v readelf >/dev/null || skip_all "needs readelf (binutils)"
if readelf -sW "$lib" | grep -qE ' UND __(asan|ubsan|tsan|msan|sancov)'; then
	skip_all "a sanitizer adds globals of its own"
fi

# The check has to see each kind of global, and nothing in constant tables.
cat >"$scratch/self.c" <<'C'
int in_data = 1, in_bss;
static int in_local(void) { static int hidden; return hidden++; }
_Thread_local int in_tdata = 1, in_tbss;
extern int in_elsewhere;
static int *const table[] = { &in_elsewhere };
int *const *get(int *n) { *n = in_local(); return table; }
C
$CC -O0 -fPIC -c -o "$scratch/self.o" "$scratch/self.c"
(cd "$scratch" && rm -f self.a && ar rc self.a self.o)
writable "$scratch/self.a" >"$scratch/seen"
for w in in_data in_bss hidden in_tdata in_tbss; do
	grep -q "$w" "$scratch/seen" || echo "did not see $w"
done >"$scratch/missed"
grep -E 'table|rel\.ro' "$scratch/seen" >>"$scratch/missed" || :
report "the check sees every kind of global" <"$scratch/missed"

writable "$lib" | report "no writable globals in $lib"
finish
