#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Whether tests/run.sh counts right: a runner that calls a crash a success hides all the rest.
. "$(dirname "$0")/lib.sh"

# expect NAME "COUNTS" [TEXT]: what run.sh makes of the program on stdin; TEXT is shown, too.
expect()
{
	printf '#!/bin/sh\n' >"$scratch/program"
	cat >>"$scratch/program"
	chmod +x "$scratch/program"
	status=0
	tests/run.sh --timeout 1 "$scratch/program" >"$scratch/shown" 2>&1 || status=$?
	{
		[ "$(tail -n 1 "$scratch/shown")" = "$2" ] ||
			echo "wanted '$2', got '$(tail -n 1 "$scratch/shown")'"
		case $2 in
		*" 0 failed,"*) [ $status = 0 ] || echo "exit status $status" ;;
		*) [ $status = 1 ] || echo "exit status $status" ;;
		esac
		[ -z "${3-}" ] || grep -qF -- "$3" "$scratch/shown" || echo "does not show '$3'"
	} | report "$1"
}

expect "all pass" "2 passed, 0 failed, 0 skipped" <<'P'
echo 'ok 1 - a'; echo 'ok 2 - b'; echo 1..2
P
expect "one fails, its diagnostics are shown" "1 passed, 1 failed, 0 skipped" "# file.c:3: a == b" <<'P'
echo 1..2; echo 'ok 1 - a'; echo '# file.c:3: a == b'; echo 'not ok 2 - b'; exit 1
P
expect "diagnostics may follow" "1 passed, 1 failed, 0 skipped" "# behind" <<'P'
echo 'not ok 1 - b'; echo '# behind'; echo 'ok 2 - a'; echo 1..2
P
expect "one is skipped" "1 passed, 0 failed, 1 skipped" "no /dev/kvm" <<'P'
echo 'ok 1 - a # SKIP no /dev/kvm'; echo 'ok 2 - b'; echo 1..2
P
expect "all is skipped by plan" "0 passed, 0 failed, 1 skipped" "skip: not built" <<'P'
echo '1..0 # SKIP not built'
P
expect "exit status 77 is a skip" "0 passed, 0 failed, 1 skipped" "skip: no emulator here" <<'P'
echo looking; echo 'no emulator here'; exit 77
P
expect "exit status 77 hides no failure" "0 passed, 1 failed, 0 skipped" <<'P'
echo 'not ok 1 - a'; echo 1..1; exit 77
P
expect "a crash is a failure" "1 passed, 1 failed, 0 skipped" "killed by signal 11" <<'P'
echo 'ok 1 - a'; kill -SEGV $$
P
expect "a crash after the plan, too" "1 passed, 1 failed, 0 skipped" "killed by signal 6" <<'P'
echo 'ok 1 - a'; echo 1..1; kill -ABRT $$
P
expect "a crash adds to failures" "0 passed, 2 failed, 0 skipped" "killed by signal 11" <<'P'
echo 'not ok 1 - a'; kill -SEGV $$
P
expect "stderr of what failed is shown" "0 passed, 1 failed, 0 skipped" "ERROR: leak" <<'P'
echo 'ERROR: leak' >&2; exit 23
P
expect "a status that no test explains" "1 passed, 1 failed, 0 skipped" "exit status 23" <<'P'
echo 'ok 1 - a'; echo 1..1; exit 23
P
expect "no plan" "1 passed, 1 failed, 0 skipped" "no plan" <<'P'
echo 'ok 1 - a'
P
expect "no output" "0 passed, 1 failed, 0 skipped" "no plan" <<'P'
exit 0
P
expect "fewer tests than planned" "1 passed, 1 failed, 0 skipped" "planned 3 tests, ran 1" <<'P'
echo 1..3; echo 'ok 1 - a'
P
expect "a plan for nothing" "0 passed, 1 failed, 0 skipped" "no tests" <<'P'
echo 1..0
P
expect "bails out" "1 passed, 1 failed, 0 skipped" "Bail out! no memory" <<'P'
echo 1..3; echo 'ok 1 - a'; echo 'Bail out! no memory'; exit 1
P
expect "out of time" "1 passed, 1 failed, 0 skipped" "ran out of time" <<'P'
echo 'ok 1 - a'; exec sleep 30
P
expect "ok in other text does not count" "1 passed, 0 failed, 0 skipped" <<'P'
echo 'okay'; echo ' ok 5'; echo 'ok 1 - a'; echo 1..1
P

# Several programs add up, and one that is not there is a failure.
printf '#!/bin/sh\necho ok; echo 1..1\n' >"$scratch/program"
tests/run.sh "$scratch/program" "$scratch/program" "$scratch/absent" >"$scratch/shown" 2>&1 || :
[ "$(tail -n 1 "$scratch/shown")" = "2 passed, 1 failed, 0 skipped" ] ||
	sed 's/^/got: /' "$scratch/shown" >"$scratch/wrong"
cat "$scratch/wrong" 2>/dev/null | report "programs add up, an absent one fails"

finish
