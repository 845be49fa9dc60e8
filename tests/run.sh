#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [--timeout SECONDS] [--logs DIRECTORY] [--jobs N] PROGRAM...
#
# Runs programs that print TAP, N at a time, and adds up: one line for each and, of those that
# failed, the failing tests with their diagnostics. "PROGRAM ARGUMENT..." as one word is a program
# with arguments; options may stand between programs and hold from there on. The last line is "N passed, N failed, N skipped";
# the exit status is 0 only when nothing failed.
#
# A program also fails, once, when it crashes, runs out of time, ends with a status that its
# results do not explain, bails out, or when its plan is missing or wrong. Exit status 77
# without a failure is one skip; the last line printed is the reason.
set -u
export LC_ALL=C

usage()
{
	echo "usage: run.sh [--timeout SECONDS] [--logs DIRECTORY] [--jobs N] PROGRAM..." >&2
	exit 2
}

timeout=600 logs= jobs=1
[[ $# != 0 ]] || usage
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

# Reads a program's stdout. Prints, for people: failing tests, each with the "#" lines around
# it, and reasons of skips; last, for us: "counts PASSED FAILED SKIPPED".
judge='
function show(line) { print "    " line }
function fail(why) { failed++; show("not ok - " why) }
{ sub(/\r$/, "") }
$0 != "" { last = $0 }
/^#/ {
	if (after_failure) show($0)
	else if (nr_notes < 200) notes[++nr_notes] = $0
	next
}
/^(not )?ok([ \t]|$)/ {
	ran++
	after_failure = 0
	if (match($0, /#[ \t]*[Ss][Kk][Ii][Pp]/) && $1 == "ok") {
		skipped++
		show("skip: " $0)
	} else if ($1 == "ok") {
		passed++
	} else {
		failed++
		for (i = 1; i <= nr_notes; i++) show(notes[i])
		show($0)
		after_failure = 1
	}
	nr_notes = 0
	next
}
/^1\.\.[0-9]+/ {
	plans++
	plan = substr($1, 4) + 0
	why = match($0, /#[ \t]*[Ss][Kk][Ii][Pp]/) ? substr($0, RSTART + RLENGTH) : ""
	no_reason = !RSTART
}
/^Bail out!/ { bailed = 1; fail($0) }
END {
	if (status == 77 && !failed) {
		skipped++
		show("skip: " (last == "" ? "no reason given" : last))
	} else if (status == 124 || status == 137 && seconds >= limit) {
		fail("ran out of time: " limit " s")
		ended_early = 1
	} else if (status > 128) {
		fail("killed by signal " status - 128)
		ended_early = 1
	} else if (status && !failed) {
		fail("exit status " status)
		ended_early = 1
	}
	if (ended_early || bailed || status == 77 && !plans) {
		# nothing more to learn from the plan
	} else if (plans != 1) {
		fail(plans ? plans " plans" : "no plan")
	} else if (plan != ran) {
		fail("planned " plan " tests, ran " ran + 0)
	} else if (!plan && no_reason && status != 77) {
		fail("no tests")
	} else if (!plan && !no_reason) {
		skipped++
		show("skip:" why)
	}
	print "counts", passed + 0, failed + 0, skipped + 0
}'

# run NUMBER PROGRAM: leaves report.NUMBER, what is to be printed, behind a line with the counts.
run()
{
	local program=$2 dir=$tmp/$1 run start status us p f s word name lines

	mkdir "$dir"
	read -ra run <<<"$program"
	[[ ${run[0]} == */* ]] || run[0]=./${run[0]}
	start=${EPOCHREALTIME/./}
	if [[ -x ${run[0]} && ! -d ${run[0]} ]]; then
		timeout -k 10 "$timeout" "${run[@]}" >"$dir/out" 2>"$dir/err" </dev/null
		status=$?
	else
		: >"$dir/out"
		echo "$program: cannot be run" >"$dir/err"
		status=127
	fi
	us=$((${EPOCHREALTIME/./} - start))

	awk -v status=$status -v limit="$timeout" -v seconds=$((us / 1000000)) "$judge" \
		"$dir/out" >"$dir/report"
	read -r _ p f s < <(tail -n 1 "$dir/report")
	word=ok
	((s == 0 || p > 0)) || word=skip
	((f == 0)) || word=FAIL
	{
		echo "$p $f $s"
		printf '%-4s %-44s %4d passed %3d failed %3d skipped %7d.%d s\n' \
			$word "$program" "$p" "$f" "$s" $((us / 1000000)) $((us / 100000 % 10))
		head -n -1 "$dir/report"
		# What a crash or a sanitizer has to say is on stderr, the reason first.
		if ((f > 0)) && [[ -s $dir/err ]]; then
			head -n 60 "$dir/err" | sed 's/^/    | /'
			lines=$(wc -l <"$dir/err")
			((lines <= 60)) || echo "    | ... $((lines - 60)) more lines"
		fi
	} >"$tmp/printed.$1"
	if [[ -n $logs ]]; then
		name=${program#./}
		name=${name//[\/ ]/_}
		cp "$dir/out" "$logs/$name.out"
		cp "$dir/err" "$logs/$name.err"
	fi
	rm -rf "$dir"
	mv "$tmp/printed.$1" "$tmp/report.$1"
}

# Prints the reports that have come, in the order of the programs.
nr=0 shown=0 passed=0 failed=0 skipped=0
show()
{
	local p f s

	while [[ -e $tmp/report.$((shown + 1)) ]]; do
		shown=$((shown + 1))
		read -r p f s <"$tmp/report.$shown"
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
		tail -n +2 "$tmp/report.$shown"
	done
}

while [[ $# != 0 ]]; do
	case $1 in
	--timeout) timeout=${2?--timeout needs seconds}; shift 2; continue ;;
	--logs) logs=${2?--logs needs a directory}; mkdir -p "$logs" || exit 2; shift 2; continue ;;
	--jobs) jobs=${2?--jobs needs a number}; shift 2; continue ;;
	--*) echo "run.sh: unknown option $1" >&2; exit 2 ;;
	esac
	nr=$((nr + 1))
	run $nr "$1" &
	shift
	while (($(jobs -pr | wc -l) >= jobs)); do
		wait -n
		show
	done
done
wait
show
((nr > 0)) || usage

echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
