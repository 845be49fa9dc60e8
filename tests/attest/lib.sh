# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts beside it, in their working directory: $attest is tvm-attest, $work is
# for us. They end with "echo 1..$count; exit $failed".
count=0 failed=0
result()	# STATUS NAME [WHY]
{
	count=$((count + 1))
	if (($1 == 0)); then
		echo "ok $count - $2"
	else
		[[ -z ${3-} ]] || sed 's/^/# /' <<<"$3"
		sed 's/^/# stderr: /' "$work/err"
		echo "not ok $count - $2"
		failed=1
	fi
}

# expect STATUS TEXT ARGUMENT...: one line on stderr that has TEXT; none, and TEXT on stdout,
# when STATUS is 0
expect()
{
	local want=$1 text=$2 got=0 why= lines
	shift 2
	"$attest" "$@" >"$work/out" 2>"$work/err" </dev/null || got=$?
	lines=$(wc -l <"$work/err")
	((got == want)) || why+="status $got, not $want;"
	if ((want == 0)); then
		((lines == 0)) || why+=" $lines lines on stderr;"
		grep -qF -- "$text" "$work/out" || why+=" stdout lacks '$text'"
	else
		((lines == 1)) || why+=" $lines lines on stderr;"
		grep -q '^tvm-attest: ' "$work/err" || why+=" no prefix;"
		grep -qF -- "$text" "$work/err" || why+=" stderr lacks '$text'"
	fi
	text="$want: $* -> $text"
	[[ -z $why ]]
	result $? "${text//$'\n'/ }" "$why"
}
